"""How soon a session is back when its service was killed: ``roundtrip.py --case restart``.

The service is killed in the middle of a session, stays away for a while and listens again on the
same port. Its model draws the number in the prompt into each picture, so that the client sees under
which prompt a frame was made. Run as a program this module is the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import parhelion as ph
from content import FPS, HEIGHT, WIDTH, Content, Pixels, read_counter, write_counter
from exchange import Options
from measure import percentiles
from parhelion_peer import connection
from process import CaseFailedError, end

_SEED = 1
_HOST, _KEY = "127.0.0.1", "restart"
_MODEL = connection(0)["model"].name
# One that ends sooner counts as one more failure, and is tried again later and later.
_LIFE_SECONDS = 5.5
_ROUND_SECONDS = _LIFE_SECONDS + 4.0
# How long the service stays away, besides the time that a process takes to start.
_AWAY_SECONDS = (0.0, 4.0)
_LIMIT_SECONDS = 60.0
_NO_PROMPT = 0xFFFF


@dataclass
class _Watch:
    """What the client sees: when each frame came, and under which prompt it was made."""

    session: ph.RealTimeClient
    seen: list[tuple[float, int | None]] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        while True:
            number = read_counter(np.asarray(await self.session.recv()))
            async with self.news:
                self.seen.append((time.monotonic(), number))
                self.news.notify_all()

    async def frame(self, after: float, prompt: int | None = None) -> tuple[float, int | None]:
        """The first frame after a moment; made under that prompt, if one is named."""

        def fitting() -> list[tuple[float, int | None]]:
            return [one for one in self.seen if one[0] > after and prompt in (None, one[1])]

        async with self.news:
            return (await asyncio.wait_for(self.news.wait_for(fitting), _LIMIT_SECONDS))[0]


async def _send(session: ph.RealTimeClient, content: Content) -> None:
    number = 0
    while True:
        session.send(content.picture(number))
        number += 1
        await asyncio.sleep(1 / FPS)


async def measure(options: Options) -> dict[str, Any]:
    """Kills and restarts a service, about once in ten seconds of ``options.seconds``."""
    dice = random.Random(_SEED)
    service, port, _ = await asyncio.to_thread(_start, 0)
    client = ph.Client(base_url=f"ws://{_HOST}:{port}", api_key=_KEY)
    rounds: list[dict[str, Any]] = []
    try:
        async with (
            client.realtime.connect(None, **connection(options.bitrate)) as session,
            asyncio.TaskGroup() as tasks,
        ):
            watch = _Watch(session)
            content = Content.open(Path(options.content))
            running = [tasks.create_task(work) for work in (_send(session, content), watch.read())]
            for number in range(max(3, round(options.seconds / _ROUND_SECONDS))):
                await session.set_prompt(str(number), enhance=False)
                await watch.frame(0.0, number)
                await asyncio.sleep(_LIFE_SECONDS)
                service.kill()
                killed = time.monotonic()
                await asyncio.sleep(dice.uniform(*_AWAY_SECONDS))
                end(service)
                service, _, listening = await asyncio.to_thread(_start, port)
                at, prompt = await watch.frame(listening)
                rounds.append(
                    {"away": listening - killed, "back": at - listening, "right": prompt == number}
                )
            for task in running:
                task.cancel()
            await asyncio.wait(running)
    finally:
        end(service)
    return {
        "restarts": len(rounds),
        "service_away_s": percentiles([one["away"] for one in rounds], 1.0),
        "first_frame_after_listening_ms": percentiles([one["back"] for one in rounds]),
        "first_frame_under_newest_prompt": sum(one["right"] for one in rounds),
    }


def measure_restart(options: Options) -> dict[str, Any]:
    """The same, from a program."""
    print("parhelion: restart ...", file=sys.stderr, flush=True)
    return asyncio.run(measure(options))


def _start(port: int) -> tuple[subprocess.Popen[str], int, float]:
    """A service in a process of its own, its port, and since when it listens (monotonic clock)."""
    service = subprocess.Popen(
        [sys.executable, __file__, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = service.stdout.readline() if service.stdout else ""
    if not line:
        end(service)
        raise CaseFailedError("restart: the service did not start")
    told = json.loads(line)
    return service, told["port"], told["listening"]


async def _serve(port: int) -> None:
    server = ph.LocalServer(_HOST, port, api_key=_KEY)

    @server.model(_MODEL, fps=FPS, width=WIDTH, height=HEIGHT)
    def numbered(frame: Pixels, context: ph.ModelContext) -> Pixels:
        prompt = context.prompt or ""
        write_counter(frame, int(prompt) if prompt.isdecimal() else _NO_PROMPT)
        return frame

    async with server:
        told = {"port": int(server.url.rsplit(":", 1)[1]), "listening": time.monotonic()}
        print(json.dumps(told), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
