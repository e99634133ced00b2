"""The original's functions below its module: connections and requests are small numbers, failures are -1.

Programs use `gamin`. What is here is for those that reach below it: whoever connects has to close.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable

from gamin import _errors
from gamin._session import Session

__all__ = [
    "Errno",
    "EventPending",
    "GetFd",
    "MonitorCancel",
    "MonitorClose",
    "MonitorConnect",
    "MonitorDirectory",
    "MonitorFile",
    "MonitorNoExists",
    "ProcessEvents",
    "ProcessOneEvent",
]

_sessions: dict[int, Session] = {}
_numbers = itertools.count()


def _of(connection: int) -> Session:
    session = _sessions.get(connection)
    if session is None:
        raise _errors.failure(_errors.GAM_ARG, f"there is no connection {connection}")
    return session


def _number(call: Callable[[], object]) -> int:
    try:
        result = call()
    except _errors.GaminException:
        return -1
    return result if isinstance(result, int) else 0


def Errno() -> int:
    """The number of the last error."""
    return _errors.GaminErrno()


def MonitorConnect() -> int:
    """Opens a connection; gives its number."""

    def connect() -> int:
        session = Session()
        number = next(_numbers)
        _sessions[number] = session
        return number

    return _number(connect)


def MonitorClose(connection: int) -> int:
    """Closes a connection."""

    def close() -> None:
        _of(connection).close()
        _sessions.pop(connection, None)

    return _number(close)


def MonitorDirectory(connection: int, path: str, watched: Any) -> int:
    """Watches a directory; gives the number of the request. `watched._internal_callback(path, event)` is called."""
    return _number(lambda: _of(connection).monitor(path, True, watched))


def MonitorFile(connection: int, path: str, watched: Any) -> int:
    """Watches a path, whatever it is; else as MonitorDirectory."""
    return _number(lambda: _of(connection).monitor(path, False, watched))


def MonitorCancel(connection: int, request: int) -> int:
    """Ends a request."""
    return _number(lambda: _of(connection).cancel(request))


def MonitorNoExists(connection: int) -> int:
    """Leaves out what exists at the beginning of all directories from now on."""
    return _number(lambda: _of(connection).no_exists())


def GetFd(connection: int) -> int:
    """The descriptor of a connection."""
    return _number(lambda: _of(connection).connection.fileno())


def EventPending(connection: int) -> int:
    """Whether there is an event."""
    return _number(lambda: int(_of(connection).connection.pending()))


def ProcessOneEvent(connection: int) -> int:
    """Waits for an event and calls whom it is for."""
    return _number(lambda: _of(connection).handle_one())


def ProcessEvents(connection: int) -> int:
    """Calls whom the events are for that there are; says how many."""
    return _number(lambda: _of(connection).handle_all())
