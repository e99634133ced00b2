"""All that is open in this process: what becomes of it in a child process, and how all of it is settled.

A child shares its parent's descriptors, and must not use them: each connection that was open is let go there at once, and
made anew when the child first uses it.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Alive(Protocol):
    """Something with a connection."""

    def _after_fork(self) -> None: ...

    def _settle(self, timeout: float) -> None: ...


# In the order in which they were made. It is changed by single operations, so no lock is needed that a child could find held.
_all: dict[weakref.ref[Alive], None] = {}


def track(alive: Alive) -> None:
    """Has it be told in a child process that it is in one, and be settled with all others."""
    _all[weakref.ref(alive, _forget)] = None


def settle(timeout: float) -> None:
    """Waits until everything that happened before the call has been told to all, in the order in which they were made."""
    for alive in _living():
        alive._settle(timeout)


def _living() -> list[Alive]:
    return [alive for alive in [reference() for reference in list(_all)] if alive is not None]


def _forget(reference: weakref.ref[Alive]) -> None:
    _all.pop(reference, None)


def _in_child() -> None:
    for alive in _living():
        alive._after_fork()


os.register_at_fork(after_in_child=_in_child)
