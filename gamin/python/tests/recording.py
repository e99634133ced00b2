"""A callback that remembers, and a monitor that has told everything when it is asked."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import gamin

CHANGED, DELETED, CREATED = gamin.GAMChanged, gamin.GAMDeleted, gamin.GAMCreated
ACKNOWLEDGE, EXISTS, END = gamin.GAMAcknowledge, gamin.GAMExists, gamin.GAMEndExist


def raised_when_it_ends(wait: Callable[[], object], end: Callable[[], object]) -> Exception:
    """What is raised in a thread that waits, when this one ends what it waits for."""
    raised: list[Exception] = []

    def waits() -> None:
        try:
            wait()
        except Exception as error:
            raised.append(error)

    waiting = threading.Thread(target=waits)
    waiting.start()
    waiting.join(0.05)
    end()
    waiting.join(10)
    (error,) = raised
    return error


class Record:
    """What a callback was called with: names and events."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def __call__(self, path: str, event: int) -> None:
        self.told.append((os.path.basename(path), event))

    def take(self) -> list[tuple[str, int]]:
        """What was told since the last time."""
        told, self.told = self.told, []
        return told

    def events(self) -> list[int]:
        """The events of that."""
        return [event for _, event in self.take()]


class Monitor(gamin.WatchMonitor):
    """A monitor that can be settled."""

    def directory(self, path: Path) -> Record:
        """Watches a directory, and gives what is told of it."""
        record = Record()
        self.watch_directory(path, record)
        return record

    def file(self, path: Path) -> Record:
        """Watches a file, and gives what is told of it."""
        record = Record()
        self.watch_file(path, record)
        return record

    def settle(self) -> int:
        """Handles all that has happened so far."""
        self.sync()
        return self.handle_events()

    def flood(self, seconds: float, period: float, write: Callable[[int], None]) -> None:
        """Has something written again and again, and handles events in between."""
        begin = time.monotonic()
        for turn in range(round(seconds / period)):
            write(turn)
            while (left := begin + (turn + 1) * period - time.monotonic()) > 0:
                if select.select([self], [], [], left)[0]:
                    self.handle_events()
        self.settle()
