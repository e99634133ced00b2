"""`gamin.watch` without coroutines."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path, PurePosixPath

import pytest

import gamin
from gamin import Change, Event
from recording import raised_when_it_ends


def seen(changes):
    return [(change.event, os.path.basename(change.path)) for change in changes]


def test_tells_what_happens_and_not_what_was_there(tmp_path):
    (tmp_path / "before").touch()
    with gamin.watch(tmp_path) as changes:
        file = tmp_path / "file"
        file.touch()
        file.unlink()
        (tmp_path / "before").unlink()
        changes.sync()
        assert changes.take() == [
            Change(Event.CREATED, file, tmp_path),
            Change(Event.DELETED, file, tmp_path),
            Change(Event.DELETED, tmp_path / "before", tmp_path),
        ]
        assert changes.take() == [] and changes.next(0) is None


def test_event_is_printed_as_the_number(tmp_path):
    assert f"{Event.EXISTS} {Event.CHANGED!s} %s" % Event.DELETED == "8 1 2"
    assert Event.CREATED == gamin.GAMCreated == 5 and f"{Event.CREATED:>3}" == "  5"


def test_initial_tells_what_is_there_and_what_is_not(tmp_path):
    (tmp_path / "file").touch()
    with gamin.watch(tmp_path, tmp_path / "missing", initial=True) as changes:
        assert seen(changes.take()) == [
            (Event.EXISTS, tmp_path.name),
            (Event.EXISTS, "file"),
            (Event.DELETED, "missing"),
        ]
        (tmp_path / "missing").mkdir()
        (tmp_path / "missing" / "deep").touch()
        changes.sync()
        created = {change.path for change in changes.take() if change.event is Event.CREATED}
        assert created == {tmp_path / "missing", tmp_path / "missing" / "deep"}


def test_rename_is_told_as_such_to_who_asks(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "old").touch()
    with gamin.watch(tmp_path, recursive=True, moves=True) as changes:
        (tmp_path / "old").rename(tmp_path / "one" / "new")
        changes.sync()
        [change] = changes.take()
        assert change == (Event.MOVED, tmp_path / "old", tmp_path) and isinstance(change, Change)
        assert change.moved_to == tmp_path / "one" / "new" and "moved_to" in repr(change)
        assert pickle.loads(pickle.dumps(change)).moved_to == change.moved_to
        (tmp_path / "other").touch()
        changes.sync()
        assert changes.take()[0].moved_to is None


def test_rename_in_a_list_is_one_change_until_something_else_happens_to_it(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).touch()
    with gamin.watch(tmp_path, moves=True, gather=60) as changes:
        (tmp_path / "a").rename(tmp_path / "c")
        (tmp_path / "b").rename(tmp_path / "d")
        (tmp_path / "d").unlink()
        changes.sync()
        assert sorted(seen(changes.take())) == [(Event.DELETED, "b"), (Event.MOVED, "a")]


def test_recursive_follows_what_comes(tmp_path):
    with gamin.watch(str(tmp_path), recursive=True) as changes:
        deep = tmp_path / "a" / "b" / "c"
        deep.mkdir(parents=True)
        (deep / "file").touch()
        changes.sync()
        assert [change.path for change in changes.take()][-1] == str(deep / "file")
        (deep / "file").write_text("text")
        assert next(changes) == (Event.CHANGED, str(deep / "file"), str(tmp_path))


@pytest.mark.parametrize("kind", [str, os.fsencode, Path, PurePosixPath])
def test_kind_of_path_that_goes_in_comes_out(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    with gamin.watch(kind("."), kind(str(tmp_path / "file"))) as changes:
        (tmp_path / os.fsdecode(b"na\xffme")).touch()
        changes.sync()
        (change,) = changes.take()
        expected = kind(".") / kind(os.fsdecode(b"na\xffme")) if kind in (Path, PurePosixPath) else kind(b"./na\xffme".decode(errors="surrogateescape"))
        assert change == (Event.CREATED, expected, kind(".")) and type(change.path) is type(kind("."))


def test_paths_of_others_come_as_path(tmp_path):
    class Mine:
        def __fspath__(self):
            return str(tmp_path)

    mine = Mine()
    with gamin.watch(mine) as changes:
        (tmp_path / "file").touch()
        assert next(changes) == (Event.CREATED, tmp_path / "file", mine)


def test_ignored_names_are_not_told(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.o\n")
    rules = tmp_path / "rules"
    rules.write_text("*.bak\n")

    def told(ignore):
        with gamin.watch(tmp_path, recursive=True, ignore=ignore) as changes:
            files = [tmp_path / name for name in ("a.o", "a.pyc", "a.bak", ".git/index", "a.py")]
            for file in files:
                file.touch()
            for file in files:
                file.unlink()
            changes.sync()
            return {os.path.basename(change.path) for change in changes.take() if change.event is Event.DELETED}

    assert told(None) == {"a.o", "a.pyc", "a.bak", "index", "a.py"}
    assert told("*.pyc") == {"a.o", "a.bak", "index", "a.py"}
    assert told(["*.pyc", "*.o"]) == {"a.bak", "index", "a.py"}
    assert told(True) == {"a.pyc", "a.bak", "a.py"}
    assert told(gamin.Ignore(patterns=["*.pyc"], files=[rules], git=True)) == {"a.py"}
    with pytest.raises(ValueError, match="{x"):
        told("{x")


def test_gathered_changes_come_as_lists_one_for_each_path(tmp_path):
    with gamin.watch(tmp_path, gather=0.05) as changes:
        for name in ("a", "b", "a"):
            (tmp_path / name).write_text("text")
        (tmp_path / "gone").touch()
        (tmp_path / "gone").unlink()
        batch = next(changes)
        assert seen(batch) == [(Event.CREATED, "a"), (Event.CREATED, "b")]
        (tmp_path / "a").unlink()
        changes.sync()
        assert select.select([changes], [], [], 0)[0], "the barrier ends a batch"
        assert seen(changes.next(0)) == [(Event.DELETED, "a")]
    with pytest.raises(ValueError):
        gamin.watch(tmp_path, gather=-1)


def test_gathered_changes_make_the_descriptor_readable_in_time(tmp_path):
    with gamin.watch(tmp_path, gather=0.05) as changes:
        (tmp_path / "a").touch()
        batches = []
        while not batches:
            assert select.select([changes], [], [], 10)[0]
            batch = changes.next(0)
            batches += [batch] if batch else []
        assert seen(batches[0]) == [(Event.CREATED, "a")]
        assert not select.select([changes], [], [], 0)[0]


def test_descriptor_is_readable_as_long_as_there_is_something(tmp_path):
    with gamin.watch(tmp_path) as changes:
        assert not select.select([changes], [], [], 0)[0] and not os.get_inheritable(changes.fileno())
        for name in ("a", "b", "c"):
            (tmp_path / name).touch()
        changes.sync()
        for _ in range(3):
            assert select.select([changes], [], [], 0)[0] and changes.wait(0)
            assert changes.next(0) is not None
        assert not select.select([changes], [], [], 0)[0] and not changes.wait(0)


def test_descriptor_is_readable_until_all_of_many_changes_are_taken(tmp_path):
    with gamin.watch(tmp_path, recursive=True) as changes:
        for turn in range(300):
            (tmp_path / str(turn)).mkdir()
            (tmp_path / str(turn) / "file").touch()
        told = 0
        while told < 600:
            assert select.select([changes], [], [], 10)[0]
            change = changes.next(0)
            told += change is not None and change.event is Event.CREATED


def test_paths_are_added_and_removed(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    with gamin.watch(first) as changes:
        changes.add(second, first)
        assert changes.roots == [first, second]
        (second / "a").touch()
        changes.sync()
        changes.remove(second)
        (second / "b").touch(), (first / "c").touch()
        changes.sync()
        assert [(change.path, change.root) for change in changes.take()] == [(second / "a", second), (first / "c", first)]
        with pytest.raises(ValueError, match="not watched"):
            changes.remove(second)
        changes.add(second)
        (second / "d").touch()
        assert next(changes) == (Event.CREATED, second / "d", second)


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000])
def test_bad_path_is_refused(path):
    with pytest.raises(gamin.GaminException) as raised:
        gamin.watch(path)
    assert raised.value.errno == gamin.GAM_FILE


def test_closed_watch_ends_its_iteration_and_refuses_the_rest(tmp_path):
    changes = gamin.watch(tmp_path)
    descriptor = changes.fileno()
    changes.close()
    changes.close()
    assert changes.closed and list(changes) == [] and changes.roots == [tmp_path]
    with pytest.raises(OSError):
        os.fstat(descriptor)
    calls = (changes.fileno, changes.take, changes.next, changes.sync, changes.wait, changes.__enter__)
    others = (lambda: changes.gaps, lambda: changes.add(tmp_path), lambda: changes.remove(tmp_path))
    coroutines = (lambda: asyncio.run(changes.synced()), lambda: asyncio.run(changes.__aenter__()))
    for use in (*calls, *others, *coroutines):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_close_ends_who_waits_in_another_thread(tmp_path):
    changes = gamin.watch(tmp_path)
    told = []
    reader = threading.Thread(target=lambda: told.extend(changes))
    reader.start()
    (tmp_path / "file").touch()
    changes.sync()
    while not told:
        changes.sync()
    changes.close()
    reader.join(10)
    assert not reader.is_alive() and seen(told) == [(Event.CREATED, "file")]


@pytest.mark.parametrize("call", ["next", "wait"])
def test_who_waits_in_what_is_closed_is_told_as_who_comes_later(tmp_path, call):
    changes = gamin.watch(tmp_path)
    error = raised_when_it_ends(getattr(changes, call), changes.close)
    assert (type(error), str(error)) == (ValueError, "the watch is closed")


def test_threads_share_a_watch(tmp_path):
    with gamin.watch(tmp_path) as changes:
        told = []
        readers = [threading.Thread(target=lambda: told.extend(changes)) for _ in range(3)]
        for reader in readers:
            reader.start()

        def make(worker):
            for turn in range(50):
                (tmp_path / f"{worker}-{turn}").touch()
                changes.sync()

        makers = [threading.Thread(target=make, args=(worker,)) for worker in range(3)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join(60)
        while changes.wait(0):
            changes.sync()
    for reader in readers:
        reader.join(10)
    assert sorted(seen(told)) == sorted((Event.CREATED, f"{worker}-{turn}") for worker in range(3) for turn in range(50))


def test_unreachable_watch_closes_its_descriptors(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    changes = gamin.watch(tmp_path)
    changes.itself = changes
    del changes
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


STOPPED = """
import os, signal, sys
import gamin

class Stop(Exception):
    pass

def stop(number, frame):
    raise Stop

signal.signal(signal.SIGALRM, stop)
folder, what = sys.argv[1:]
changes = gamin.watch(folder)
monitor = gamin.WatchMonitor()
server = monitor._session.connection.server_pid()
if what == "sync":
    os.kill(server, signal.SIGSTOP)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    changes.sync(None) if what == "sync" else changes.next()
except Stop:
    print("stopped")
finally:
    os.kill(server, signal.SIGCONT)
"""


@pytest.mark.parametrize("what", ["sync", "next"])
def test_signal_ends_a_wait(own_server, tmp_path, what):
    command = [sys.executable, "-X", "dev", "-c", STOPPED, str(tmp_path), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_barrier_has_a_time_limit(own_server, tmp_path):
    with gamin.watch(tmp_path) as changes:
        server = gamin.WatchMonitor()
        pid = server._session.connection.server_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                changes.sync(0.05)
            with pytest.raises(TimeoutError):
                server.sync(0.05)
        finally:
            os.kill(pid, signal.SIGCONT)
        changes.sync()
        server.disconnect()


def test_killed_server_is_replaced(own_server, tmp_path):
    with gamin.watch(tmp_path, recursive=True) as changes:
        server = gamin.WatchMonitor()
        os.kill(server._session.connection.server_pid(), signal.SIGKILL)
        server.disconnect()
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file").touch()
        assert seen([next(changes), next(changes)]) == [(Event.CREATED, "folder"), (Event.CREATED, "file")]


def test_what_cannot_be_watched_is_said(tmp_path, caplog):
    # A path with names below it that are longer than the kernel takes.
    with gamin.watch(tmp_path, recursive=True) as changes:
        folder = os.open(tmp_path, os.O_RDONLY)
        for _ in range(18):
            os.mkdir("d" * 250, dir_fd=folder)
            deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        os.close(folder)
        changes.sync()
        changes.take()
        (gap, why), *_ = changes.gaps.items()
        assert gap.startswith(str(tmp_path / ("d" * 250))) and why
        assert "gamin" in {record.name for record in caplog.records} and why in caplog.text


def test_server_without_a_barrier_will_do(tmp_path, monkeypatch):
    from gamin import _errors

    def without(self, timeout):
        raise _errors.failure(gamin.GAM_UNIMPLEM, "as the original's")

    monkeypatch.setattr(gamin.Watch, "sync", without)
    with gamin.watch(tmp_path) as changes:
        while not changes.wait(0.05):
            (tmp_path / f"file{len(os.listdir(tmp_path))}").touch()
        assert changes.take()[0].event is Event.CREATED
        with pytest.raises(gamin.GaminException):
            changes.sync(1)
