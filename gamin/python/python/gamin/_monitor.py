"""The original's interface: a monitor, what it watches, and callbacks.

What travels is left to `_session`.
"""

from __future__ import annotations

import os
import traceback
from typing import Any, Callable, NoReturn, Optional, Union

from ._errors import GAM_CONNECT, GaminException, failure, unpicklable
from ._events import GAMAcknowledge
from ._session import Session

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Callback = Callable[..., object]


class WatchMonitor:
    """A connection to a server, and what is watched over it."""

    class WatchObject:
        """One path that is watched, and who is called for it."""

        def __init__(
            self,
            monitor: WatchMonitor,
            path: Union[str, bytes],
            is_directory: bool,
            callback: Callback,
            data: Any = None,
        ) -> None:
            self.monitor = monitor
            self.callback = callback
            self.data = data
            self.path = path
            self._request = monitor._session.monitor(path, is_directory, self)

        def cancel(self) -> None:
            """Watches it no more. It stands in `monitor.cancelled` until that is acknowledged."""
            if not self._cancel_once():
                self.monitor._session.cancel(self._request)

        def _cancel_once(self) -> bool:
            """Watches it no more, unless another thread has seen to that. Says whether it has done it."""
            monitor = self.monitor
            if not _take(monitor.objects.get(self.path, []), self):
                return False
            # It stands there before it can be acknowledged, to another thread too.
            monitor.cancelled.append(self)
            try:
                monitor._session.cancel(self._request)
            except BaseException:
                if _take(monitor.cancelled, self):
                    monitor.objects[self.path].append(self)
                raise
            return True

        def _internal_callback(self, path: Union[str, bytes], event: int) -> None:
            if event == GAMAcknowledge:
                _take(self.monitor.cancelled, self)
            arguments = (path, event) if self.data is None else (path, event, self.data)
            try:
                self.callback(*arguments)
            except Exception:
                traceback.print_exc()

        def __repr__(self) -> str:
            return f"<gamin.WatchObject instance at {id(self):#x}>"

    def __init__(self) -> None:
        self.objects: dict[Union[str, bytes], list[WatchMonitor.WatchObject]] = {}
        self.cancelled: list[WatchMonitor.WatchObject] = []
        self._session = Session()

    def watch_directory(self, path: AnyPath, callback: Callback, data: Any = None) -> WatchMonitor.WatchObject:
        """Watches a directory and its entries."""
        return self._watch(path, True, callback, data)

    def watch_file(self, path: AnyPath, callback: Callback, data: Any = None) -> WatchMonitor.WatchObject:
        """Watches a path, whatever it is."""
        return self._watch(path, False, callback, data)

    def _watch(self, path: AnyPath, is_directory: bool, callback: Callback, data: Any) -> WatchMonitor.WatchObject:
        absolute: Union[str, bytes] = os.path.abspath(path)
        watched = WatchMonitor.WatchObject(self, absolute, is_directory, callback, data)
        self.objects.setdefault(absolute, []).append(watched)
        return watched

    def stop_watch(self, path: AnyPath) -> None:
        """Watches a path no more, however often it was watched. After `disconnect` that is nothing to do."""
        if not self._session.is_open:
            return
        absolute: Union[str, bytes] = os.path.abspath(path)
        if absolute not in self.objects:
            raise GaminException(f"Resource {absolute!r} is not monitored")
        for watched in list(self.objects[absolute]):
            watched._cancel_once()

    def no_exists(self) -> Optional[int]:
        """Leaves out what exists at the beginning of all directories that are watched from now on. After `disconnect` that is nothing to do."""
        if not self._session.is_open:
            return None
        try:
            self._session.no_exists()
        except GaminException:
            return -1
        return 0

    def get_fd(self) -> int:
        """A descriptor that is readable when there are events; wait for it and do nothing else with it."""
        return self._session.connection.fileno()

    def fileno(self) -> int:
        """As get_fd, by the name that `select` and others know."""
        return self.get_fd()

    def event_pending(self) -> int:
        """Whether handle_one_event would not wait."""
        return int(self._session.connection.pending())

    def handle_one_event(self) -> int:
        """Waits for an event and calls whom it is for."""
        return self._session.handle_one()

    def handle_events(self) -> int:
        """Calls whom the events are for that can be had without waiting; says how many."""
        return self._session.handle_all()

    def sync(self, timeout: Optional[float] = 10.0) -> None:
        """Waits until everything that happened before the call can be handled."""
        self._session.connection.sync(timeout)

    @property
    def is_embedded(self) -> bool:
        """Whether this process watches by itself, without a server."""
        return self._session.connection.is_embedded()

    def disconnect(self) -> None:
        """Closes the connection. To do so again does nothing."""
        session = getattr(self, "_session", None)
        if session is not None:
            session.close()

    def __reduce__(self) -> NoReturn:
        raise unpicklable()

    def __del__(self) -> None:
        self.disconnect()


def _take(watched: list[WatchMonitor.WatchObject], one: WatchMonitor.WatchObject) -> bool:
    """Takes one out, unless another thread has. Says whether it was there."""
    try:
        watched.remove(one)
    except ValueError:
        return False
    return True


def run_unit_tests() -> None:
    """Watches the working directory for a moment, and prints what is told."""

    def callback(path: str, event: int) -> None:
        print(f"Got callback: {path}, {event}")

    monitor = WatchMonitor()
    monitor.watch_directory(".", callback)
    monitor.sync()
    print(f"descriptor {monitor.get_fd()}, pending {monitor.event_pending()}")
    if monitor.handle_events() < 2:
        raise failure(GAM_CONNECT, "too little was told")
    monitor.stop_watch(".")
    monitor.handle_one_event()
    monitor.disconnect()
