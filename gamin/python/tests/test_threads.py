"""What several threads do to one monitor or watch, and to many. Without the interpreter's lock, where there is a Python without one."""

from __future__ import annotations

import asyncio
import functools
import os
import select
import subprocess
import sys
import sysconfig
import threading
from collections import Counter

import pytest

import gamin
import gamin._session
from gamin._readers import Readers
from recording import ACKNOWLEDGE, CREATED, Monitor

THREADS = 6
ROUNDS = 40
# A call that waits for another, which is to have its turn meanwhile, waits so long.
TURN = 0.2


@pytest.fixture(autouse=True)
def hurried():
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*calls):
    """Has threads call these at once, and raises what one of them raises."""
    failures = []
    begin = threading.Barrier(len(calls))

    def run(call):
        try:
            begin.wait()
            call()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def test_one_monitor_has_many_threads(tmp_path):
    mon = Monitor()
    told = Counter()
    counting = threading.Lock()

    def count(path, event):
        with counting:
            told[event] += 1

    def asks(name):
        def call():
            for turn in range(ROUNDS):
                path = tmp_path / f"{name}-{turn}"
                stop = functools.partial(mon.stop_watch, path)
                watched = mon.watch_file(path, count)
                path.touch()
                again = mon.watch_file(path, count)
                together(stop, stop, mon.handle_events)
                assert not {watched, again} & set(mon.objects[os.fspath(path)])

        return call

    def handles():
        for _ in range(ROUNDS * 5):
            mon.handle_events()
            mon.event_pending()

    together(*[asks(name) for name in range(THREADS)], handles, handles)
    mon.settle()
    assert told[ACKNOWLEDGE] == 2 * THREADS * ROUNDS
    assert mon.cancelled == []
    assert mon._session._requests == {}
    assert not any(mon.objects.values())
    mon.disconnect()


def test_each_of_many_threads_has_a_monitor(tmp_path):
    def watches(name):
        def call():
            folder = tmp_path / str(name)
            folder.mkdir()
            for turn in range(ROUNDS // 4):
                mon = Monitor()
                told = mon.directory(folder)
                mon.settle()
                told.take()
                (folder / str(turn)).touch()
                mon.settle()
                assert told.take() == [(str(turn), CREATED)]
                mon.disconnect()

        return call

    together(*[watches(name) for name in range(THREADS)])


def test_one_watch_has_many_threads(tmp_path):
    folders = [tmp_path / str(name) for name in range(THREADS)]
    for folder in folders:
        folder.mkdir()
    told = [[] for _ in range(2)]
    with gamin.watch(tmp_path) as changes:

        def reads(mine):
            return lambda: mine.extend(changes)

        def works(folder):
            def call():
                for turn in range(ROUNDS):
                    changes.add(folder)
                    assert folder in changes.roots and repr(changes)
                    (folder / str(turn)).touch()
                    changes.sync()
                    assert changes.gaps == {}
                    changes.remove(folder)

            return call

        def all_work():
            together(*[works(folder) for folder in folders])
            changes.sync()
            while changes.wait(0):
                pass
            changes.close()

        together(*map(reads, told), all_work)
    created = Counter(change.path for change in told[0] + told[1] if change.event is gamin.Event.CREATED)
    expected = {folder / str(turn) for folder in folders for turn in range(ROUNDS)}
    assert {path: count for path, count in created.items() if path in expected and count != 1} == {}
    assert expected <= set(created)


def test_threads_of_a_child_make_one_watcher(tmp_path):
    with gamin.watch(tmp_path) as changes:
        # As after a fork.
        changes._after_fork()
        make, made = changes._make, []
        other = threading.Thread(target=changes.take)

        def makes():
            made.append(make())
            if len(made) == 1:
                other.start()
                other.join(TURN)
            return made[-1]

        changes._make = makes
        assert changes.take() == []
        other.join()
        assert len(made) == 1
        (tmp_path / "file").touch()
        assert changes.next().path == tmp_path / "file"


def test_threads_of_a_child_make_one_connection(tmp_path, monkeypatch):
    mon = Monitor()
    told = mon.directory(tmp_path)
    mon._session._after_fork()
    connect, made = gamin._session.MonitorConnection, []
    other = threading.Thread(target=mon.event_pending)

    def makes():
        made.append(connect())
        if len(made) == 1:
            other.start()
            other.join(TURN)
        return made[-1]

    monkeypatch.setattr(gamin._session, "MonitorConnection", makes)
    mon.settle()
    other.join()
    assert len(made) == 1
    assert len(told.take()) == 2
    mon.disconnect()


@pytest.mark.parametrize("kind", ["watch", "monitor"])
def test_what_is_closed_while_it_is_made_anew_is_closed(tmp_path, monkeypatch, kind):
    before = set(os.listdir("/proc/self/fd"))
    if kind == "watch":
        used = gamin.watch(tmp_path)
        one, close, use = used, used.close, used.take
    else:
        used = gamin.WatchMonitor()
        one, close, use = used._session, used.disconnect, used.handle_events
    one._after_fork()
    other = threading.Thread(target=close)
    make = one._make if kind == "watch" else gamin._session.MonitorConnection

    def makes():
        made = make()
        other.start()
        other.join(TURN)
        return made

    if kind == "watch":
        one._make = makes
    else:
        monkeypatch.setattr(gamin._session, "MonitorConnection", makes)
    try:
        use()
    except (ValueError, gamin.GaminException):
        pass
    other.join()
    left = set(os.listdir("/proc/self/fd")) - before
    assert len(left) <= 1, left


def test_a_request_that_is_acknowledged_at_once_is_not_left_as_cancelled(tmp_path):
    mon = Monitor()
    watched = mon.watch_file(tmp_path, lambda path, event: None)
    cancel = mon._session.cancel

    def cancels(number):
        # As another thread does that handles events.
        cancel(number)
        mon.settle()

    mon._session.cancel = cancels
    watched.cancel()
    assert (mon.cancelled, mon.objects[os.fspath(tmp_path)]) == ([], [])
    mon.disconnect()


def test_a_request_that_could_not_be_cancelled_is_watched_as_before(tmp_path):
    mon = Monitor()
    watched = mon.watch_file(tmp_path, lambda path, event: None)
    mon._session.close()
    with pytest.raises(gamin.GaminException):
        watched.cancel()
    assert (mon.cancelled, mon.objects[os.fspath(tmp_path)]) == ([], [watched])


def test_nobody_waits_for_what_another_thread_has_closed():
    async def main():
        end, other_end = os.pipe()
        readers = Readers()
        readers.end(lambda: None)
        # The number that was looked up before is another's by now.
        await asyncio.wait_for(readers.wait(end), 30)
        assert not select.select([end], [], [], 0)[0]
        os.close(end)
        os.close(other_end)

    asyncio.run(main())


IMPORTED = """
import sys
import gamin, _gamin
sys.exit(sys._is_gil_enabled())
"""


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has the interpreter's lock")
def test_it_needs_no_lock_of_the_interpreter():
    # It would say so, and have the lock held from then on.
    subprocess.run([sys.executable, "-W", "error", "-c", IMPORTED], check=True, timeout=60)
