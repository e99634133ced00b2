"""What a watch is asked for wrongly: what is said names it, and nothing is left."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import signal
from pathlib import Path

import pytest

import gamin
from gamin import Event
from gamin._arguments import ignored_by
from recording import Monitor


def ignored(*arguments, **keywords):
    return ignored_by(gamin.Ignore(*arguments, **keywords))


def test_one_pattern_or_file_is_as_good_as_several(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    several = ignored(["*.o"], ["rules"])
    assert several == {"patterns": ["*.o"], "files": [os.fsencode(tmp_path / "rules")], "standard": False}
    assert ignored("*.o", "rules") == ignored(Path("*.o"), Path("rules")) == ignored({"*.o"}, b"rules") == several
    assert ignored_by("*.o") == ignored_by(Path("*.o")) == ignored_by(["*.o"]) == ignored("*.o")
    (tmp_path / "rules").write_text("*.bak\n")
    with gamin.watch(tmp_path, ignore=gamin.Ignore("*.o", files="rules")) as changes:
        for name in ("a.o", "a.bak", "a.c"):
            (tmp_path / name).touch()
        changes.sync()
        assert [change.path.name for change in changes.take() if change.event is Event.CREATED] == ["a.c"]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"ignore": 3}, TypeError),
        ({"ignore": b"x"}, TypeError),
        ({"ignore": ["*.o", 3]}, TypeError),
        ({"ignore": gamin.Ignore(files=3)}, TypeError),
        ({"ignore": gamin.Ignore(files=[3])}, TypeError),
        ({"ignore": gamin.Ignore(git=1)}, TypeError),
        ({"recursive": 1}, TypeError),
        ({"initial": "no"}, TypeError),
        ({"gather": "x"}, TypeError),
        ({"gather": True}, TypeError),
        ({"gather": -1}, ValueError),
        ({"gather": float("nan")}, ValueError),
        ({"gather": float("inf")}, ValueError),
    ],
)
def test_what_is_said_names_the_argument(tmp_path, wrong, kind):
    before = len(os.listdir("/proc/self/fd"))
    (name,) = wrong
    with pytest.raises(kind, match=f"^{name}: "):
        gamin.watch(tmp_path, **wrong)
    assert len(os.listdir("/proc/self/fd")) == before


def test_several_paths_are_no_list(tmp_path):
    with pytest.raises(TypeError, match="^paths: .*not list"):
        gamin.watch([tmp_path])
    with gamin.watch() as changes:
        for use in (changes.add, changes.remove):
            with pytest.raises(TypeError, match="^paths: "):
                use(3)


def test_a_pause_may_be_any_number(tmp_path):
    with gamin.watch(tmp_path, gather=10**18) as changes:
        (tmp_path / "file").touch()
        changes.sync()
        assert len(changes.take()) == 1


def test_a_time_limit_is_a_number(tmp_path):
    with gamin.watch(tmp_path) as changes:

        def synced(timeout):
            asyncio.run(changes.synced(timeout))

        for use in (changes.sync, changes.next, changes.wait, synced):
            with pytest.raises(TypeError, match="timeout"):
                use("x")
            with pytest.raises(ValueError, match="timeout"):
                use(float("nan"))


@pytest.mark.parametrize("timeout", [0, -1, -float("inf")])
def test_both_barriers_look_once_if_they_may_not_wait(tmp_path, timeout):
    calls = [lambda: changes.sync(timeout), lambda: asyncio.run(changes.synced(timeout))]
    with gamin.watch(tmp_path) as changes:
        if changes.is_embedded:
            for call in calls:
                call()
            return
        monitor = gamin.WatchMonitor()
        pid = monitor._session.connection.server_pid()
        monitor.disconnect()
        for call in calls:
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(TimeoutError, match="^not everything was told in time$"):
                    call()
            finally:
                os.kill(pid, signal.SIGCONT)


def test_what_watches_stays_in_its_process(tmp_path):
    monitor = Monitor()
    watched = monitor.watch_file(tmp_path, len)
    with gamin.watch(tmp_path) as changes:
        for one in (changes, monitor, watched):
            for use in (pickle.dumps, copy.copy if one is not watched else pickle.dumps):
                with pytest.raises(TypeError, match="^a watch can't be pickled: make one in the process that uses it$"):
                    use(one)
    monitor.disconnect()
    del monitor, watched
    gc.collect()


def test_a_file_of_patterns_that_is_not_there_is_said(tmp_path, caplog):
    with gamin.watch(tmp_path, ignore=gamin.Ignore(files=[tmp_path / "no-rules"])):
        (record,) = caplog.records
        assert (record.name, record.levelname) == ("gamin", "WARNING") and "no-rules" in record.getMessage()
