"""A connection, and who is called for the events of each of its requests.

What a request and a callback are to people is left to `_monitor` and `_gamin`. Invariants: whoever asks is known before the
request is made, so no thread that handles events meets one that is nobody's; a session that is closed has no connection,
whoever uses it meanwhile.
"""

from __future__ import annotations

import itertools
import os
import threading
from typing import NamedTuple, Optional, Protocol, Union

from . import _alive
from ._errors import GAM_ARG, failure
from ._events import GAMAcknowledge
from ._native import MonitorConnection

_NUMBER_MAX = 2**31 - 1


class Watched(Protocol):
    """Somebody who is called for events."""

    def _internal_callback(self, path: Union[str, bytes], event: int) -> object: ...


class _Request(NamedTuple):
    path: bytes
    is_text: bool
    is_directory: bool
    is_quiet: bool
    watched: Watched


class Session:
    """A connection with callbacks."""

    def __init__(self) -> None:
        self._connection: Optional[MonitorConnection] = MonitorConnection()
        self._is_open = True
        self._is_quiet = False
        self._requests: dict[int, _Request] = {}
        self._numbers = itertools.count()
        # Of who makes the connection, and who closes it.
        self._lock = threading.RLock()
        _alive.track(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self._is_open

    @property
    def connection(self) -> MonitorConnection:
        """The connection: this process's own."""
        connection = self._connection
        return self._made() if connection is None else connection

    def _made(self) -> MonitorConnection:
        with self._lock:
            if not self._is_open:
                raise failure(GAM_ARG, "Already disconnected")
            if self._connection is None:
                self._connection = self._ask_again(MonitorConnection())
            return self._connection

    def monitor(self, path: Union[str, bytes], is_directory: bool, watched: Watched) -> int:
        """Begins to monitor a path from / on; gives the number of the request."""
        connection = self.connection
        number = self._next_number()
        request = _Request(os.fsencode(path), isinstance(path, str), is_directory, self._is_quiet, watched)
        self._requests[number] = request
        try:
            connection.monitor(request.path, is_directory, number)
        except BaseException:
            self._requests.pop(number, None)
            raise
        return number

    def cancel(self, number: int) -> None:
        """Ends a request. Its Acknowledge will still come."""
        self.connection.cancel(number)

    def no_exists(self) -> None:
        """Leaves out what exists at the beginning of all directory requests from now on."""
        self.connection.no_exists()
        self._is_quiet = True

    def handle_one(self) -> int:
        """Waits for an event and calls whom it is for."""
        while not self._dispatch(self.connection.next()):
            pass
        return 1

    def handle_all(self) -> int:
        """Calls whom the events are for that can be had without waiting; says how many."""
        count = 0
        event = self.connection.poll()
        while event is not None:
            count += self._dispatch(event)
            # A callback may have closed it.
            event = self.connection.poll() if self._is_open else None
        return count

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
            self._is_open = False
            self._requests.clear()
        if connection is not None:
            connection.close()

    def _dispatch(self, event: Optional[tuple[int, int, bytes]]) -> bool:
        if event is None:
            return False
        number, code, path = event
        request = self._requests.pop(number, None) if code == GAMAcknowledge else self._requests.get(number)
        if request is None:
            return False
        request.watched._internal_callback(os.fsdecode(path) if request.is_text else path, code)
        return True

    def _next_number(self) -> int:
        # No two threads are given the same.
        for count in self._numbers:
            number = count % _NUMBER_MAX + 1
            if number not in self._requests:
                return number
        raise AssertionError("because there are always more numbers")

    def _settle(self, timeout: float) -> None:
        if self._is_open:
            self.connection.sync(timeout)

    def _after_fork(self) -> None:
        # Whoever had the lock is in the parent.
        self._lock = threading.RLock()
        self._connection = None

    def _ask_again(self, connection: MonitorConnection) -> MonitorConnection:
        requests = list(self._requests.items())
        for number, request in requests:
            if not request.is_quiet:
                connection.monitor(request.path, request.is_directory, number)
        if self._is_quiet:
            connection.no_exists()
        for number, request in requests:
            if request.is_quiet:
                connection.monitor(request.path, request.is_directory, number)
        return connection
