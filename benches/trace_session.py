"""What a client sees over a link that changes: every frame and, twice a second, the traffic.

Nothing is judged here: whoever changes the link knows when it did, and the clock is the same in all
processes of a machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from content import FPS, HEIGHT, WIDTH, Content, Pixels, read_counter, write_counter
from exchange import Link, Options

_SAMPLE_SECONDS = 0.5
_DRAIN_SECONDS = 2.0
_STEP = 4
"""One pixel of each so many rows and columns is compared."""
_BLOCKS = 5
"""The picture is compared in so many blocks each way: damage shows in one place first."""


class Tracer:
    """One session whose every frame is compared with what was sent."""

    def __init__(self, link: Link, content: Content) -> None:
        self._link = link
        self._content = content
        self._expected = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        self.sent: list[float] = []
        self.shown: list[tuple[int, float, float]] = []
        self.unreadable = 0
        self.samples: list[tuple[float, int, int]] = []

    async def run(self, seconds: float) -> dict[str, Any]:
        """Sends for that long; then what is under way has a moment to come."""
        opening = time.perf_counter()
        await self._link.open()
        opened = time.perf_counter()
        reading = [asyncio.create_task(self._read()), asyncio.create_task(self._sample())]
        try:
            await self._send(seconds)
            await asyncio.sleep(_DRAIN_SECONDS)
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
            await self._link.close()
        return {
            "opening": opening,
            "opened": opened,
            "sent": self.sent,
            "shown": self.shown,
            "unreadable": self.unreadable,
            "samples": self.samples,
        }

    async def _send(self, seconds: float) -> None:
        scratch = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        begin = due = time.perf_counter()
        while due < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due + 1 / FPS, time.perf_counter())
            self._content.draw(len(self.sent), scratch)
            self.sent.append(time.perf_counter())
            await self._link.send(scratch)

    async def _read(self) -> None:
        while True:
            pixels = await self._link.receive()
            now = time.perf_counter()
            counter = read_counter(pixels)
            if counter is None or counter >= len(self.sent):
                self.unreadable += 1
            else:
                self.shown.append((counter, now, round(self._worst_block(counter, pixels), 1)))

    async def _sample(self) -> None:
        while True:
            with contextlib.suppress(TypeError):  # the library does not tell
                sent, received = await self._link.traffic()  # type: ignore[misc]
                self.samples.append((time.perf_counter(), sent, received))
            await asyncio.sleep(_SAMPLE_SECONDS)

    def _worst_block(self, counter: int, pixels: Pixels) -> float:
        """PSNR in dB of the block that was kept worst, in every fourth pixel of green."""
        if pixels.shape != self._expected.shape:
            return 100.0  # another size: scaled by the sender, not comparable
        np.copyto(self._expected, self._content.picture(counter))
        write_counter(self._expected, counter)
        pick = (slice(None, None, _STEP), slice(None, None, _STEP), 1)
        error = (self._expected[pick].astype(np.float32) - pixels[pick]) ** 2
        rows, columns = (size // _BLOCKS for size in error.shape)
        blocks = error[: rows * _BLOCKS, : columns * _BLOCKS]
        means = blocks.reshape(_BLOCKS, rows, _BLOCKS, columns).mean(axis=(1, 3))
        return float(10 * np.log10(255**2 / max(float(means.max()), 0.01)))


async def measure(link: Link, options: Options) -> dict[str, Any]:
    """One session for ``options.seconds``."""
    tracer = Tracer(link, Content.open(Path(options.content)))
    return await tracer.run(options.seconds)
