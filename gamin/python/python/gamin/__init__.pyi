import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from enum import IntEnum
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Generic, NamedTuple, NoReturn, Optional, TypeVar, Union, overload

__all__ = [
    "Change",
    "Event",
    "GAMAcknowledge",
    "GAMChanged",
    "GAMCreated",
    "GAMDeleted",
    "GAMEndExist",
    "GAMExists",
    "GAMMoved",
    "GAMStartExecuting",
    "GAMStopExecuting",
    "GAM_ARG",
    "GAM_AUTH",
    "GAM_CONNECT",
    "GAM_FILE",
    "GAM_INTR",
    "GAM_MEM",
    "GAM_OK",
    "GAM_UNIMPLEM",
    "GaminErrmsg",
    "GaminErrno",
    "GaminException",
    "Ignore",
    "Watch",
    "WatchMonitor",
    "WatchObject",
    "__version__",
    "has_debug_api",
    "run_unit_tests",
    "watch",
]

_AnyPath = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
_Pattern = Union[str, os.PathLike[str]]
_Ignored = Union[None, bool, _Pattern, Iterable[_Pattern], Ignore]
_P = TypeVar("_P")
_T = TypeVar("_T")
_PurePath = TypeVar("_PurePath", bound=PurePath)

GAMChanged: int
GAMDeleted: int
GAMStartExecuting: int
GAMStopExecuting: int
GAMCreated: int
GAMMoved: int
GAMAcknowledge: int
GAMExists: int
GAMEndExist: int

GAM_OK: int
GAM_ARG: int
GAM_FILE: int
GAM_CONNECT: int
GAM_AUTH: int
GAM_MEM: int
GAM_UNIMPLEM: int
GAM_INTR: int

has_debug_api: int
__version__: str

def GaminErrno() -> int: ...
def GaminErrmsg(err: Optional[int] = None) -> str: ...
def run_unit_tests() -> None: ...

class GaminException(Exception):
    value: Any
    errno: int
    def __init__(self, value: Any) -> None: ...

class Event(IntEnum):
    CHANGED = 1
    DELETED = 2
    CREATED = 5
    MOVED = 6
    EXISTS = 8
    def __format__(self, format_spec: str) -> str: ...

class Change(NamedTuple, Generic[_P]):
    event: Event
    path: _P
    root: _P
    @property
    def moved_to(self) -> Optional[_P]: ...

class Ignore(NamedTuple):
    patterns: Union[_Pattern, Iterable[_Pattern]] = ()
    files: Union[_AnyPath, Iterable[_AnyPath]] = ()
    git: bool = False

class WatchMonitor:
    class WatchObject:
        monitor: WatchMonitor
        callback: Callable[..., object]
        data: Any
        path: Union[str, bytes]
        def __init__(
            self,
            monitor: WatchMonitor,
            path: Union[str, bytes],
            is_directory: bool,
            callback: Callable[..., object],
            data: Any = None,
        ) -> None: ...
        def cancel(self) -> None: ...

    objects: dict[Union[str, bytes], list[WatchObject]]
    cancelled: list[WatchObject]
    def __init__(self) -> None: ...
    def watch_directory(self, path: _AnyPath, callback: Callable[..., object], data: Any = None) -> WatchObject: ...
    def watch_file(self, path: _AnyPath, callback: Callable[..., object], data: Any = None) -> WatchObject: ...
    def stop_watch(self, path: _AnyPath) -> None: ...
    def no_exists(self) -> Optional[int]: ...
    def get_fd(self) -> int: ...
    def fileno(self) -> int: ...
    def event_pending(self) -> int: ...
    def handle_one_event(self) -> int: ...
    def handle_events(self) -> int: ...
    def sync(self, timeout: Optional[float] = 10.0) -> None: ...
    @property
    def is_embedded(self) -> bool: ...
    def disconnect(self) -> None: ...
    def __reduce__(self) -> NoReturn: ...
    def __del__(self) -> None: ...

WatchObject = WatchMonitor.WatchObject

class Watch(Generic[_P, _T]):
    def __init__(
        self,
        *paths: _AnyPath,
        recursive: bool = False,
        ignore: _Ignored = None,
        initial: bool = False,
        moves: bool = False,
        gather: Optional[float] = None,
    ) -> None: ...
    @property
    def roots(self) -> list[_P]: ...
    @property
    def gaps(self) -> dict[str, str]: ...
    @property
    def closed(self) -> bool: ...
    @property
    def is_embedded(self) -> bool: ...
    def add(self, *paths: _AnyPath) -> None: ...
    def remove(self, *paths: _AnyPath) -> None: ...
    def take(self) -> list[Change[_P]]: ...
    def next(self, timeout: Optional[float] = None) -> Optional[_T]: ...
    def wait(self, timeout: Optional[float] = None) -> bool: ...
    def sync(self, timeout: Optional[float] = 10.0) -> None: ...
    async def synced(self, timeout: Optional[float] = 10.0) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...
    def __reduce__(self) -> NoReturn: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __next__(self) -> _T: ...
    def __aiter__(self) -> AsyncIterator[_T]: ...
    async def __anext__(self) -> _T: ...
    def __enter__(self) -> Watch[_P, _T]: ...
    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...
    async def __aenter__(self) -> Watch[_P, _T]: ...
    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...

# What kind of paths goes in, comes out; with `gather`, in lists.
@overload
def watch(
    *paths: str, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: None = None
) -> Watch[str, Change[str]]: ...
@overload
def watch(
    *paths: bytes, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: None = None
) -> Watch[bytes, Change[bytes]]: ...
@overload
def watch(
    *paths: _PurePath, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: None = None
) -> Watch[_PurePath, Change[_PurePath]]: ...
@overload
def watch(
    *paths: str, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: float
) -> Watch[str, list[Change[str]]]: ...
@overload
def watch(
    *paths: bytes, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: float
) -> Watch[bytes, list[Change[bytes]]]: ...
@overload
def watch(
    *paths: _PurePath, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: float
) -> Watch[_PurePath, list[Change[_PurePath]]]: ...
@overload
def watch(
    *paths: _AnyPath, recursive: bool = False, ignore: _Ignored = None, initial: bool = False, moves: bool = False, gather: Optional[float] = None
) -> Watch[Any, Any]: ...
