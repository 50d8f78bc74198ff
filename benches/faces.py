"""The two faces beside each other, and what the import costs.

Both faces talk to the same service from the same process, a frame each in turn, so that whatever
else the machine does hits both alike.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import parhelion as ph
import parhelion_peer
from content import FPS, HEIGHT, WIDTH, Content
from exchange import Options
from measure import percentiles

_PATIENCE_SECONDS = 2.0
_BLOCKING_LIMIT_MS = 1.0
_IMPORTS = 11
_IMPORT_LIMIT_MS = 60.0


class _Times:
    """Round trips of one face, in seconds."""

    def __init__(self) -> None:
        self.round_trips: list[float] = []
        self.outside: list[float] = []
        self.lost = 0

    def add(self, began: float, frame: ph.Frame | None) -> None:
        """Takes the time now, for a frame that was handed over at ``began``."""
        took = time.perf_counter() - began
        if frame is None or frame.latency is None:
            self.lost += 1
            return
        self.round_trips.append(took)
        # The core takes the time from send() to the frame being ready; the rest is the face's.
        self.outside.append(took - frame.latency)

    def clear(self) -> None:
        """Forgets the warm-up."""
        self.round_trips, self.outside, self.lost = [], [], 0

    def described(self) -> dict[str, Any]:
        """The result of one face."""
        return {
            "frames": len(self.round_trips),
            "lost": self.lost,
            "round_trip_ms": percentiles(self.round_trips),
            "outside_the_core_ms": percentiles(self.outside),
        }


async def compare(
    endpoint: dict[str, Any], options: Options, _processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """From numpy array to numpy array through ``send`` and ``recv`` of each face."""
    where = {"api_key": endpoint["api_key"], "base_url": endpoint["url"]}
    how = parhelion_peer.connection(options.bitrate)
    content = Content.open(Path(options.content))
    times = {"asyncio": _Times(), "blocking": _Times()}
    scratch = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    with ph.sync.Client(**where).realtime.connect(None, **how) as blocking:
        async with ph.Client(**where).realtime.connect(None, **how) as session:
            counter, begin = 0, time.perf_counter()
            warm_up = 2 * round(options.warmup * FPS / 2)
            for counter in range(warm_up + round(options.seconds * FPS)):
                if counter == warm_up:
                    for face in times.values():
                        face.clear()
                await asyncio.sleep(max(0.0, begin + counter / FPS - time.perf_counter()))
                content.draw(counter, scratch)
                began = time.perf_counter()
                if counter % 2:
                    times["blocking"].add(began, _there_and_back(blocking, scratch))
                else:
                    times["asyncio"].add(began, await _awaited(session, scratch))
    medians, tails = (
        [float(np.percentile(face.round_trips, q)) for face in times.values()] for q in (50, 95)
    )
    difference = {
        "p50": round(1000 * (medians[1] - medians[0]), 3),
        "p95": round(1000 * (tails[1] - tails[0]), 3),
    }
    return {
        **{name: face.described() for name, face in times.items()},
        "blocking_minus_asyncio_ms": difference,
        "limit_ms": _BLOCKING_LIMIT_MS,
        "within_limit": difference["p50"] <= _BLOCKING_LIMIT_MS,
    }


def _there_and_back(session: ph.sync.RealTimeClient, pixels: Any) -> ph.Frame | None:
    sent = session.send(pixels)
    try:
        while (frame := session.recv(timeout=_PATIENCE_SECONDS)).input_id != sent:
            pass
    except TimeoutError:
        return None
    return frame


async def _awaited(session: ph.RealTimeClient, pixels: Any) -> ph.Frame | None:
    sent = session.send(pixels)
    try:
        while (frame := await session.recv(timeout=_PATIENCE_SECONDS)).input_id != sent:
            pass
    except TimeoutError:
        return None
    return frame


def measure_import() -> dict[str, Any]:
    """How long ``import parhelion`` takes where numpy is imported already; fresh interpreters."""
    code = (
        "import time, numpy\n"
        "began, used = time.perf_counter(), time.process_time()\n"
        "import parhelion\n"
        "print(time.perf_counter() - began, time.process_time() - used)"
    )
    # From bytecode, as an installed package is, also where none may be written beside the sources.
    with tempfile.TemporaryDirectory(prefix="parhelion-bench-") as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", code]
        runs = []
        for _ in range(_IMPORTS + 1):
            done = subprocess.run(command, env=environment, check=True, capture_output=True)
            runs.append([float(value) for value in done.stdout.split()])
    took, used = zip(*runs[1:], strict=True)  # the first one compiles, and reads the files
    median = round(1000 * float(np.median(took)), 1)
    return {
        "beyond_numpy_ms": percentiles(list(took)),
        "median_ms": median,
        "median_processor_ms": round(1000 * float(np.median(used)), 1),
        "runs": len(took),
        "limit_ms": _IMPORT_LIMIT_MS,
        "within_limit": median <= _IMPORT_LIMIT_MS,
    }
