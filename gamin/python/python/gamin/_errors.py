"""What goes wrong, as the original says it: a number that stays, a text, an exception."""

from __future__ import annotations

from typing import Any, Optional

GAM_OK = 0
GAM_ARG = 1
GAM_FILE = 2
GAM_CONNECT = 3
GAM_AUTH = 4
GAM_MEM = 5
GAM_UNIMPLEM = 6
GAM_INTR = 7

_TEXTS = {
    GAM_ARG: "Bad arguments",
    GAM_FILE: "Bad filename",
    GAM_CONNECT: "Connection failure",
    GAM_AUTH: "Authentication failure",
    GAM_MEM: "Memory allocation failure",
    GAM_UNIMPLEM: "Unimplemented function",
    GAM_INTR: "Interrupted",
}

_last = GAM_OK


def GaminErrno() -> int:
    """The number of the last error in this process. Success does not change it."""
    return _last


def GaminErrmsg(err: Optional[int] = None) -> str:
    """A short text for an error, by default the last one; empty if there is none."""
    return _TEXTS.get(_last if err is None else err, "")


class GaminException(Exception):
    """Something that could not be done. `errno` says of what kind the reason is."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value
        self.errno = GaminErrno()

    def __str__(self) -> str:
        text = GaminErrmsg(self.errno)
        return f"{self.value!r}: {text}" if text else repr(self.value)


def unpicklable() -> TypeError:
    """Makes the exception for who would take a connection elsewhere."""
    return TypeError("a watch can't be pickled: make one in the process that uses it")


def failure(errno: int, why: str) -> GaminException:
    """Makes an exception, and its number the last one."""
    global _last
    _last = errno
    return GaminException(why)
