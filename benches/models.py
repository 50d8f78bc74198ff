"""What the local models cost: ``roundtrip.py --case models``.

Each style and modifier paints a few frames of the content at 1280x704, one thread, counted in CPU
time by the example ``paint``, which ``make bench`` builds. Then ``mirage_v2`` paints a live session
at its own rate, service and client in this one process.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import parhelion as ph
from content import Content
from exchange import Options
from measure import percentiles

_PROGRAM = Path(__file__).parent.parent / "target/release/examples/paint"
_WIDTH, _HEIGHT, _FPS = 1280, 704, 22
_FRAMES = 12
_LIVE_PROMPTS = ("oil painting", "anime at golden hour", "foggy impressionist")


def measure_models(options: Options) -> dict[str, Any]:
    """CPU time of every style and modifier, and a live session."""
    frames = np.ascontiguousarray(Content.open(Path(options.content)).frames[:_FRAMES, :_HEIGHT])
    with tempfile.NamedTemporaryFile() as raw:
        raw.write(frames.tobytes())
        raw.flush()
        painted = {
            "styles": _paint(raw.name, "--styles"),
            "modifiers": _paint(raw.name, "--modifiers"),
        }
    return {**painted, "live": asyncio.run(_live(frames, options))}


def _paint(file: str, wanted: str) -> dict[str, Any]:
    command = [str(_PROGRAM), file, str(_WIDTH), str(_HEIGHT), "mirage_v2", "-", wanted]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    # Means: the system counts CPU time in steps of up to 4 ms.
    costs = {row["prompt"]: row["mean_ms"] for row in rows}
    return {
        "cpu_ms_per_frame": costs,
        "median": round(statistics.median(costs.values()), 2),
        "most": max(costs.values()),
        "parse_ms_most": max(row["parse_ms"] for row in rows),
    }


async def _live(frames: np.ndarray[Any, np.dtype[np.uint8]], options: Options) -> dict[str, Any]:
    process = psutil.Process()
    result: dict[str, Any] = {}
    async with ph.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        idle = process.memory_info().rss
        for prompt in _LIVE_PROMPTS:
            state = ph.InitialState(prompt=ph.Prompt(prompt, enhance=False))
            async with client.realtime.connect(
                None, model="mirage_v2", initial_state=state
            ) as session:
                await session.transform(frames[0])
                sending = asyncio.create_task(_send(session, frames, options.seconds))
                began = time.perf_counter()
                ages = [frame.latency async for frame in session.frames()]
                rate = len(ages) / (time.perf_counter() - began)
                rss = process.memory_info().rss
                await sending
            result[prompt] = {
                "frames_per_second": round(rate, 2),
                "latency_ms": percentiles([age for age in ages if age is not None]),
                "rss_mb_above_idle_both_ends": round((rss - idle) / 1e6, 1),
            }
    return result


async def _send(
    session: ph.RealTimeClient, frames: np.ndarray[Any, np.dtype[np.uint8]], seconds: float
) -> None:
    began = time.perf_counter()
    for number in range(round(seconds * _FPS)):
        session.send(frames[number % len(frames)])
        await asyncio.sleep(max(0.0, began + (number + 1) / _FPS - time.perf_counter()))
    await session.disconnect()
