"""What can happen to a path."""

from __future__ import annotations

from enum import IntEnum

GAMChanged = 1
GAMDeleted = 2
GAMStartExecuting = 3
GAMStopExecuting = 4
GAMCreated = 5
GAMMoved = 6
GAMAcknowledge = 7
GAMExists = 8
GAMEndExist = 9


class Event(IntEnum):
    """What has happened. It is the number that the constants have, and is printed as that."""

    CHANGED = GAMChanged
    DELETED = GAMDeleted
    CREATED = GAMCreated
    MOVED = GAMMoved
    EXISTS = GAMExists

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, format_spec: str) -> str:
        return format(self.value, format_spec)
