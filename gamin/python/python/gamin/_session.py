"""A connection, and who is called for the events of each of its requests.

What a request and a callback are to people is left to `_monitor` and `_gamin`. Invariant: whoever asks is known before the
request is made, so no thread that handles events meets one that is nobody's.
"""

from __future__ import annotations

import os
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
        self._last_number = 0
        _alive.track(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self._is_open

    @property
    def connection(self) -> MonitorConnection:
        """The connection: this process's own."""
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
        while True:
            self._last_number = self._last_number % _NUMBER_MAX + 1
            if self._last_number not in self._requests:
                return self._last_number

    def _settle(self, timeout: float) -> None:
        if self._is_open:
            self.connection.sync(timeout)

    def _after_fork(self) -> None:
        self._connection = None

    def _ask_again(self, connection: MonitorConnection) -> MonitorConnection:
        for number, request in self._requests.items():
            if not request.is_quiet:
                connection.monitor(request.path, request.is_directory, number)
        if self._is_quiet:
            connection.no_exists()
        for number, request in self._requests.items():
            if request.is_quiet:
                connection.monitor(request.path, request.is_directory, number)
        return connection
