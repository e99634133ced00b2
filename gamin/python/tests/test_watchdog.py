"""The observer in place of watchdog's, and the fixture that settles everything."""

from __future__ import annotations

import os
import threading

import pytest

import gamin
from recording import Monitor

events = pytest.importorskip("watchdog.events")

from gamin.watchdog import GaminObserver  # noqa: E402


class Handler(events.FileSystemEventHandler):
    def __init__(self):
        self.seen = []

    def on_any_event(self, event):
        self.seen.append((type(event).__name__.replace("Event", ""), os.path.basename(event.src_path)))


@pytest.fixture
def observer():
    observer = GaminObserver()
    observer.start()
    yield observer
    observer.stop()
    observer.join(10)
    assert not observer.is_alive()


def test_handlers_are_called(observer, tmp_path, fs_settled):
    (tmp_path / "before").mkdir()
    handler = Handler()
    observer.schedule(handler, str(tmp_path), recursive=True)
    file = tmp_path / "before" / "file"
    file.touch()
    fs_settled()
    file.write_text("text")
    fs_settled()
    file.unlink()
    (tmp_path / "before").rmdir()
    fs_settled()
    assert handler.seen == [
        ("FileCreated", "file"),
        ("DirModified", "before"),
        ("FileModified", "file"),
        ("FileDeleted", "file"),
        ("DirModified", "before"),
        ("DirDeleted", "before"),
        ("DirModified", tmp_path.name),
    ]


def test_rename_is_told_as_such(observer, tmp_path, fs_settled):
    (tmp_path / "old").mkdir()
    handler = Handler()
    observer.schedule(handler, str(tmp_path))
    (tmp_path / "old").rename(tmp_path / "new")
    fs_settled()
    assert ("DirMoved", "old") in handler.seen and ("DirDeleted", "old") not in handler.seen


def test_file_is_watched_alone(observer, tmp_path, fs_settled):
    file = tmp_path / "file"
    file.touch()
    handler = Handler()
    observer.schedule(handler, str(file))
    (tmp_path / "other").touch()
    file.write_text("text")
    file.unlink()
    fs_settled()
    assert handler.seen == [("FileModified", "file"), ("FileDeleted", "file")]


def test_missing_path_is_an_error_as_with_others(observer, tmp_path):
    with pytest.raises(FileNotFoundError):
        observer.schedule(Handler(), str(tmp_path / "missing"))


def test_observer_is_started_once_and_goes_on(observer, tmp_path, fs_settled):
    handler = Handler()
    observer.schedule(handler, str(tmp_path))
    (emitter,) = observer.emitters
    for thread in (observer, emitter):
        with pytest.raises(RuntimeError, match="^threads can only be started once$"):
            thread.start()
    (tmp_path / "file").touch()
    fs_settled()
    assert ("FileCreated", "file") in handler.seen


def test_unscheduled_watch_is_over_at_once(tmp_path):
    observer = GaminObserver()
    observer.start()
    before = threading.active_count()
    watch = observer.schedule(Handler(), str(tmp_path))
    assert threading.active_count() == before + 1
    observer.unschedule(watch)
    assert threading.active_count() == before
    observer.stop()
    observer.join(10)


def test_fixture_settles_monitors_and_watches(tmp_path, fs_settled):
    monitor = Monitor()
    told = monitor.directory(tmp_path)
    with gamin.watch(tmp_path) as changes:
        (tmp_path / "file").touch()
        fs_settled()
        assert [change.path for change in changes.take()] == [tmp_path / "file"]
    monitor.handle_events()
    assert told.take()[-1] == ("file", gamin.GAMCreated)
    monitor.disconnect()
    fs_settled()
