"""The official Python SDK, as its users call it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp
import rpc
from decart import DecartClient
from decart.models import ModelDefinition
from decart.realtime.client import RealtimeClient, SetInput
from decart.realtime.subscribe import SubscribeClient, SubscribeOptions
from decart.realtime.types import RealtimeConnectOptions
from decart.types import ModelState, Prompt
from media import SolidTrack, watch


class Session:
    """What one process holds: one session."""

    client: RealtimeClient | None = None
    viewer: SubscribeClient | None = None
    track: asyncio.Future[Any]
    sockets = 0


session = Session()
states: list[str] = []
errors: list[str] = []
changed = asyncio.Condition()

original = aiohttp.ClientSession.ws_connect


def counted(self: aiohttp.ClientSession, *arguments: Any, **options: Any) -> Any:
    """Counts the sockets that the SDK opens."""
    session.sockets += 1
    return original(self, *arguments, **options)


aiohttp.ClientSession.ws_connect = counted


def expect_track() -> None:
    session.track = asyncio.get_running_loop().create_future()


def arrived(track: Any) -> None:
    if track.kind != "video":
        return
    # Again after each reconnect.
    if session.track.done():
        expect_track()
    session.track.set_result(track)


def state_changed(state: str) -> None:
    states.append(state)
    asyncio.ensure_future(notify())  # noqa: RUF006 - ends at once


async def connect(
    url: str, key: str, model: str = "probe", prompt: str | None = None, image: str | None = None
) -> dict[str, Any]:
    expect_track()
    state = None
    if prompt is not None or image is not None:
        state = ModelState(
            prompt=None if prompt is None else Prompt(text=prompt, enhance=False),
            image=None if image is None else base64.b64decode(image),
        )
    sdk = DecartClient(api_key=key, realtime_base_url=url)
    session.client = await RealtimeClient.connect(
        base_url=sdk.realtime_base_url,
        api_key=sdk.api_key,
        local_track=SolidTrack(),
        options=RealtimeConnectOptions(
            model=ModelDefinition(name=model, url_path="/v1/stream", fps=30, width=320, height=240),
            on_remote_stream=arrived,
            initial_state=state,
        ),
    )
    session.client.on("connection_change", state_changed)
    session.client.on("error", lambda error: errors.append(str(error)))
    return {"session_id": session.client.session_id, "track": session.track.done()}


async def subscribe(url: str, key: str, token: str) -> None:
    expect_track()
    session.viewer = await RealtimeClient.subscribe(
        base_url=url, api_key=key, options=SubscribeOptions(token=token, on_remote_stream=arrived)
    )
    session.viewer.on("connection_change", state_changed)
    session.viewer.on("error", lambda error: errors.append(str(error)))


async def subscribe_token() -> str | None:
    token: str | None = client().subscribe_token
    return token


async def create_token(url: str, key: str, **options: Any) -> dict[str, Any]:
    async with DecartClient(api_key=key, base_url=url.replace("ws://", "http://")) as sdk:
        token = await sdk.tokens.create(**options)
    made: dict[str, Any] = token.model_dump(mode="json")
    return made


async def notify() -> None:
    async with changed:
        changed.notify_all()


def client() -> RealtimeClient:
    if session.client is None:
        raise RuntimeError("not connected")
    return session.client


async def see(colour: list[int] | str, frames: int = 1) -> dict[str, Any]:
    return await watch(await session.track, colour, frames)


async def set_prompt(text: str, enhance: bool = True) -> None:
    await client().set_prompt(text, enhance=enhance)


async def set_state(prompt: str | None = None, image: str | None = None) -> None:
    # Not as text: the SDK takes long text for the name of a file.
    content = None if image is None else base64.b64decode(image)
    await client().set(SetInput(prompt=prompt, image=content))


async def set_image(image: str | None, prompt: str | None = None, enhance: bool = True) -> None:
    await client().set_image(
        None if image is None else base64.b64decode(image), prompt=prompt, enhance=enhance
    )


async def until_states(expected: list[str]) -> list[str]:
    """Waits until these states came in this order, others between them."""

    def came() -> bool:
        remaining = iter(states)
        return all(state in remaining for state in expected)

    async with changed:
        await changed.wait_for(came)
    return states


async def session_id() -> str | None:
    name: str | None = client().session_id
    return name


async def heard() -> dict[str, Any]:
    return {"errors": errors, "sockets": session.sockets}


async def disconnect() -> str:
    leaving = session.viewer or client()
    await leaving.disconnect()
    state: str = leaving.get_connection_state()
    return state


async def main() -> None:
    await rpc.serve(
        [
            connect,
            subscribe,
            subscribe_token,
            create_token,
            see,
            set_prompt,
            set_state,
            set_image,
            until_states,
            session_id,
            heard,
            disconnect,
        ]
    )
    for open_one in (session.client, session.viewer):
        if open_one is not None:
            await open_one.disconnect()


asyncio.run(main())
