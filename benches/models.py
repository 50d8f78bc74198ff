"""What the local models cost: ``roundtrip.py --case models``.

Each style, modifier, edit and look of a reference image paints a few frames of the content at
1280x704, one thread, counted in CPU time by the example ``paint``, which ``make bench`` builds.
Then the models paint live sessions at their own rates, service and client in this one process, and
a service in a process of its own has one session of each: how much memory it takes more than idle.
"""

from __future__ import annotations

import asyncio
import functools
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import parhelion as ph
from content import Content
from exchange import Options
from measure import Memory, percentiles
from process import end, endpoint_of, spawn

_PROGRAM = Path(__file__).parent.parent / "target/release/examples/paint"
_WIDTH, _HEIGHT = 1280, 704
_FRAMES = 24
_EDITS = (
    "make the grass blue",
    "turn the red car green",
    "make the sky pink",
    "warmer skin",
    "make the hair purple",
    "turn the person into marble",
    "replace the background with a starry sky",
    "blur the background",
    "make the background black and white",
    "remove all color except red",
    "keep only the person",
    "remove the person",
    "add snow",
    "make it night",
    "add fog in the distance",
    "give it a golden hour",
)
# Two at once share what is seen of the frame.
_PAIRS = (
    "make the grass blue and the sky pink",
    "make the grass blue and blur the background",
    "replace the background with a beach and make the skin warmer",
    "make it night and the grass blue",
    "blur the background and add snow",
)
# With a reference image; the first is its look alone.
_REFERRED = ("", "replace the background with my image", "put my image on the left")
_LIVE = (
    ("mirage_v2", "oil painting"),
    ("mirage_v2", "anime at golden hour"),
    ("mirage_v2", "foggy impressionist"),
    ("lucy_v2v_720p_rt", "make the grass blue"),
    ("lucy_v2v_720p_rt", "replace the background with a beach"),
    ("lucy_2_rt", "make the sky pink"),
)
# Seconds of each session whose memory is measured.
_KEPT = 4.0


def measure_models(options: Options) -> dict[str, Any]:
    """CPU time of every style, modifier and edit, and live sessions."""
    frames = np.ascontiguousarray(Content.open(Path(options.content)).frames[:_FRAMES, :_HEIGHT])
    with tempfile.NamedTemporaryFile() as raw:
        raw.write(frames.tobytes())
        raw.flush()
        painted = {
            "styles": _paint(raw.name, "mirage_v2", "--styles"),
            "modifiers": _paint(raw.name, "mirage_v2", "--modifiers"),
            "edits": _paint(raw.name, "lucy_v2v_720p_rt", *_EDITS),
            "pairs": _paint(raw.name, "lucy_v2v_720p_rt", *_PAIRS),
        }
        with tempfile.NamedTemporaryFile(prefix="image-") as image:
            image.write(frames[-1, ::-1].tobytes())
            image.flush()
            prompts = (f"{prompt}|{image.name}:{_WIDTH}x{_HEIGHT}" for prompt in _REFERRED)
            painted["references"] = _paint(raw.name, "lucy_2_rt", *prompts)
    return {
        **painted,
        "live": asyncio.run(_live(frames, options)),
        "memory_of_a_session": _memory(frames),
    }


def _paint(file: str, model: str, *wanted: str) -> dict[str, Any]:
    command = [str(_PROGRAM), file, str(_WIDTH), str(_HEIGHT), model, "-", *wanted]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    # Means: the system counts CPU time in steps of up to 4 ms.
    costs = {row["prompt"].partition("|")[0] or "look": row["mean_ms"] for row in rows}
    return {
        "cpu_ms_per_frame": costs,
        "median": round(statistics.median(costs.values()), 2),
        "most": max(costs.values()),
        "parse_ms_most": max(row["parse_ms"] for row in rows),
        "ready_ms_most": max(row["ready_ms"] for row in rows),
    }


async def _live(frames: np.ndarray[Any, np.dtype[np.uint8]], options: Options) -> dict[str, Any]:
    process = psutil.Process()
    result: dict[str, Any] = {}
    async with ph.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        idle = process.memory_info().rss
        for model, prompt in _LIVE:
            image = frames[-1, ::-1] if model == "lucy_2_rt" else None
            state = ph.InitialState(prompt=ph.Prompt(prompt, enhance=False), image=image)
            definition = client.models.realtime(model)
            async with client.realtime.connect(
                None, model=definition, initial_state=state
            ) as session:
                await session.transform(frames[0])
                rest = _send(session, frames, definition.fps, options.seconds)
                sending = asyncio.create_task(rest)
                began = time.perf_counter()
                ages = [frame.latency async for frame in session.frames()]
                rate = len(ages) / (time.perf_counter() - began)
                rss = process.memory_info().rss
                await sending
            result[f"{model}: {prompt}"] = {
                "frames_per_second": round(rate, 2),
                "latency_ms": percentiles([age for age in ages if age is not None]),
                "rss_mb_above_idle_both_ends": round((rss - idle) / 1e6, 1),
            }
    return result


def _memory(frames: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, Any]:
    """What the service takes for its first session above what it has while idle, in MB.

    Anonymous memory, with a fresh service each time: what one session leaves, another would use.
    """
    rows: dict[str, Any] = {}
    for model, prompt in _LIVE:
        server = spawn("server", "parhelion")
        try:
            endpoint = endpoint_of(server, "parhelion")
            process = psutil.Process(server.pid)
            rows[f"{model}: {prompt}"] = asyncio.run(
                _session_memory(endpoint, process, model, prompt, frames)
            )
        finally:
            end(server)
    known = [row["most_mb"] for row in rows.values() if row["most_mb"] is not None]
    return {"sessions": rows, "most_mb": max(known, default=None)}


async def _session_memory(
    endpoint: dict[str, Any],
    process: psutil.Process,
    model: str,
    prompt: str,
    frames: np.ndarray[Any, np.dtype[np.uint8]],
) -> dict[str, Any]:
    client = ph.Client(endpoint["api_key"], base_url=endpoint["url"])
    await asyncio.sleep(0.5)
    idle = Memory.of(process)
    image = frames[-1, ::-1] if model == "lucy_2_rt" else None
    state = ph.InitialState(prompt=ph.Prompt(prompt, enhance=False), image=image)
    definition = client.models.realtime(model)
    seen = [idle]
    async with client.realtime.connect(None, model=definition, initial_state=state) as session:
        sending = asyncio.create_task(_send(session, frames, definition.fps, _KEPT))
        async for number, _ in _counted(session.frames()):
            if number % 5 == 0:
                seen.append(Memory.of(process))
        await sending
    most = functools.reduce(Memory.highest, seen)

    def above(now: Memory) -> float | None:
        if now.anonymous is None or idle.anonymous is None:
            return None
        return round((now.anonymous - idle.anonymous) * 1.048576, 1)

    return {"most_mb": above(most), "at_the_end_mb": above(seen[-1])}


async def _counted(frames: AsyncIterator[ph.Frame]) -> AsyncIterator[tuple[int, ph.Frame]]:
    number = 0
    async for frame in frames:
        yield number, frame
        number += 1


async def _send(
    session: ph.RealTimeClient,
    frames: np.ndarray[Any, np.dtype[np.uint8]],
    rate: float,
    seconds: float,
) -> None:
    began = time.perf_counter()
    for number in range(round(seconds * rate)):
        session.send(frames[number % len(frames)])
        await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.perf_counter()))
    await session.disconnect()
