"""Whatever a client sends to the service, it is told, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.parse

import pytest
import websockets
from websockets.asyncio.client import connect

import parhelion as ph

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    "a=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 24 + "\r\n"
)
VIDEO = (
    "m=video {port} UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
    "a={direction}\r\na=rtcp-mux\r\na=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"
)


def stream_url(server: ph.LocalServer) -> str:
    key = urllib.parse.quote(server.api_key, safe="")
    return f"{server.url}/v1/stream?api_key={key}&model=mirage_v2"


async def errors_of(server: ph.LocalServer, *messages: str | bytes) -> list[str]:
    """Sends messages as a client would and returns the errors until the service closes."""
    errors = []
    async with connect(stream_url(server), max_size=None) as peer:
        for message in messages:
            await peer.send(message)
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in peer:
                message = json.loads(text)
                if message["type"] == "error":
                    errors.append(message["error"])
                    break
    return errors


async def test_an_offer_without_a_codec_that_the_service_speaks(server):
    sdp = OFFER + VIDEO.format(port=9, direction="sendrecv").replace(
        "H264/90000", "VP8/90000"
    ).replace("a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n", "")
    (error,) = await errors_of(server, json.dumps({"type": "offer", "sdp": sdp}))
    assert "H264" in error


@pytest.mark.parametrize("sdp", ["", "v=0", "nonsense", "x" * (300 << 10)], ids=lambda s: s[:9])
async def test_an_offer_that_is_none(server, sdp):
    (error,) = await errors_of(server, json.dumps({"type": "offer", "sdp": sdp}))
    assert "offer" in error.lower()


@pytest.mark.parametrize("message", ["nonsense", "{}", '{"type":"offer"}', b"\xff\x00", "[" * 9999])
async def test_a_client_that_sends_garbage_is_told_or_passed_over(server, message):
    async with connect(stream_url(server)) as peer:
        await peer.send(message)
        await peer.send(json.dumps({"type": "prompt", "prompt": "noir", "enhance_prompt": True}))
        kinds = []
        while "prompt_ack" not in kinds:
            kinds.append(json.loads(await asyncio.wait_for(peer.recv(), 10))["type"])
    assert kinds[0] == "session_id"
    assert kinds[-1] == "prompt_ack"


async def test_a_client_message_of_64_mib_ends_that_session_only(server, session, picture):
    with contextlib.suppress(websockets.ConnectionClosed, ConnectionError):
        async with connect(stream_url(server), max_size=None) as peer:
            await peer.send("x" * (64 << 20))
            async for _ in peer:
                pass
    assert (await session.transform(picture())).shape == (240, 320, 3)
