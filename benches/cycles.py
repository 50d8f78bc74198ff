"""What sessions leave behind: ``roundtrip.py --case cycles``.

Connects, streams a few frames and disconnects, over and over, and counts the threads, the open
files and the memory of both processes on the way.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import numpy as np
import psutil

import parhelion as ph
from content import HEIGHT, WIDTH
from exchange import Options
from measure import percentiles
from parhelion_peer import connection

_FRAMES = 5
# Allocators, pools and the runtime's own threads have what they want after these.
_WARMUP_CYCLES = 20
_SETTLE_SECONDS = 10.0


async def measure(
    endpoint: dict[str, Any], options: Options, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """Runs ``options.cycles`` sessions one after the other."""
    client = ph.Client(base_url=endpoint["url"], api_key=endpoint["api_key"])
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for _ in range(_WARMUP_CYCLES):
        await _cycle(client, options, frame)
    marks = {round(options.cycles * part / 4): f"{part * 25} %" for part in range(5)}
    looks = {name: [] for name in processes}  # type: dict[str, list[dict[str, Any]]]
    times: list[float] = []
    every = max(1, options.cycles // 40)
    memory = {name: [] for name in processes}  # type: dict[str, list[tuple[int, float]]]
    for number in range(options.cycles + 1):
        if number in marks:
            await _settle(processes, looks)
            for name, process in processes.items():
                looks[name].append({"after": marks[number], **_look(process)})
        if number % every == 0:
            for name, process in processes.items():
                memory[name].append((number, _mebibytes(process)))
        if number < options.cycles:
            began = time.perf_counter()
            await _cycle(client, options, frame)
            times.append(time.perf_counter() - began)
    return {
        "cycles": options.cycles,
        "frames_each": _FRAMES,
        "cycle_ms": percentiles(times),
        **{
            name: {
                "at": looks[name],
                "rss_kib_per_cycle": round(_slope(memory[name]) * 1024, 2),
                "rss_kib_per_cycle_second_half": round(
                    _slope(memory[name][len(memory[name]) // 2 :]) * 1024, 2
                ),
            }
            for name in processes
        },
    }


async def _cycle(client: ph.Client, options: Options, frame: np.ndarray[Any, Any]) -> None:
    async with client.realtime.connect(None, **connection(options.bitrate)) as session:
        for _ in range(_FRAMES):
            await session.transform(frame)


async def _settle(
    processes: dict[str, psutil.Process], looks: dict[str, list[dict[str, Any]]]
) -> None:
    """What is ending may end: waits while there is more than at the first look."""
    gc.collect()
    deadline = time.perf_counter() + _SETTLE_SECONDS
    while time.perf_counter() < deadline:
        await asyncio.sleep(0.2)
        now = {name: _look(process) for name, process in processes.items()}
        if all(
            looks[name] and now[name][count] <= looks[name][0][count]
            for name in now
            for count in ("threads", "open_files")
        ):
            return
        if not any(looks.values()) and time.perf_counter() > deadline - _SETTLE_SECONDS + 2:
            return


def _look(process: psutil.Process) -> dict[str, Any]:
    return {
        "threads": process.num_threads(),
        "open_files": process.num_fds(),
        "rss_mib": round(_mebibytes(process), 1),
    }


def _mebibytes(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


def _slope(points: list[tuple[int, float]]) -> float:
    """By least squares, a cycle."""
    if len(points) < 2:
        return 0.0
    numbers, values = np.array(points).T
    return float(np.polyfit(numbers, values, 1)[0])
