"""A fixture for tests of programs that watch files with gamin."""

from __future__ import annotations

from typing import Protocol

import pytest


class Settle(Protocol):
    """What the fixture gives."""

    def __call__(self, timeout: float = 10.0) -> None: ...


@pytest.fixture
def fs_settled() -> Settle:
    """A function that waits until everything that has happened to files so far has been told to everybody in this process
    who watches with gamin, and handled by the handlers of a GaminObserver. Raises TimeoutError."""
    from ._alive import settle

    def settled(timeout: float = 10.0) -> None:
        settle(timeout)

    return settled
