"""What mypy has to say of a program that uses the module; it is checked, not run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import gamin

if TYPE_CHECKING:
    from typing_extensions import assert_type

    def uses_what_is_there(path: Path) -> None:
        for change in gamin.watch("a", "b", recursive=True, ignore=["*.pyc"]):
            assert_type(change, gamin.Change[str])
            assert_type(change.event, gamin.Event)
        for batch in gamin.watch(path, gather=0.1):
            assert_type(batch, list[gamin.Change[Path]])
        assert_type(gamin.watch(b"a").take(), list[gamin.Change[bytes]])
        monitor = gamin.WatchMonitor()
        assert_type(monitor.watch_file(path, print), gamin.WatchObject)
        assert_type(monitor.handle_events(), int)

    async def uses_coroutines() -> None:
        async with gamin.watch("a", ignore=gamin.Ignore(git=True)) as changes:
            await changes.synced(timeout=1)
            async for change in changes:
                assert_type(change.path, str)
