"""An observer for programs that were made for watchdog: `GaminObserver` in place of its `Observer`.

What handlers and events are is left to watchdog. A rename is told as such where gamin tells it so: of a directory that moves, what is in it
is deleted before, and created after.
"""

from __future__ import annotations

import os
import stat
import threading
from typing import Any, Optional

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)
from watchdog.observers.api import DEFAULT_OBSERVER_TIMEOUT, BaseObserver, EventEmitter

from . import _alive
from ._events import Event
from ._watch import Change, Watch

__all__ = ["GaminEmitter", "GaminObserver"]

_OF_FILES: dict[Event, Any] = {
    Event.CREATED: FileCreatedEvent,
    Event.CHANGED: FileModifiedEvent,
    Event.DELETED: FileDeletedEvent,
}
_OF_DIRECTORIES: dict[Event, Any] = {
    Event.CREATED: DirCreatedEvent,
    Event.CHANGED: DirModifiedEvent,
    Event.DELETED: DirDeletedEvent,
}


class GaminEmitter(EventEmitter):
    """Makes watchdog's events of what gamin tells of one path."""

    _changes: Optional[Watch[str, Change]] = None

    def start(self) -> None:
        """Begins to watch. A thread begins once, and what watches meanwhile is left alone."""
        _check_new(self)
        super().start()

    def on_thread_start(self) -> None:
        """Begins to watch."""
        # Of a file, newer versions of watchdog have the folder there.
        path = getattr(self.watch, "raw_path", self.watch.path)
        os.stat(path)  # watchdog's observers raise an error where nothing is
        self._lock = threading.Lock()
        self._changes = Watch(path, recursive=self.watch.is_recursive, initial=True, moves=True)
        self._changes.sync(None)
        self._directories = {change.path for change in self._changes.take() if _is_directory(change.path)}

    def on_thread_stop(self) -> None:
        """Watches no more."""
        if self._changes is not None:
            self._changes.close()

    def queue_events(self, timeout: float) -> None:
        """Waits for events, and queues them. Closing ends the wait, so it needs no time limit."""
        changes = self._changes
        try:
            if changes is not None and changes.wait():
                self._queue_all(changes)
        except Exception:
            if changes is not None and not changes.closed:
                raise

    def settle(self, timeout: float) -> None:
        """Waits until all that has happened so far is queued."""
        if self._changes is not None and not self._changes.closed:
            self._changes.sync(timeout)
            self._queue_all(self._changes)

    def _queue_all(self, changes: Watch[str, Change]) -> None:
        # Whoever takes them queues them, before another takes more.
        with self._lock:
            for change in changes.take():
                for event in self._events(change):
                    self.queue_event(event)
                    if isinstance(event, DirDeletedEvent) and change.path == change.root:
                        self.stop()  # as watchdog's do

    def _events(self, change: Change) -> list[FileSystemEvent]:
        event, path, root = change
        if event is Event.MOVED:
            return self._moved(path, change.moved_to)
        if event is Event.DELETED:
            is_directory = path in self._directories
            self._directories.discard(path)
        else:
            is_directory = _is_directory(path)
            if is_directory:
                self._directories.add(path)
        if event is Event.EXISTS:
            return []
        events = [(_OF_DIRECTORIES if is_directory else _OF_FILES)[event](path)]
        if event is not Event.CHANGED and path != root:
            events.append(DirModifiedEvent(os.path.dirname(path)))
        return events

    def _moved(self, path: str, moved_to: str) -> list[FileSystemEvent]:
        is_directory = path in self._directories or _is_directory(moved_to)
        self._directories.discard(path)
        if is_directory:
            self._directories.add(moved_to)
        moved: Any = DirMovedEvent if is_directory else FileMovedEvent
        folders = [DirModifiedEvent(os.path.dirname(place)) for place in (path, moved_to)]
        return [moved(path, moved_to), *folders]


class GaminObserver(BaseObserver):
    """Watches as watchdog's observers do, by gamin."""

    def __init__(self, *, timeout: float = DEFAULT_OBSERVER_TIMEOUT) -> None:
        super().__init__(GaminEmitter, timeout=timeout)
        _alive.track(self)

    def start(self) -> None:
        """Begins to watch what is scheduled. A thread begins once, and what watches meanwhile is left alone."""
        _check_new(self)
        super().start()

    def settle(self, timeout: float = 10.0) -> None:
        """Waits until all that has happened so far has been handled. Not to be called by a handler."""
        for emitter in list(self.emitters):
            if isinstance(emitter, GaminEmitter):
                emitter.settle(timeout)
        queue = self.event_queue
        with queue.all_tasks_done:
            is_handled = queue.all_tasks_done.wait_for(
                lambda: not queue.unfinished_tasks or not self.is_alive(), timeout
            )
        if not is_handled:
            raise TimeoutError("not everything was handled in time")

    def _settle(self, timeout: float) -> None:
        self.settle(timeout)

    def _after_fork(self) -> None:
        pass


def _check_new(thread: threading.Thread) -> None:
    if thread.ident is not None:
        raise RuntimeError("threads can only be started once")


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
