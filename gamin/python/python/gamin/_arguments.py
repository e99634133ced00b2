"""What a watch is asked for: checked before anything is done, with the name of what is wrong.

What is done with it is left to `_watch` and the native watcher.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any, NamedTuple, Optional, Union

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Pattern = Union[str, "os.PathLike[str]"]


class Ignore(NamedTuple):
    """What is left out: patterns as in .gitignore, files of such patterns, and what git leaves out."""

    patterns: Union[Pattern, Iterable[Pattern]] = ()
    files: Union[AnyPath, Iterable[AnyPath]] = ()
    git: bool = False


Ignored = Union[None, bool, Pattern, Iterable[Pattern], Ignore]


def checked_path(path: AnyPath) -> bytes:
    """The bytes of a path that is to be watched."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise _type_error("paths", "each is a str, bytes or path-like", path)
    return os.fsencode(path)


def checked_bool(name: str, value: bool) -> bool:
    """The value, if it is True or False."""
    if not isinstance(value, bool):
        raise _type_error(name, "True or False", value)
    return value


def checked_pause(gather: Optional[float]) -> Optional[float]:
    """The seconds of `gather`, of which there can't be less than none, nor any number."""
    seconds = _seconds("gather", gather)
    if seconds is not None and not 0 <= seconds < math.inf:
        raise ValueError(f"gather: a number of seconds from 0 on, not {gather!r}")
    return seconds


def checked_timeout(timeout: Optional[float]) -> Optional[float]:
    """The seconds of `timeout`; None if it never ends."""
    seconds = _seconds("timeout", timeout)
    if seconds is not None and math.isnan(seconds):
        raise ValueError(f"timeout: a number of seconds, not {timeout!r}")
    return None if seconds == math.inf else seconds


def ignored_by(ignore: Ignored) -> dict[str, Any]:
    """What the native watcher leaves out."""
    if not isinstance(ignore, Ignore):
        named = ignore is None or isinstance(ignore, bool)
        ignore = Ignore(git=bool(ignore)) if named else Ignore(patterns=ignore)  # type: ignore[arg-type]
    expected = "a pattern, several, True, or a gamin.Ignore"
    patterns = [_pattern(pattern) for pattern in _each("ignore", ignore.patterns, expected)]
    files = [_file(file) for file in _each("ignore", ignore.files, "files: a path, or several")]
    return {"patterns": patterns, "files": files, "standard": checked_bool("ignore", ignore.git)}


def _each(name: str, values: Any, expected: str) -> Iterable[Any]:
    """One value as several."""
    if isinstance(values, (str, bytes, os.PathLike)):
        return (values,)
    if not isinstance(values, Iterable):
        raise _type_error(name, expected, values)
    return values


def _pattern(pattern: Any) -> str:
    text = os.fspath(pattern) if isinstance(pattern, os.PathLike) else pattern
    if not isinstance(text, str):
        raise _type_error("ignore", "a pattern is a str", pattern)
    return text


def _file(file: Any) -> bytes:
    if not isinstance(file, (str, bytes, os.PathLike)):
        raise _type_error("ignore", "files: each is a str, bytes or path-like", file)
    return os.fsencode(os.path.abspath(file))


def _seconds(name: str, value: Optional[float]) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise _type_error(name, "a number of seconds", value)
    return float(value)


def _type_error(name: str, expected: str, value: object) -> TypeError:
    return TypeError(f"{name}: {expected}; not {type(value).__name__}")
