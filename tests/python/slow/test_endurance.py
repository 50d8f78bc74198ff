"""Many sessions one after the other leave no more behind than one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import parhelion as ph

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts by /proc")


async def one(client: ph.Client, picture: object) -> None:
    async with client.realtime.connect(model="mirage_v2") as session:
        for _ in range(10):
            await session.transform(picture)


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_twenty_sessions(client, picture, left_behind):
    sent = picture()
    await one(client, sent)
    await settled(left_behind, threads=0, open_files=files())
    threads, open_files = len(left_behind()[0]), files()
    for _ in range(20):
        await one(client, sent)
    await settled(left_behind, threads, open_files)


def resident_mebibytes() -> int:
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


async def settled(left_behind, threads: int, open_files: int) -> None:
    async def wait() -> None:
        while len(left_behind()[0]) > threads or files() > open_files:
            await asyncio.to_thread(lambda: None)

    await asyncio.wait_for(wait(), 10)


async def test_many_sessions_at_once(server, client, picture):
    sent = picture()
    await asyncio.gather(*(one(client, sent) for _ in range(8)))


async def test_connects_that_fail_leave_nothing(server, left_behind):
    client = ph.Client("wrong", base_url=server.url)
    threads, open_files = len(left_behind()[0]), files()
    for _ in range(20):
        with pytest.raises(ph.InvalidApiKeyError):
            await client.realtime.connect(model="mirage_v2")
    await settled(left_behind, threads, open_files)
    assert server.active_sessions == 0


async def test_memory_stays_flat_while_a_reader_sleeps(session, picture):
    """A megabyte a frame: what was queued would show."""
    sent = picture(1280, 720)

    async def burst(frames: int) -> int:
        for _ in range(frames):
            before = session.stats().frames_encoded
            session.send(sent)
            for _ in range(2000):
                if session.stats().frames_encoded > before:
                    break
                await asyncio.sleep(0)
        return resident_mebibytes()

    warm = await burst(40)
    assert await burst(100) < warm + 100
