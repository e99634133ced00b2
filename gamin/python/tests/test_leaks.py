"""Nothing is left: no descriptor, no thread, no memory."""

from __future__ import annotations

import asyncio
import gc
import os
import threading

import gamin

# The kernel takes some milliseconds to give back each inotify instance, which without a server each connection has.
OFTEN = 1_000 if os.environ.get("GAM_MODE") == "embedded" else 10_000
# What the allocator, and the interpreter's caches, may keep of ten thousand monitors: a hundred bytes each.
KEPT_BYTES = 100 * OFTEN


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check(use, often):
    """Has something used so often, and sees what is left of that."""
    for _ in range(often // 10):
        use()
    gc.collect()
    before = descriptors(), threading.active_count(), resident()
    for _ in range(often):
        use()
    gc.collect()
    after = descriptors(), threading.active_count(), resident()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < KEPT_BYTES * often / OFTEN + 2**18, f"{after[2] - before[2]} bytes"


def test_ten_thousand_monitors_leave_nothing(tmp_path):
    (tmp_path / "file").touch()

    def use():
        monitor = gamin.WatchMonitor()
        monitor.watch_directory(tmp_path, lambda path, event: None)
        monitor.handle_one_event()
        monitor.disconnect()

    check(use, OFTEN)


def test_watches_leave_nothing(tmp_path):
    (tmp_path / "file").touch()

    def use():
        with gamin.watch(tmp_path, recursive=True, initial=True, ignore="*.o") as changes:
            assert len(changes.take()) == 2

    check(use, OFTEN // 10)


def test_barriers_leave_nothing(tmp_path):
    with gamin.watch(tmp_path) as changes:
        check(changes.sync, OFTEN)
        assert changes.take() == []


def test_coroutines_leave_nothing(tmp_path):
    async def twice():
        async with gamin.watch(tmp_path, gather=0.001) as changes:
            for _ in range(2):
                (tmp_path / "file").touch()
                await changes.synced()
                (tmp_path / "file").unlink()
                async for _ in changes:
                    break

    check(lambda: asyncio.run(twice()), OFTEN // 50)
