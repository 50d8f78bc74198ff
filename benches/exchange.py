"""The cases, run against any library that can carry frames to an echo and back.

A :class:`Link` is one session of one library. Latency is taken from the numpy array handed to
``send`` to the numpy array got from ``receive``; which frame came back is read from the picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

from content import COUNTERS, FPS, HEIGHT, WIDTH, Content, Pixels, luma_psnr, read_counter
from measure import Memory, ProcessorTime, mapped_mib, percentiles

_DRAIN_SECONDS = 2.0
_FIRST_FRAME_SECONDS = 30.0
_QUALITY_SAMPLES = 30
_STALL_SECONDS = 5.0


class Link(Protocol):
    """One session of a library."""

    async def open(self) -> None:
        """Connects; returns when frames may be sent."""

    async def send(self, pixels: Pixels) -> None:
        """Hands over a frame; the array may be overwritten afterwards."""

    async def receive(self) -> Pixels:
        """The next frame that the library has for its user."""

    async def traffic(self) -> tuple[int, int] | None:
        """Bytes sent and received since the start, or None when the library does not tell."""

    async def close(self) -> None:
        """Ends the session."""


@dataclass(frozen=True)
class Options:
    """How to run a case; travels to the child processes as JSON."""

    content: str
    folder: str
    seconds: float = 30.0
    warmup: float = 5.0
    sessions: int = 4
    viewers: int = 50
    cycles: int = 1000
    bitrate: int = 3_000_000


@dataclass
class Session:
    """A link, what went in and what came out of it."""

    link: Link
    content: Content
    phase: float = 0.0
    """When in the frame interval this session sends, 0 to 1, so that sessions do not coincide."""

    counter: int = 0
    skipped: int = 0
    unreadable: int = 0
    returned: list[tuple[int, float]] = field(default_factory=list)
    """Counter and age in seconds of each frame that came back."""

    samples: Pixels | None = None
    """Frames kept to judge the quality, in a mapped file so that they do not count as memory."""

    sampled: list[int] = field(default_factory=list)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    opening: float = 0.0
    opened: float = 0.0
    first: float = 0.0
    sent_at: Any = field(default_factory=lambda: np.zeros(COUNTERS))
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Connects, starts to send and to read, and waits for the first frame."""
        self.reading.set()
        self.opening = time.perf_counter()
        await self.link.open()
        self.opened = time.perf_counter()
        self.tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._read())]
        waiter = asyncio.create_task(self.arrived.wait())
        done, _ = await asyncio.wait(
            [waiter, *self.tasks],
            timeout=_FIRST_FRAME_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiter.cancel()
        for task in done:
            task.result()
        if not self.arrived.is_set():
            raise TimeoutError(f"no frame came back within {_FIRST_FRAME_SECONDS} s")

    async def stop(self) -> None:
        """Ends the session; a failure of sending or reading comes out here."""
        for task in self.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.link.close()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def window(self, begin: int, end: int) -> dict[str, Any]:
        """What became of the frames with ``begin <= counter < end``."""
        ages = [age for counter, age in self.returned if begin <= counter < end]
        distinct = len({counter for counter, _ in self.returned if begin <= counter < end})
        return {
            "frames": {
                "sent": end - begin,
                "received": distinct,
                "lost": end - begin - distinct,
                "repeated": len(ages) - distinct,
                "unreadable": self.unreadable,
                "late_ticks_skipped": self.skipped,
            },
            "latency_ms": percentiles(ages),
        }

    def quality(self) -> dict[str, float] | None:
        """Luma PSNR of the kept frames against the pictures that were sent, in dB."""
        if self.samples is None or not self.sampled:
            return None
        sent = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        values = [
            luma_psnr(self.content.draw(counter, sent), self.samples[slot])
            for slot, counter in enumerate(self.sampled)
        ]
        return {"mean": round(float(np.mean(values)), 2), "min": round(min(values), 2)}

    async def _send(self) -> None:
        scratch = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        interval = 1 / FPS
        begin, tick = time.perf_counter() + self.phase * interval, 0
        while True:
            late = time.perf_counter() - (begin + tick * interval)
            if late < 0:
                await asyncio.sleep(-late)
            elif late > interval:
                missed = int(late / interval)
                self.skipped += missed
                tick += missed
            tick += 1
            self.content.draw(self.counter, scratch)
            self.sent_at[self.counter] = time.perf_counter()
            self.counter += 1
            await self.link.send(scratch)

    async def _read(self) -> None:
        while True:
            await self.reading.wait()
            pixels = await self.link.receive()
            now = time.perf_counter()
            counter = read_counter(pixels)
            if counter is None or counter >= self.counter:
                self.unreadable += 1
                continue
            self.returned.append((counter, now - self.sent_at[counter]))
            if not self.arrived.is_set():
                self.first = now
                self.arrived.set()
            self._sample(counter, pixels)

    def _sample(self, counter: int, pixels: Pixels) -> None:
        samples = self.samples
        if samples is None or counter % FPS or len(self.sampled) == len(samples):
            return
        if pixels.shape == samples.shape[1:]:
            samples[len(self.sampled)] = pixels
            self.sampled.append(counter)


class MemoryWatch:
    """The highest memory seen, looked at four times a second."""

    def __init__(self, processes: dict[str, psutil.Process]) -> None:
        self._processes = processes
        self.peak = {name: Memory.of(process) for name, process in processes.items()}
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> dict[str, Memory]:
        """Ends the watch."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return self.peak

    async def _watch(self) -> None:
        while True:
            for name, process in self._processes.items():
                self.peak[name] = self.peak[name].highest(Memory.of(process))
            await asyncio.sleep(0.25)


async def steady(
    connect: Callable[[], Link], options: Options, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """One session for a while: latency, processor time, memory, quality, bit rate."""
    session = Session(connect(), Content.open(Path(options.content)))
    await session.start()
    try:
        await asyncio.sleep(options.warmup)
        shape = (_QUALITY_SAMPLES, HEIGHT, WIDTH, 3)
        path = Path(options.folder) / "samples.rgb"
        session.samples = np.memmap(path, np.uint8, "w+", shape=shape)
        session.skipped = session.unreadable = 0
        traffic, cpu, begin = (
            await session.link.traffic(),
            ProcessorTime(processes),
            session.counter,
        )
        watch, began = MemoryWatch(processes), time.perf_counter()
        await asyncio.sleep(options.seconds)
        seconds, end, used = time.perf_counter() - began, session.counter, cpu.per_second()
        peak, after = await watch.stop(), await session.link.traffic()
        mapped = mapped_mib(processes["client"], Path(options.folder))
        await asyncio.sleep(_DRAIN_SECONDS)
        result = session.window(begin, end)
    finally:
        await session.stop()
    return {
        "connect_ms": round((session.opened - session.opening) * 1000, 1),
        "first_frame_ms": round((session.first - session.opening) * 1000, 1),
        "seconds": round(seconds, 2),
        **result,
        "cpu_seconds_per_second": used,
        "memory_mib": {
            name: {
                "rss": round(memory.rss, 1),
                "rss_without_content": round(memory.rss - (mapped if name == "client" else 0), 1),
                "rss_anonymous": memory.anonymous and round(memory.anonymous, 1),
            }
            for name, memory in peak.items()
        },
        "luma_psnr_db": session.quality(),
        "kbps": _rates(traffic, after, seconds),
    }


async def slow_reader(
    connect: Callable[[], Link], options: Options, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """The reader stops for five seconds while frames keep coming: is what it then gets fresh?"""
    session = Session(connect(), Content.open(Path(options.content)))
    await session.start()
    try:
        await asyncio.sleep(options.warmup)
        before = {name: Memory.of(process) for name, process in processes.items()}
        session.reading.clear()
        watch = MemoryWatch(processes)
        await asyncio.sleep(_STALL_SECONDS)
        # The read that was under way when the reader stopped has returned long ago.
        seen, begin = len(session.returned), session.counter
        session.reading.set()
        await asyncio.sleep(_STALL_SECONDS)
        peak = await watch.stop()
        ages = [age for _, age in session.returned[seen:]]
        fresh = next((n for n, age in enumerate(ages) if age < 0.2), None)
        result = session.window(begin, session.counter - FPS)
    finally:
        await session.stop()
    return {
        "stalled_seconds": _STALL_SECONDS,
        "age_of_first_frame_ms": round(ages[0] * 1000, 1) if ages else None,
        "age_of_second_frame_ms": round(ages[1] * 1000, 1) if len(ages) > 1 else None,
        "stale_frames_before_first_under_200_ms": fresh,
        "after_the_stall": result,
        "rss_growth_mib": {
            name: round(peak[name].rss - memory.rss, 1) for name, memory in before.items()
        },
    }


async def sessions(
    connect: Callable[[], Link], options: Options, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """Several sessions at once between the same two processes."""
    content = Content.open(Path(options.content))
    count = options.sessions
    running: list[Session] = []
    try:
        for number in range(count):
            running.append(Session(connect(), content, phase=number / count))
            await running[-1].start()
        await asyncio.sleep(options.warmup)
        cpu, begins = ProcessorTime(processes), [session.counter for session in running]
        for session in running:
            session.skipped = session.unreadable = 0
        began = time.perf_counter()
        await asyncio.sleep(options.seconds)
        seconds, ends, used = (
            time.perf_counter() - began,
            [session.counter for session in running],
            cpu.per_second(),
        )
        await asyncio.sleep(_DRAIN_SECONDS)
        results = [
            session.window(*bounds) for session, *bounds in zip(running, begins, ends, strict=True)
        ]
    finally:
        await _stop_all(running)
    for result in results:
        result["delivered_fps"] = round(result["frames"]["received"] / seconds, 2)
    return {"sessions": results, "cpu_seconds_per_second": used}


async def _stop_all(running: Sequence[Session]) -> None:
    outcomes = await asyncio.gather(*(each.stop() for each in running), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def _rates(
    before: tuple[int, int] | None, after: tuple[int, int] | None, seconds: float
) -> dict[str, float] | None:
    if before is None or after is None:
        return None
    return {
        "to_server": round((after[0] - before[0]) * 8 / 1000 / seconds, 1),
        "from_server": round((after[1] - before[1]) * 8 / 1000 / seconds, 1),
    }


CASES = {"steady": steady, "slow-reader": slow_reader, "sessions": sessions}
