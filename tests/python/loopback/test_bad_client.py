"""Whatever a client sends to the service, it is told, and nobody else notices."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import urllib.parse

import pytest
import websockets
from PIL import Image
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


async def sent_away(peer) -> tuple[list[dict[str, object]], int | None]:
    """What the service still says, and the code with which it closes."""
    messages = []
    with contextlib.suppress(websockets.ConnectionClosed):
        async for text in peer:
            messages += [json.loads(text)]
    return messages, peer.close_code


async def test_a_client_that_waits_for_no_acknowledgement_is_sent_away(server, session, picture):
    # Pictures, as each keeps the service for a hundred times as long as it takes to send it. Two
    # in turns, as one that it knows is not unpacked again.
    changes = [
        json.dumps({"type": "set_image", "image_data": base64.b64encode(png).decode()})
        for png in (_flat_png(2000, shade) for shade in (0, 200))
    ]
    async with connect(stream_url(server)) as peer:
        with contextlib.suppress(websockets.ConnectionClosed):
            for count in range(2000):
                await peer.send(changes[count % 2])
        said, code = await asyncio.wait_for(sent_away(peer), 20)
    acks = [message for message in said if message["type"] == "set_image_ack"]
    assert acks  # each that was taken, as far as it got
    assert code == 1008
    assert "too many updates" in next(m["error"] for m in said if m["type"] == "error")
    assert (await session.transform(picture())).shape == (240, 320, 3)


def _flat_png(side: int, shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (shade, shade, shade)).save(file, "png")
    return file.getvalue()


async def test_a_client_that_is_unreadable_is_told_and_then_sent_away(server, session, picture):
    async with connect(stream_url(server)) as peer:
        for _ in range(20):
            await peer.send('{"type":"prompt"')
        said, code = await asyncio.wait_for(sent_away(peer), 20)
    assert [message["type"] for message in said].count("error") == 16
    assert code == 1008
    assert (await session.transform(picture())).shape == (240, 320, 3)


async def test_a_client_that_reads_nothing_is_gone_and_nobody_waits_for_it(
    server, session, picture
):
    """Its acknowledgements pile up in the sockets' buffers, and then nowhere."""
    prompt = json.dumps({"type": "prompt", "prompt": "noir " * 1900, "enhance_prompt": True})
    frame = _text_frame(prompt.encode())
    host, port = server.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    path = stream_url(server).removeprefix(server.url)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    writer.transport.pause_reading()

    async def flood() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(frame)
                await writer.drain()
                await asyncio.sleep(0.002)  # or there would be too many updates

    flooding = asyncio.create_task(flood())
    try:
        while server.active_sessions > 1:
            assert (await session.transform(picture())).shape == (240, 320, 3)
            await asyncio.sleep(0.1)
    finally:
        flooding.cancel()
        writer.transport.abort()
        await asyncio.gather(flooding, return_exceptions=True)
    assert session.is_connected()


def _text_frame(payload: bytes) -> bytes:
    """One message as a client sends it, with a mask of zeros (RFC 6455, section 5.2)."""
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


async def test_candidates_without_end_and_without_sense_change_nothing(server, picture):
    """A session in which the client's candidates are drowned in others still connects."""
    real = json.dumps

    async def behave(peer) -> None:
        bad = ["x" * 60_000, "candidate:1 1 udp 1 256.0.0.1 99999 typ host", "candidate:", ""]
        for number in range(200):
            candidate = {"candidate": bad[number % 4], "sdpMid": "0", "sdpMLineIndex": 70 % 7}
            await peer.send(real({"type": "ice-candidate", "candidate": candidate}))
        await peer.send(real({"type": "prompt", "prompt": "noir", "enhance_prompt": True}))
        kinds = []
        while "prompt_ack" not in kinds:
            kinds.append(json.loads(await asyncio.wait_for(peer.recv(), 10))["type"])
        assert set(kinds) == {"session_id", "prompt_ack"}

    async with connect(stream_url(server)) as peer:
        await behave(peer)
    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
        assert (await session.transform(picture())).shape == (240, 320, 3)


async def test_offers_without_end_are_negotiated_one_at_a_time(server, session, picture):
    offer = json.dumps({"type": "offer", "sdp": OFFER + VIDEO.format(port=9, direction="sendrecv")})
    async with connect(stream_url(server)) as peer:
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(500):
                await peer.send(offer)
        answers = 0
        with contextlib.suppress(websockets.ConnectionClosed, TimeoutError):
            while True:
                message = json.loads(await asyncio.wait_for(peer.recv(), 2))
                answers += message["type"] == "answer"
        assert 1 <= answers <= 500
        assert (await session.transform(picture())).shape == (240, 320, 3)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * (1 << 20) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(5000)) + b"\r\n",
        b"GET /v1/stream?" + b"a=b&" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /v1/client/tokens HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n{",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 4096,
    ],
    ids=["tls", "long header", "many headers", "long query", "long body", "http/2", "zeros"],
)
async def test_what_is_no_request_is_refused_and_nobody_notices(
    server, session, picture, request_bytes
):
    host, port = server.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.suppress(OSError):
        writer.write(request_bytes)
        await writer.drain()
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(1 << 16), 10)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    writer.close()
    assert (await session.transform(picture())).shape == (240, 320, 3)
