"""An aiortc peer that speaks the messages by itself, in orders that other clients use."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import rpc
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import SessionDescription
from media import SolidTrack, watch


class Session:
    """What one process holds: one socket and one connection."""

    http: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    connection: RTCPeerConnection
    track: asyncio.Future[Any]


session = Session()
heard: set[str] = set()


async def open_socket(url: str, key: str, path: str = "/v1/stream", model: str = "probe") -> None:
    session.http = aiohttp.ClientSession()
    session.socket = await session.http.ws_connect(
        f"{url}{path}", params={"api_key": key, "model": model}, max_msg_size=0
    )


async def send(message: dict[str, Any]) -> None:
    await session.socket.send_json(message)


async def next_message() -> dict[str, Any]:
    """The next message, or how the socket was closed."""
    message = await session.socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        parsed: dict[str, Any] = json.loads(message.data)
        heard.add(parsed["type"])
        return parsed
    return {"type": message.type.name, "code": session.socket.close_code}


async def until_message(kind: str) -> dict[str, Any]:
    """The next message of that type; those before it are passed over."""
    while (message := await next_message())["type"] not in (kind, "CLOSE", "CLOSED"):
        pass
    return message


async def types_heard() -> list[str]:
    """The types of all messages so far."""
    return sorted(heard)


async def offer(kinds: list[list[str]], trickle: bool = False) -> dict[str, Any]:
    """Connects with these media, each ``[kind, direction]``; gives the sections of the answer.

    A connection that is there already is replaced. With ``trickle`` the offer has no candidates:
    they follow one by one, and a null.
    """
    if hasattr(session, "connection"):
        await session.connection.close()
    connection = session.connection = RTCPeerConnection()
    session.track = asyncio.get_running_loop().create_future()
    connected = asyncio.Event()

    @connection.on("track")
    def arrived(track: Any) -> None:
        if track.kind == "video":
            session.track.set_result(track)

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState in ("connected", "failed", "closed"):
            connected.set()

    for kind, direction in kinds:
        media = kind if "send" not in direction else track_of(kind)
        connection.addTransceiver(media, direction=direction)
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    candidates = [line for line in sdp.splitlines() if line.startswith("a=candidate:")]
    if trickle:
        sdp = "".join(
            f"{line}\r\n"
            for line in sdp.splitlines()
            if not line.startswith(("a=candidate:", "a=end-of-candidates"))
        )
    await send({"type": "offer", "sdp": sdp})
    if trickle:
        for line in candidates:
            candidate = {
                "candidate": line[2:],
                "sdpMid": "0",
                "sdpMLineIndex": 0,
                "usernameFragment": None,  # as Android sends it
            }
            await send({"type": "ice-candidate", "candidate": candidate})
        await send({"type": "ice-candidate", "candidate": None})
    answer = (await until_message("answer"))["sdp"]
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await connected.wait()
    return {
        "state": connection.connectionState,
        "candidates": len(candidates),
        "answer": [
            {
                "kind": section.kind,
                "direction": section.direction,
                "accepted": section.port != 0,
                "codecs": [codec.name for codec in section.rtp.codecs],
                "candidates": len(section.ice_candidates),
            }
            for section in SessionDescription.parse(answer).media
        ],
    }


def track_of(kind: str) -> Any:
    return AudioStreamTrack() if kind == "audio" else SolidTrack()


async def see(colour: list[int] | str, frames: int = 1) -> dict[str, Any]:
    return await watch(await session.track, colour, frames)


async def main() -> None:
    await rpc.serve([open_socket, send, next_message, until_message, types_heard, offer, see])
    if hasattr(session, "connection"):
        await session.connection.close()
    if hasattr(session, "http"):
        await session.http.close()


asyncio.run(main())
