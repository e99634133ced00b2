"""What the programs that came with the original check, each under its name there.

They wait a second for each event; here the barrier says that there is no more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from recording import ACKNOWLEDGE, CHANGED, CREATED, DELETED, END, EXISTS, Monitor

MIB = 2**20


@pytest.fixture
def mon():
    monitor = Monitor()
    yield monitor
    monitor.disconnect()


def test_basic(mon, tmp_path, monkeypatch):
    (tmp_path / "entry").touch()
    monkeypatch.chdir(tmp_path)
    told = mon.directory(".")
    mon.settle()
    assert told.take() == [(tmp_path.name, EXISTS), ("entry", EXISTS), (tmp_path.name, END)]


def test_basic2(mon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mon.directory(".")
    assert mon.handle_one_event() == 1
    mon.handle_events()
    mon.stop_watch(".")
    mon.disconnect()


def test_basic3(mon, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    told = mon.directory(tmp_path)
    mon.settle()
    assert sorted(told.take()[1:3]) == [("file", EXISTS), ("folder", EXISTS)]
    assert mon.settle() == 0


def test_basic4(mon, tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    told = mon.directory(tmp_path)
    mon.settle()
    told.take()
    os.truncate(file, 0)
    mon.settle()
    assert told.take() == [("file", CHANGED)]


def test_basic5(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    told = mon.directory(tmp_path)
    mon.settle()
    told.take()
    file.unlink()
    mon.settle()
    assert told.take() == [("file", DELETED)]


def test_basic6(mon, tmp_path):
    folder = tmp_path / "folder"
    told = mon.directory(folder)
    mon.settle()
    assert told.events() == [DELETED, END]
    folder.mkdir()
    mon.settle()
    assert told.take() == [("folder", CREATED)]


def test_bigfile(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    os.truncate(file, 3000 * MIB)
    told = mon.file(file)
    mon.settle()
    file.unlink()
    mon.settle()
    assert told.events() == [EXISTS, END, DELETED]


def stopped_watch_is_silent(mon, path, touch):
    told = mon.file(path)
    mon.settle()
    assert told.events() == [EXISTS, END]
    mon.stop_watch(path)
    touch()
    mon.settle()
    assert told.events() == [ACKNOWLEDGE]


def test_dnotify(mon, tmp_path):
    stopped_watch_is_silent(mon, tmp_path, (tmp_path / "entry").touch)


def test_dnotify2(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    stopped_watch_is_silent(mon, file, lambda: file.write_text("text"))


def test_dnotify3(mon, tmp_path):
    told = mon.directory(tmp_path)
    mon.settle()
    assert told.events() == [EXISTS, END]
    (tmp_path / "file").touch()
    mon.settle()
    assert told.take() == [("file", CREATED)]
    mon.stop_watch(tmp_path)
    (tmp_path / "file").unlink()
    mon.settle()
    assert told.events() == [ACKNOWLEDGE]


def test_dnotify4(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    told = mon.directory(file)
    mon.settle()
    assert told.take() == [("file", DELETED), ("file", END)]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["dnotify5", "dnotify6"])
def test_dnotify5_and_6(mon, tmp_path, make):
    file = tmp_path / "file"
    file.touch()
    told = mon.file(file)
    mon.settle()
    assert told.events() == [EXISTS, END]
    file.unlink()
    mon.settle()
    assert told.take() == [("file", DELETED)]
    make(file)
    mon.settle()
    assert told.take() == [("file", CREATED)]


def test_dnotify7(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    of_parent, of_file = mon.directory(tmp_path), mon.file(file)
    mon.settle()
    assert (of_parent.events(), of_file.events()) == ([EXISTS, EXISTS, END], [EXISTS, END])
    file.unlink()
    mon.settle()
    assert of_parent.take() == of_file.take() == [("file", DELETED)]
    file.touch()
    mon.settle()
    assert of_parent.take() == of_file.take() == [("file", CREATED)]


def test_dnotify8(mon, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    of_parent, of_folder = mon.directory(tmp_path), mon.directory(folder)
    mon.settle()
    of_parent.take(), of_folder.take()
    folder.rmdir()
    mon.settle()
    assert of_parent.take() == of_folder.take() == [("folder", DELETED)]
    (tmp_path / "file").touch()
    mon.settle()
    assert (of_parent.take(), of_folder.take()) == ([("file", CREATED)], [])


def test_dnotify9(mon, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    of_parent = mon.directory(tmp_path)
    mon.directory(folder)
    mon.settle()
    of_parent.take()
    mon.stop_watch(folder)
    (tmp_path / "file").touch()
    mon.settle()
    assert of_parent.take() == [("file", CREATED)]


@pytest.mark.parametrize("is_removed", [False, True], ids=["dnotify10", "dnotify11"])
def test_dnotify10_and_11(mon, tmp_path, is_removed):
    file = tmp_path / "file"
    file.touch()
    of_parent, of_file = mon.directory(tmp_path), mon.file(file)
    mon.settle()
    of_parent.take(), of_file.take()
    if is_removed:
        file.unlink()
        mon.settle()
        assert of_parent.take() == of_file.take() == [("file", DELETED)]
    mon.stop_watch(file)
    (tmp_path / "other").touch()
    mon.settle()
    assert (of_parent.take(), of_file.events()) == ([("other", CREATED)], [ACKNOWLEDGE])


def test_dnotify12_and_13(mon, tmp_path):
    child = tmp_path / "child"
    as_file, as_directory = mon.file(tmp_path), mon.directory(tmp_path)
    mon.settle()
    assert as_file.events() == as_directory.events() == [EXISTS, END]
    child.touch()
    mon.settle()
    assert (as_file.take(), as_directory.take()) == ([(tmp_path.name, CHANGED)], [("child", CREATED)])
    of_child = mon.file(child)
    mon.settle()
    child.write_text("text")
    mon.settle()
    assert (as_file.take(), as_directory.take()) == ([], [("child", CHANGED)])
    child.unlink()
    mon.settle()
    assert (as_file.take(), as_directory.take()) == ([(tmp_path.name, CHANGED)], [("child", DELETED)])
    assert of_child.events() == [EXISTS, END, CHANGED, DELETED]


def test_dnotify15(mon, tmp_path):
    busy, file = tmp_path / "busy", tmp_path / "file"
    busy.touch(), file.write_text("text")
    of_busy, of_file = mon.file(busy), mon.file(file)
    mon.settle()
    of_busy.take(), of_file.take()

    def write(turn: int) -> None:
        busy.write_text(str(turn))
        if turn == 15:
            file.write_text("another")

    mon.flood(3, 0.1, write)
    assert of_file.events() == [CHANGED]
    assert of_busy.events()


def test_flood(mon, tmp_path):
    file = tmp_path / "file"
    file.touch()
    told = mon.file(file)
    mon.flood(5, 0.1, lambda turn: file.write_text(str(turn)))
    assert 2 < len(told.take()) < 15


def test_flood2(mon, tmp_path):
    file, other = tmp_path / "file", tmp_path / "other"
    file.touch()
    of_file, of_parent = mon.file(file), mon.directory(tmp_path)

    def write(turn: int) -> None:
        file.write_text(str(turn))
        if turn == 15:
            other.touch()
        if turn == 30:
            other.unlink()

    mon.flood(5, 0.1, write)
    assert len(of_file.take()) < 28
    assert [event for name, event in of_parent.take() if name == "other"] == [CREATED, DELETED]


def test_flood3(mon, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.touch(), second.touch()
    of_first, of_second = mon.file(first), mon.file(second)

    def write(turn: int) -> None:
        if turn < 50:
            first.write_text(str(turn))
        if turn >= 30:
            second.write_text(str(turn))

    mon.flood(8, 0.1, write)
    assert 2 < len(of_first.take()) < 20
    assert 2 < len(of_second.take()) < 20


def test_flood4(mon, tmp_path):
    told = mon.directory(tmp_path)

    def write(turn: int) -> None:
        file = tmp_path / f"file{turn}"
        file.touch()
        file.unlink()

    mon.flood(4.5, 0.01, write)
    assert len(told.take()) < 60


def test_level(mon, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    mon.directory(tmp_path)
    of_folder = mon.directory(folder)
    mon.settle()
    of_folder.take()
    mon.stop_watch(tmp_path)
    (folder / "deeper").mkdir()
    mon.settle()
    assert of_folder.take() == [("deeper", CREATED)]


def test_multiple_and_multiple2(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monitors = [Monitor() for _ in range(11)]
    told = [monitor.directory(tmp_path) for monitor in monitors]
    for monitor, record in zip(monitors, told):
        monitor.settle()
        assert record.events() == [EXISTS, EXISTS, EXISTS, END]
    for monitor in monitors[:10]:
        monitor.disconnect()
    (tmp_path / "folder").rmdir()
    (tmp_path / "file").unlink()
    monitors[10].settle()
    assert told[10].take() == [("folder", DELETED), ("file", DELETED)]
    assert not any(record.take() for record in told[:10])
    monitors[10].disconnect()


def test_multiple3(mon, tmp_path):
    told = [[], [], []]
    watched = [mon.watch_directory(tmp_path, lambda path, event, mine: mine.append(event), mine) for mine in told]
    mon.settle()
    assert told == [[EXISTS, END]] * 3
    for count, one in enumerate(watched, 1):
        one.cancel()
        mon.settle()
        assert [mine[-1] for mine in told] == [ACKNOWLEDGE] * count + [END] * (3 - count)
    assert mon.cancelled == []


def test_noexists(mon, tmp_path):
    mon.no_exists()
    told = mon.directory(tmp_path)
    mon.sync()
    assert mon.event_pending() == 0
    (tmp_path / "file").touch()
    mon.sync()
    assert (mon.event_pending(), mon.handle_one_event(), mon.event_pending()) == (1, 1, 0)
    (tmp_path / "file").unlink()
    mon.sync()
    assert (mon.event_pending(), mon.handle_one_event(), mon.event_pending()) == (1, 1, 0)
    assert told.take() == [("file", CREATED), ("file", DELETED)]


def test_nokernel(own_server, tmp_path, monkeypatch):
    home, media = tmp_path / "home", tmp_path / "media"
    home.mkdir(), media.mkdir()
    (home / ".gaminrc").write_text(f"poll {media} {media}/*\n")
    monkeypatch.setenv("HOME", str(home))
    mon = Monitor()
    told = mon.directory(media)
    mon.settle()
    assert told.events() == [EXISTS, END]
    (media / "file").touch()
    while not told.told:
        mon.handle_one_event()
    assert told.take() == [("file", CREATED)]
    mon.disconnect()


# Root reads what nobody may: its server is to have no such right.
AS_OTHERS = """#!{python}
import ctypes, os, sys
for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, of the bounding set
    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)
os.execv({server!r}, [{server!r}, *sys.argv[1:]])
"""


def test_readonly(own_server, tmp_path, monkeypatch):
    program = tmp_path / "server"
    program.write_text(AS_OTHERS.format(python=sys.executable, server=os.environ["GAMIN_DEBUG_SERVER"]))
    program.chmod(0o755)
    monkeypatch.setenv("GAMIN_DEBUG_SERVER", str(program))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").touch()
    folder.chmod(0)
    mon = Monitor()
    told = mon.directory(folder)
    mon.settle()
    assert told.take() == [("folder", EXISTS), ("folder", END)]
    mon.disconnect()
    folder.chmod(0o755)
