"""The official Python SDK 0.0.26, the last but a few that has a model driven by sound."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from pathlib import Path
from typing import Any

# Before the newer one, with which it shares everything else.
sys.path.insert(0, str(Path(sys.prefix) / "avatar-sdk"))

import numpy as np
import rpc
from decart import models
from decart.realtime.client import RealtimeClient
from decart.realtime.types import RealtimeConnectOptions
from decart.types import ModelState
from media import watch

RATE = 48_000


class Session:
    """What one process holds: one session, and what it hears."""

    client: RealtimeClient | None = None


session = Session()
tracks: dict[str, asyncio.Future[Any]] = {}
heard: list[Any] = []


async def connect(url: str, key: str, image: str) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    tracks.update(video=loop.create_future(), audio=loop.create_future())
    session.client = await RealtimeClient.connect(
        base_url=url,
        api_key=key,
        local_track=None,
        options=RealtimeConnectOptions(
            model=models.realtime("live_avatar"),
            on_remote_stream=lambda track: tracks[track.kind].set_result(track),
            initial_state=ModelState(image=base64.b64decode(image)),
        ),
    )
    asyncio.ensure_future(hear())  # noqa: RUF006 - ends with the track
    return {"session_id": session.client.session_id}


async def hear() -> None:
    track = await tracks["audio"]
    while True:
        frame = await track.recv()
        heard.append(frame.to_ndarray().reshape(-1, len(frame.layout.channels)))


async def see(colour: list[int]) -> dict[str, Any]:
    return await watch(await tracks["video"], colour, 5)


async def play(content: str) -> dict[str, Any]:
    """Plays a clip, and tells how long that took and what was heard of it."""
    if session.client is None:
        raise RuntimeError("not connected")
    while not heard:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.01)
    before, began = len(heard), time.monotonic()
    await session.client.play_audio(base64.b64decode(content))
    took = time.monotonic() - began
    await asyncio.sleep(0.3)
    sound = np.concatenate(heard[before:])[:, 0] / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.03)
    if not len(loud):
        return {"took": took, "seconds": 0}
    middle = sound[loud[0] : loud[-1]]
    middle = middle[len(middle) // 4 : -len(middle) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return {
        "took": took,
        "seconds": float(loud[-1] - loud[0]) / RATE,
        "pitch": float(spectrum.argmax() * RATE / len(middle)),
        "level": float(np.sqrt(2 * (middle**2).mean())),
        "silence": float(np.abs(sound[loud[-1] + 2400 :]).max()),
    }


async def main() -> None:
    await rpc.serve([connect, see, play])
    if session.client is not None:
        await session.client.disconnect()


asyncio.run(main())
