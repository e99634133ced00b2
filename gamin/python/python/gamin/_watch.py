"""`gamin.watch`: what happens to paths, for `for`, `async for`, and event loops.

What is told is left to the native watcher. Invariants: what happens after a call of `watch` or `add` has returned is told (in a
coroutine, after `async with` or `await synced()`); nothing here has a thread; a watch that is closed has no watcher, whoever
uses it meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePath
from typing import Any, Callable, Generic, NamedTuple, NoReturn, Optional, TypeVar

from . import _alive
from ._arguments import AnyPath, Ignored, checked_bool, checked_path, checked_pause, checked_timeout, ignored_by
from ._errors import GAM_UNIMPLEM, GaminException, unpicklable
from ._events import Event
from ._native import Sync, Watcher
from ._readers import Readers, is_in_coroutine, readable

P = TypeVar("P")
T = TypeVar("T")

_EVENTS = {event.value: event for event in Event}
_TIMEOUT = 10.0


class Change(NamedTuple):
    """Something that happened: what, where, and below which of the paths that were asked for."""

    event: Event
    path: Any
    root: Any

    @property
    def moved_to(self) -> Any:
        """Where it is now, of Event.MOVED; else None."""
        return None


class Move(Change):
    """A `Change` of Event.MOVED, which is told where it was."""

    moved_to: Any = None

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, moved_to={self.moved_to!r})"


class _Root(NamedTuple):
    """A path that was asked for, and how paths below it are made."""

    spelled: Any
    make: Callable[[bytes], Any]


class Watch(Generic[P, T]):
    """Watches paths. What `watch` gives."""

    def __init__(
        self,
        *paths: AnyPath,
        recursive: bool = False,
        ignore: Ignored = None,
        initial: bool = False,
        moves: bool = False,
        gather: Optional[float] = None,
    ) -> None:
        self._is_open = False
        self._make = functools.partial(
            Watcher,
            recursive=checked_bool("recursive", recursive),
            initial=checked_bool("initial", initial),
            moves=checked_bool("moves", moves),
            gather=checked_pause(gather),
            ignored=ignored_by(ignore),
        )
        self._gathers = gather is not None
        self._roots: dict[bytes, _Root] = {}
        self._readers = Readers()
        # Of who makes the watcher, and who closes it.
        self._lock = threading.RLock()
        self._native: Optional[Watcher] = self._make()
        self._is_open = True
        try:
            self.add(*paths)
        except BaseException:
            self.close()
            raise
        _alive.track(self)

    def add(self, *paths: AnyPath) -> None:
        """Watches more paths. What is not there is waited for."""
        watcher = self._watcher()
        for path in paths:
            key = checked_path(path)
            root = _root(path)
            watcher.add(key, root)
            self._roots.setdefault(key, root)
        if paths and not is_in_coroutine():
            with _if_there_is_a_barrier():
                self.sync(None)

    def remove(self, *paths: AnyPath) -> None:
        """Watches paths no more. What was told before can still be had."""
        watcher = self._watcher()
        for path in paths:
            key = checked_path(path)
            if not watcher.remove(key):
                raise ValueError(f"{path!r} is not watched")
            for same in [known for known in list(self._roots) if known.rstrip(b"/") == key.rstrip(b"/")]:
                self._roots.pop(same, None)

    @property
    def roots(self) -> list[Any]:
        """The paths that are watched, as they were given."""
        return [root.spelled for root in list(self._roots.values())]

    @property
    def gaps(self) -> dict[str, str]:
        """The paths of which something may be told late or not at all, each with the reason."""
        return {os.fsdecode(path): why for path, why in self._watcher().gaps()}

    def take(self) -> list[Change]:
        """All changes that can be had without waiting. It ends a batch."""
        return [_change(told) for told in self._watcher().take()]

    def next(self, timeout: Optional[float] = None) -> Optional[T]:
        """The next change, or batch; None if none comes in time."""
        given: Optional[T] = self._given(self._watcher().next(timeout))
        return given

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until there is something to take; says whether there is."""
        return self._watcher().wait(timeout)

    def sync(self, timeout: Optional[float] = _TIMEOUT) -> None:
        """Waits until everything that happened before the call can be had with `take`. Raises TimeoutError."""
        self._watcher().begin_sync().wait(timeout)

    async def synced(self, timeout: Optional[float] = _TIMEOUT) -> None:
        """As `sync`, for coroutines."""
        import asyncio

        seconds, sync = checked_timeout(timeout), self._watcher().begin_sync()
        # As `sync` does, it looks before it waits, however short it may.
        try:
            if not sync.poll():
                await asyncio.wait_for(_passed(sync), seconds)
        except asyncio.TimeoutError:
            raise TimeoutError("not everything was told in time") from None

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to take. Wait for it, and do nothing else with it."""
        return self._watcher().fileno()

    def close(self) -> None:
        """Watches nothing any more, and ends whoever waits for changes."""
        with self._lock:
            was_open, self._is_open = self._is_open, False
            watcher, self._native = self._native, None
        if was_open and watcher is not None:
            self._readers.end(watcher.close)

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return not self._is_open

    @property
    def is_embedded(self) -> bool:
        """Whether this process watches by itself, without a server."""
        return self._watcher().is_embedded()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            while self._is_open:
                given = self.next()
                if given is not None:
                    return given
        except Exception:
            if self._is_open:
                raise
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            while self._is_open:
                watcher = self._watcher()
                given: Optional[T] = self._given(watcher.poll())
                if given is not None:
                    return given
                await self._readers.wait(watcher.fileno())
        except Exception:
            if self._is_open:
                raise
        raise StopAsyncIteration

    def __enter__(self) -> Watch[P, T]:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Watch[P, T]:
        self._check_open()
        with _if_there_is_a_barrier():
            await self.synced(None)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise unpicklable()

    def __repr__(self) -> str:
        state = ", ".join(repr(root) for root in self.roots) if self._is_open else "closed"
        return f"<gamin.Watch {state}>"

    def _watcher(self) -> Watcher:
        """The native watcher: this process's own."""
        watcher = self._native
        return self._made() if watcher is None else watcher

    def _made(self) -> Watcher:
        with self._lock:
            self._check_open()
            if self._native is not None:
                return self._native
            watcher = self._make()
            for key, root in list(self._roots.items()):
                watcher.add(key, root)
            self._native = watcher
        if not is_in_coroutine():
            with _if_there_is_a_barrier():
                watcher.begin_sync().wait(None)
        return watcher

    def _check_open(self) -> None:
        if not self._is_open:
            raise ValueError("the watch is closed")

    def _settle(self, timeout: float) -> None:
        if self._is_open:
            self.sync(timeout)

    def _after_fork(self) -> None:
        # Whoever had the lock is in the parent.
        self._lock = threading.RLock()
        self._native = None
        self._readers = Readers()

    def _given(self, told: Any) -> Any:
        if told is None:
            return None
        return [_change(one) for one in told] if self._gathers else _change(told)


def watch(
    *paths: AnyPath,
    recursive: bool = False,
    ignore: Ignored = None,
    initial: bool = False,
    moves: bool = False,
    gather: Optional[float] = None,
) -> Watch[Any, Any]:
    """Watches paths: gives a context manager and iterator of what happens to them from now on.

    `recursive`: directories with all that is below them. `ignore`: patterns as in .gitignore, True for what git leaves out, or
    an `Ignore` for both. `initial`: what is there is told first, as Event.EXISTS. `moves`: a rename within what is watched is told as
    one change, Event.MOVED, whose `moved_to` is where it is now. `gather`: changes come in lists, one for all that come together
    with no longer pause than so many seconds.
    """
    return Watch(*paths, recursive=recursive, ignore=ignore, initial=initial, moves=moves, gather=gather)


def say(notes: list[str]) -> None:
    """Says what people should know: that something can't be watched, or a rule not be read."""
    for note in notes:
        logging.getLogger("gamin").warning("%s", note)


def _root(path: AnyPath) -> _Root:
    if isinstance(path, bytes):
        return _Root(path, bytes)
    if isinstance(path, str):
        return _Root(path, os.fsdecode)
    kind = type(path) if isinstance(path, PurePath) else Path
    return _Root(path, lambda below: kind(os.fsdecode(below)))


def _change(told: tuple[int, Optional[_Root], bytes, Optional[tuple[Optional[_Root], bytes]]]) -> Change:
    code, root, path, moved_to = told
    spelled = None if root is None else root.spelled
    if moved_to is None:
        return Change(_EVENTS[code], _path(root, path), spelled)
    move = Move(_EVENTS[code], _path(root, path), spelled)
    move.moved_to = _path(*moved_to)
    return move


def _path(root: Optional[_Root], path: bytes) -> Any:
    return os.fsdecode(path) if root is None else root.make(path)


@contextlib.contextmanager
def _if_there_is_a_barrier() -> Iterator[None]:
    """The original's server has none: with it, what happens at the very beginning may be told as what was there."""
    try:
        yield
    except GaminException as error:
        if error.errno != GAM_UNIMPLEM:
            raise


async def _passed(sync: Sync) -> None:
    while not sync.poll():
        await readable(*sync.filenos())
