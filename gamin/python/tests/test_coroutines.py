"""`gamin.watch` in coroutines: no thread, nothing left in the loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

import gamin
from gamin import Event


def seen(changes):
    return [(change.event, os.path.basename(change.path)) for change in changes]


def readers(loop):
    return len(loop._selector.get_map())


def run(main):
    """Runs a coroutine, and sees to it that no thread was started and the loop has no reader more than before."""

    async def checked():
        loop = asyncio.get_running_loop()
        before = readers(loop), threading.active_count()
        await asyncio.wait_for(main(), 60)
        assert (readers(loop), threading.active_count()) == before

    asyncio.run(checked())


def test_changes_come_as_they_happen(tmp_path):
    async def main():
        async with gamin.watch(tmp_path) as changes:
            asyncio.get_running_loop().call_later(0.05, (tmp_path / "file").touch)
            async for change in changes:
                assert change == (Event.CREATED, tmp_path / "file", tmp_path)
                break

    run(main)


def test_all_that_happened_is_there_after_synced(tmp_path):
    async def main():
        async with gamin.watch(tmp_path, recursive=True) as changes:
            (tmp_path / "a" / "b").mkdir(parents=True)
            (tmp_path / "a" / "b" / "file").touch()
            await changes.synced()
            assert seen(changes.take()) == [(Event.CREATED, name) for name in ("a", "b", "file")]

    run(main)


def test_synced_passes_while_another_task_reads(tmp_path):
    async def main():
        async with gamin.watch(tmp_path) as changes:
            told = []

            async def read():
                async for change in changes:
                    told.append(change)

            tasks = [asyncio.ensure_future(read()) for _ in range(3)]
            for turn in range(50):
                (tmp_path / str(turn)).touch()
                await asyncio.gather(*(changes.synced() for _ in range(3)))
            # What is not read by then is not told.
            while len(told) < 50:
                await asyncio.sleep(0)
            changes.close()
            await asyncio.gather(*tasks)
            assert seen(told) == [(Event.CREATED, str(turn)) for turn in range(50)]

    run(main)


def test_a_task_that_waits_can_be_cancelled(tmp_path):
    async def main():
        async with gamin.watch(tmp_path) as changes:
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(changes.__anext__(), 0.01)
            (tmp_path / "file").touch()
            assert (await changes.__anext__()).event is Event.CREATED

    run(main)


def test_batches_come_when_they_end(tmp_path):
    async def main():
        async with gamin.watch(tmp_path, gather=0.05) as changes:
            for name in ("a", "b"):
                (tmp_path / name).touch()
            async for batch in changes:
                assert seen(batch) == [(Event.CREATED, "a"), (Event.CREATED, "b")]
                break

    run(main)


def test_paths_are_added_without_waiting(tmp_path):
    async def main():
        async with gamin.watch() as changes:
            changes.add(tmp_path)
            await changes.synced()
            (tmp_path / "file").touch()
            assert (await changes.__anext__()).path == tmp_path / "file"

    run(main)


def test_closing_in_another_thread_ends_the_iteration(tmp_path):
    async def main():
        changes = gamin.watch(tmp_path)
        await changes.synced()
        closer = threading.Timer(0.05, changes.close)
        closer.start()
        async for _ in changes:
            pass
        closer.join()

    run(main)


def test_synced_has_a_time_limit(own_server, tmp_path):
    async def main():
        async with gamin.watch(tmp_path) as changes:
            monitor = gamin.WatchMonitor()
            pid = monitor._session.connection.server_pid()
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(TimeoutError):
                    await changes.synced(0.05)
            finally:
                os.kill(pid, signal.SIGCONT)
            await changes.synced()
            monitor.disconnect()

    run(main)
