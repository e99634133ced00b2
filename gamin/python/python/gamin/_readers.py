"""Waiting in a coroutine until a descriptor is readable.

asyncio has one callback for each descriptor; here any number may wait. Invariants: nothing is left in a loop when nobody waits; a
descriptor is given to no loop once it is closed, whichever thread closes it; asyncio is imported by a coroutine alone.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    import asyncio


def is_in_coroutine() -> bool:
    """Whether an event loop runs in this thread, which nothing may hold up."""
    return _running_loop() is not None


def _running_loop() -> Optional[asyncio.AbstractEventLoop]:
    # Where nobody has imported asyncio, none runs. Another thread may be at it.
    running = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    loop: Optional[asyncio.AbstractEventLoop] = running() if running is not None else None
    return loop


async def readable(*descriptors: int) -> None:
    """Waits until one of the descriptors, which nobody else waits for, is readable."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    for descriptor in descriptors:
        loop.add_reader(descriptor, _wake, {future})
    try:
        await future
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)


class Readers:
    """Those who wait for one descriptor, in one loop or several."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.AbstractEventLoop, set[asyncio.Future[None]]] = {}
        self._descriptor = -1
        self._has_ended = False
        self._lock = threading.RLock()

    async def wait(self, descriptor: int) -> None:
        """Waits until the descriptor is readable, or there is nothing to wait for any more."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._has_ended:
                return
            self._descriptor = descriptor
            futures = self._waiting.setdefault(loop, set())
            if not futures:
                loop.add_reader(descriptor, _wake, futures)
            futures.add(future)
        try:
            await future
        finally:
            with self._lock:
                futures.discard(future)
                if not futures and self._waiting.get(loop) is futures:
                    del self._waiting[loop]
                    loop.remove_reader(descriptor)

    def end(self, close: Callable[[], None]) -> None:
        """Ends all waits; closes the descriptor when no loop has it any more."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._has_ended = True
        left = set(waiting)

        def leave(loop: asyncio.AbstractEventLoop) -> None:
            loop.remove_reader(self._descriptor)
            _wake(waiting[loop])
            left.discard(loop)
            if not left:
                close()

        for loop in waiting:
            if loop is _running_loop():
                leave(loop)
            elif loop.is_closed():
                left.discard(loop)
            else:
                loop.call_soon_threadsafe(leave, loop)
        if not left:
            close()


def _wake(futures: set[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
