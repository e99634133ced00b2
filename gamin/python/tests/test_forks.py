"""A child process has a connection of its own, and leaves its parent's alone."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import pytest

import gamin
from gamin import Event
from recording import CREATED, END, EXISTS, Monitor


def in_child(call):
    """Has a child call something; it must return None."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            call()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_monitor_of_a_child_asks_again(tmp_path):
    mon = Monitor()
    told = mon.directory(tmp_path)
    mon.settle()
    assert told.events() == [EXISTS, END]
    link = os.readlink(f"/proc/self/fd/{mon.get_fd()}")
    inode = os.fstat(mon._session.connection.fileno()).st_ino
    assert link and inode

    def child():
        (tmp_path / "of-child").touch()
        mon.settle()
        assert told.events() == [EXISTS, EXISTS, END]
        (tmp_path / "more").touch()
        mon.settle()
        assert told.take() == [("more", CREATED)]
        mon.disconnect()

    in_child(child)
    mon.settle()
    assert told.take() == [("of-child", CREATED), ("more", CREATED)]
    mon.disconnect()


def test_watch_of_a_child_is_its_own(tmp_path):
    with gamin.watch(tmp_path) as changes:
        (tmp_path / "before").touch()

        def child():
            changes.sync()
            assert changes.take() == []
            (tmp_path / "of-child").touch()
            assert next(changes).path == tmp_path / "of-child"
            changes.close()

        in_child(child)
        changes.sync()
        assert [change.path.name for change in changes.take()] == ["before", "of-child"]


def test_child_that_only_ends_takes_nothing_along(tmp_path):
    with gamin.watch(tmp_path) as changes:
        in_child(lambda: None)
        in_child(changes.close)
        (tmp_path / "file").touch()
        assert next(changes).event is Event.CREATED


def test_child_holds_no_descriptor_of_its_parent(tmp_path):
    before = set(os.listdir("/proc/self/fd"))
    with gamin.watch(tmp_path), Closing() as mon:

        def child():
            assert mon._session._connection is None
            left = set(os.listdir("/proc/self/fd"))
            assert len(left) <= len(before), left - before

        in_child(child)


class Closing(Monitor):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.disconnect()


POOLED = """
import multiprocessing, sys
import gamin

folder = sys.argv[1]
changes = gamin.watch(folder)

def work(number):
    # Each worker uses what it has inherited: it is told what happens from the first use on.
    changes.take()
    open(f"{folder}/{number}", "w").close()
    changes.sync()
    return f"{folder}/{number}" in [change.path for change in changes.take()]

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert all(pool.map(work, range(12)))
    changes.sync()
    print(len({change.path for change in changes.take()}))
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there are no forks")
def test_workers_of_a_pool_use_what_they_inherit(tmp_path):
    command = [sys.executable, "-X", "dev", "-c", POOLED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("12\n", "")
