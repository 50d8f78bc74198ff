"""The client at one end of a link: sends numbered pictures and notes what becomes of each.

``camera.py OPTIONS`` with JSON: ``url``, ``api_key``, ``fps``, ``width``, ``height``, ``seconds``
to live at most, and ``connect``, more arguments for ``connect``. Each line of the input is a prompt
to set; with its end the program prints its result and ends. Times are of the monotonic clock, which
all processes share. Prints lines of JSON, each with its ``event``:

- ``connecting``, ``diagnostic`` (of the library), ``state``, ``error``, ``prompt`` (acknowledged),
  ``shown`` (the first picture of all, and the first that was sent after a prompt was acknowledged),
- ``result``: ``sent`` as [number, time], ``shown`` as [number, time, dB, latency that the library
  says], ``unreadable``, ``stats``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time

from scene import Scene

import parhelion as ph
from parhelion.testing import read_stamp


def tell(event: str, **more: object) -> None:
    print(json.dumps({"event": event, "at": time.monotonic(), **more}), flush=True)


class Camera:
    def __init__(self, options: dict) -> None:
        self.options = options
        self.scene = Scene(options["width"], options["height"])
        self.sent: list[tuple[int, float]] = []
        self.shown: list[tuple[int, float, float, float | None]] = []
        self.unreadable = 0
        self.expecting = True
        self.acknowledged = 0.0

    async def send(self, session: ph.RealTimeClient) -> None:
        interval = 1 / self.options["fps"]
        due = time.monotonic()
        while True:
            number = len(self.sent)
            picture = self.scene.picture(number)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # A busy machine must not be taken for a bad link: what is late stays late.
            due = max(due + interval, time.monotonic())
            self.sent.append((number, time.monotonic()))
            try:
                session.send(picture)
            except ph.InvalidStateError:
                return

    async def watch(self, session: ph.RealTimeClient) -> None:
        async for frame in session.frames():
            now = time.monotonic()
            number = read_stamp(frame)
            if number is None or number >= len(self.sent):
                self.unreadable += 1
                continue
            if self.expecting and self.sent[number][1] >= self.acknowledged:
                self.expecting = False
                tell("shown", number=number)
            quality = self.scene.quality(number, frame.data)
            self.shown.append((number, now, round(quality, 1), frame.latency))

    async def run(self) -> None:
        options, loop, over = self.options, asyncio.get_running_loop(), asyncio.Event()
        client = ph.Client(options["api_key"], base_url=options["url"])
        model = ph.ModelDefinition(
            name="identity", fps=options["fps"], width=options["width"], height=options["height"]
        )
        more = options.get("connect", {})
        if "ice_servers" in more:
            more["ice_servers"] = [ph.IceServer(url) for url in more["ice_servers"]]
        tell("connecting")
        session = await client.realtime.connect(
            None,
            model=model,
            initial_state=ph.InitialState(prompt=ph.Prompt("first", enhance=False)),
            **more,
        )
        session.on("diagnostic", lambda name, data: tell("diagnostic", name=name, **data))
        tell("state", state=session.get_connection_state())
        session.on("connection_change", lambda state: tell("state", state=state))
        session.on("error", lambda error: tell("error", code=error.code, text=str(error)))
        tasks = [asyncio.create_task(self.send(session)), asyncio.create_task(self.watch(session))]

        def listen() -> None:
            for line in sys.stdin:
                asyncio.run_coroutine_threadsafe(self.prompt(session, line.strip()), loop)
            loop.call_soon_threadsafe(over.set)

        threading.Thread(target=listen, daemon=True).start()
        await asyncio.wait([asyncio.create_task(over.wait())], timeout=options["seconds"])
        stats, state = session.stats().to_dict(), session.get_connection_state()
        await session.disconnect()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        tell(
            "result",
            sent=self.sent,
            shown=self.shown,
            unreadable=self.unreadable,
            stats=stats,
            state=state,
        )

    async def prompt(self, session: ph.RealTimeClient, text: str) -> None:
        try:
            await session.set_prompt(text, enhance=False)
            self.acknowledged, self.expecting = time.monotonic(), True
            tell("prompt", text=text)
        except ph.ParhelionError as error:
            tell("error", code=error.code, text=str(error))


def main() -> None:
    options = json.loads(sys.argv[1])
    try:
        asyncio.run(Camera(options).run())
    except ph.ParhelionError as error:
        tell("failed", code=error.code, text=str(error))


if __name__ == "__main__":
    main()
