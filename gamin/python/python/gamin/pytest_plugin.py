"""A fixture for tests of programs that watch files with gamin."""

from __future__ import annotations

from typing import Protocol

import pytest


class Settle(Protocol):
    """What the fixture gives."""

    def __call__(self, timeout: float = 10.0) -> None: ...


@pytest.fixture
def fs_settled() -> Settle:
    """A function that waits until everything that has happened to files so far can be had from each watch and each monitor of
    this process, and has been handled by the handlers of each GaminObserver. Raises TimeoutError.

    A thread of the program's own that reads a watch or a monitor may still be at it: who waits for that has it say so."""
    from ._alive import settle

    def settled(timeout: float = 10.0) -> None:
        settle(timeout)

    return settled
