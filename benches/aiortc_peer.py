"""aiortc as client and as echo service, with its stock settings.

Both ends convert to and from packed RGB, as a program that works on numpy frames must. H.264 is put
first in the offer; signalling is one line of JSON each way over a loopback socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
import time
from typing import Any, cast

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from av import VideoFrame

from content import Pixels

_TIME_BASE = fractions.Fraction(1, 90_000)


class NewestFrame(MediaStreamTrack):
    """A track that is fed: holds one frame, the newest."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[VideoFrame] = asyncio.Queue(1)
        self._began = time.perf_counter()

    def put(self, pixels: Pixels) -> None:
        """Replaces what the encoder has not taken yet."""
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = int((time.perf_counter() - self._began) * 90_000)
        frame.time_base = _TIME_BASE
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(frame)

    async def recv(self) -> VideoFrame:
        """Called by the sender."""
        return await self._queue.get()


class Echo(MediaStreamTrack):
    """Sends each frame of another track back, through a numpy array."""

    kind = "video"

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self._source = source

    async def recv(self) -> VideoFrame:
        """Called by the sender."""
        frame = cast("VideoFrame", await self._source.recv())
        echoed = VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
        echoed.pts, echoed.time_base = frame.pts, frame.time_base
        return echoed


class AiortcLink:
    """One aiortc session."""

    def __init__(self, endpoint: dict[str, Any]) -> None:
        self._address = endpoint["host"], endpoint["port"]
        self._peer = _peer()
        self._outgoing = NewestFrame()
        self._incoming: MediaStreamTrack | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Offers, takes the answer and waits until the peers are connected."""
        connected = asyncio.Event()

        @self._peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            self._incoming = track

        @self._peer.on("connectionstatechange")
        def on_state() -> None:
            if self._peer.connectionState == "connected":
                connected.set()

        transceiver = self._peer.addTransceiver(self._outgoing, "sendrecv")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([c for c in codecs if c.mimeType == "video/H264"])
        await self._peer.setLocalDescription(await self._peer.createOffer())
        reader, self._writer = await asyncio.open_connection(*self._address)
        await _write(self._writer, self._peer.localDescription)
        await self._peer.setRemoteDescription(_description(await reader.readline()))
        await connected.wait()

    async def send(self, pixels: Pixels) -> None:
        """Copies the frame."""
        self._outgoing.put(pixels)

    async def receive(self) -> Pixels:
        """The oldest frame that waits, as packed RGB."""
        if self._incoming is None:
            raise RuntimeError("the answer holds no video track")
        frame = cast("VideoFrame", await self._incoming.recv())
        return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)

    async def traffic(self) -> tuple[int, int] | None:
        """Bytes of the transport: payload, headers and reports."""
        report = await self._peer.getStats()
        for entry in report.values():
            if entry.type == "transport":
                return entry.bytesSent, entry.bytesReceived
        return None

    async def close(self) -> None:
        """Closes the connection and the signalling."""
        await self._peer.close()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()


def connect(endpoint: dict[str, Any], bitrate: int) -> AiortcLink:
    """A session that is not open yet; the bit rate of aiortc cannot be set (3 Mb/s at most)."""
    del bitrate
    return AiortcLink(endpoint)


async def serve(ready: Any, until: asyncio.Event, host: str) -> None:
    """Echoes for everyone who connects; calls ``ready`` with the endpoint."""
    server = await asyncio.start_server(_answer, host, 0)
    async with server:
        ready({"host": host, "port": server.sockets[0].getsockname()[1]})
        await until.wait()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = _peer()

    @peer.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        peer.addTrack(Echo(track))

    try:
        await peer.setRemoteDescription(_description(await reader.readline()))
        await peer.setLocalDescription(await peer.createAnswer())
        await _write(writer, peer.localDescription)
        await reader.read()
    finally:
        await peer.close()
        writer.close()


def _peer() -> RTCPeerConnection:
    # Without this aiortc asks a STUN server on the internet and waits for it.
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def _description(line: bytes) -> RTCSessionDescription:
    return RTCSessionDescription(**json.loads(line))


async def _write(writer: asyncio.StreamWriter, description: RTCSessionDescription) -> None:
    message = {"sdp": description.sdp, "type": description.type}
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()
