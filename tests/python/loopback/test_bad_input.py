"""Whatever comes from outside, the user gets an exception that says what to do."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

import parhelion as ph

ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    "a=setup:active\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 24 + "\r\n"
)
VIDEO = (
    "m=video {port} UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
    "a={direction}\r\na=rtcp-mux\r\na=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"
)
KEY = "a-key-that-no-text-may-show"


async def refused(url: str, *, key: str = KEY, model: object = "mirage_v2", **options):
    """Connects, and returns the error after a look at what every error must have."""
    client = ph.Client(key, base_url=url)
    options = {"attempts": 0, "timeout": 20.0} | options
    with pytest.raises(ph.ParhelionError) as caught:
        await client.realtime.connect(model=model, **options)
    error = caught.value
    assert error.operation == "connect"
    assert error.hint, f"{error!r} does not say what to do"
    assert key not in f"{error}{error!r}{error.args}"
    return error


async def test_a_wrong_key(server):
    error = await refused(server.url, key="wrong", attempts=5)
    assert isinstance(error, ph.InvalidApiKeyError)
    assert (error.code, error.retryable) == ("INVALID_API_KEY", False)
    assert "key" in error.hint
    assert server.active_sessions == 0


async def test_a_model_that_the_service_does_not_serve(server):
    model = ph.ModelDefinition("painter", 25, 320, 240)
    error = await refused(server.url, key=server.api_key, model=model, attempts=5)
    assert isinstance(error, ph.ModelNotFoundError)
    assert error.code == "MODEL_NOT_FOUND"
    assert "painter" in str(error)
    assert "mirage_v2" in str(error)


async def test_a_model_that_is_in_no_catalog(client):
    with pytest.raises(ph.ModelNotFoundError, match="expected one of mirage") as caught:
        client.realtime.connect(model="nonsense")
    assert "ModelDefinition" in caught.value.hint


async def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = await refused(f"ws://127.0.0.1:{port}")
    assert isinstance(error, ph.WebSocketError)
    assert isinstance(error, ConnectionError)
    assert error.code == "WEBRTC_WEBSOCKET_ERROR"
    assert "socket step" in str(error)
    assert "base_url" in error.hint


async def test_a_host_that_does_not_exist():
    error = await refused("wss://no-such-host.invalid")
    assert isinstance(error, ph.WebSocketError)
    assert "no-such-host.invalid" in str(error)


@pytest.mark.parametrize("url", ["", "not a url", "ftp://host", "ws://", "http//x", "ws://h:99999"])
async def test_a_base_url_that_is_none(url):
    error = await refused(url)
    assert isinstance(error, ph.InvalidBaseUrlError)
    assert isinstance(error, ValueError)
    assert error.code == "INVALID_BASE_URL"


async def test_a_service_that_speaks_http_only():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        error = await refused(f"ws://127.0.0.1:{port}", attempts=5)
    assert isinstance(error, ph.WebSocketError)
    assert "404" in str(error)
    assert not error.retryable


async def test_a_port_that_answers_no_websocket_at_all():
    """The kernel accepts; nobody ever reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        error = await refused(f"ws://127.0.0.1:{port}", timeout=0.5)
    assert isinstance(error, ph.ConnectTimeoutError)
    assert isinstance(error, TimeoutError)
    assert "socket step" in str(error)


@pytest.mark.parametrize(("read", "step"), [("nothing", "state"), ("offer", "answer")])
async def test_a_service_that_never_answers(fake_service, read, step):
    async def behave(peer):
        if read == "offer":
            await service.until(peer, "offer")
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url, timeout=1.0)
    assert isinstance(error, ph.ConnectTimeoutError)
    assert error.code == "WEBRTC_TIMEOUT_ERROR"
    assert f"{step} step" in str(error)


@pytest.mark.parametrize("code", [1000, 1011, 1001])
async def test_a_service_that_closes_after_the_offer(fake_service, code):
    async def behave(peer):
        await service.until(peer, "offer")
        await peer.close(code, "going home")

    async with fake_service(behave) as service:
        error = await refused(service.url)
        assert service.connections == 1
    assert isinstance(error, ph.WebSocketError)
    assert str(code) in str(error)
    assert "going home" in str(error)
    assert "answer step" in str(error)


async def test_a_service_that_drops_the_connection_without_a_word(fake_service):
    async def behave(peer):
        await service.until(peer, "offer")
        peer.transport.abort()

    async with fake_service(behave) as service:
        error = await refused(service.url)
    assert isinstance(error, ph.WebSocketError)
    assert "answer step" in str(error)


@pytest.mark.parametrize(
    "garbage",
    [
        "not json",
        "[]",
        "null",
        "{}",
        '{"type": 7}',
        '{"type": "set_image_ack", "success": "perhaps"}',
        '{"type": "answer"}',
        '{"type": "generation_tick", "seconds": "NaN"}',
        '{"type": "session_id", "session_id": {}}',
        "[" * 100_000,
        b"\x00\x01\x02",
    ],
    ids=lambda garbage: repr(garbage[:24]),
)
async def test_a_service_that_sends_garbage(fake_service, garbage):
    async def behave(peer):
        await peer.send(garbage)
        await service.until(peer, "offer")
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url, timeout=1.0)
        # It is passed over: the session goes on as far as it can.
        assert [message["type"] for message in service.received][-1] == "offer"
    assert isinstance(error, ph.ConnectTimeoutError)


async def test_a_message_of_64_mib(fake_service):
    async def behave(peer):
        await peer.send(json.dumps({"type": "status", "status": "x" * (64 << 20)}))
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url)
    assert isinstance(error, ph.SignalingError)
    assert "MiB" in str(error)


async def test_a_service_that_sends_candidates_before_its_answer_and_null(fake_service):
    async def behave(peer):
        bad = {"candidate": "candidate:nonsense", "sdpMid": "0", "sdpMLineIndex": 0}
        for candidate in (None, bad, {"candidate": ""}, {}, 3):
            await peer.send(json.dumps({"type": "ice-candidate", "candidate": candidate}))
        await service.until(peer, "offer")
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url, timeout=1.0)
    assert "answer step" in str(error)


@pytest.mark.parametrize(
    ("sdp", "says"),
    [
        (ANSWER, "m=video"),
        (ANSWER + VIDEO.format(port=0, direction="inactive"), "codec"),
        (ANSWER + VIDEO.format(port=9, direction="inactive"), "codec"),
        ("", "answer"),
        ("v=0 nonsense", "answer"),
        ("x" * (300 << 10), "answer of at most"),
    ],
    ids=["no video", "port 0", "inactive", "empty", "nonsense", "300 KiB"],
)
async def test_an_answer_that_cannot_be_used(fake_service, sdp, says):
    async def behave(peer):
        await service.until(peer, "offer")
        await peer.send(json.dumps({"type": "answer", "sdp": sdp}))
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url)
    assert isinstance(error, ph.SignalingError)
    assert error.code == "WEBRTC_SIGNALING_ERROR"
    assert says in str(error)


async def test_an_answer_whose_other_end_is_not_there(fake_service):
    async def behave(peer):
        await service.until(peer, "offer")
        sdp = ANSWER + VIDEO.format(port=9, direction="sendrecv")
        await peer.send(json.dumps({"type": "answer", "sdp": sdp}))
        await peer.wait_closed()

    async with fake_service(behave) as service:
        error = await refused(service.url, timeout=2.0)
    assert isinstance(error, (ph.IceError, ph.ConnectTimeoutError))
    assert "ice step" in str(error)


async def test_the_text_of_a_service_is_kept_but_a_key_in_it_is_not(fake_service):
    async def behave(peer):
        text = f"unauthorized: wss://host/v1/stream?api_key={KEY}"
        await peer.send(json.dumps({"type": "error", "error": text}))
        await peer.close(1008, "unauthorized")

    async with fake_service(behave) as service:
        error = await refused(service.url, attempts=5)
        assert service.connections == 1
    assert isinstance(error, ph.InvalidApiKeyError)
    assert "unauthorized" in str(error)
