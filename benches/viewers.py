"""What it does to a publisher that many watch, and what each of them costs.

The publisher's session is measured alone, then with all viewers, then alone again, since a shared
machine changes its speed in between. The viewers are one process, the example ``viewers``, which
``make bench`` builds: it receives and decodes nothing, so that what is measured is the service.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from content import Content
from exchange import Options, Session
from measure import ProcessorTime, percentiles
from parhelion_peer import ParhelionLink

_PROGRAM = Path(__file__).parent.parent / "target/release/examples/viewers"


class _Viewers:
    """The process with the viewers."""

    def __init__(self, url: str, token: str, count: int) -> None:
        self._process = subprocess.Popen(
            [str(_PROGRAM), url, token, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process = psutil.Process(self._process.pid)

    async def answer(self, command: str | None = None) -> dict[str, Any]:
        """What the program says, to a command or when all are there."""
        return await asyncio.to_thread(self._ask, command)

    def _ask(self, command: str | None) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the viewers have no pipes")
        if command is not None:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the viewers failed; their own words are on stderr")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


async def measure(
    endpoint: dict[str, Any], options: Options, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """One publisher, alone and watched."""
    link = ParhelionLink(endpoint, options.bitrate)
    session = Session(link, Content.open(Path(options.content)))
    await session.start()
    viewers = None
    try:
        await asyncio.sleep(options.warmup)
        before = await _window(session, options.seconds / 2, processes)
        viewers = _Viewers(endpoint["url"], link.subscribe_token, options.viewers)
        joined = await viewers.answer()
        await asyncio.sleep(1.0)
        await viewers.answer("count")
        watched = await _window(session, options.seconds, processes | {"viewers": viewers.process})
        seen = await viewers.answer("report")
        viewers.end()
        viewers = None
        await asyncio.sleep(1.0)
        after = await _window(session, options.seconds / 2, processes)
    finally:
        if viewers is not None:
            viewers.end()
        await session.stop()
    alone = (before["cpu"]["server"] + after["cpu"]["server"]) / 2
    cost = (watched["cpu"]["server"] - alone) / max(options.viewers, 1)
    alone_ages = [*before.pop("ages"), *after.pop("ages")]
    watched_ages = watched.pop("ages")
    return {
        "viewers": options.viewers,
        "publisher_alone": {
            "before": before,
            "after": after,
            "latency_ms": percentiles(alone_ages),
        },
        "publisher_watched": {**watched, "latency_ms": percentiles(watched_ages)},
        "slowest_first_frame_ms": joined["slowest_first_frame_ms"],
        "seen": seen,
        "server_cpu_seconds_per_viewer_second": round(cost, 5),
    }


async def _window(
    session: Session, seconds: float, processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    returned, counter = len(session.returned), session.counter
    cpu, began = ProcessorTime(processes), time.perf_counter()
    await asyncio.sleep(seconds)
    used, elapsed = cpu.per_second(), time.perf_counter() - began
    ages = [age for _, age in session.returned[returned:]]
    return {
        "seconds": round(elapsed, 2),
        "frames": {"sent": session.counter - counter, "received": len(ages)},
        "cpu": used,
        "ages": ages,
    }
