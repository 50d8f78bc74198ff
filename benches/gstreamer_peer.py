"""GStreamer's webrtcbin as client and as echo service.

Its usual settings for live video, with retransmission on: x264 for speed and without delay, 200 ms
of jitter buffer. Both ends convert to and from packed RGB, as a program that works on numpy frames
must. Signalling is one line of JSON each way over a socket of its own. Runs in an interpreter that
has GStreamer's bindings, see :func:`process.interpreter`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402  the versions come first

from content import FPS, HEIGHT, WIDTH, Pixels  # noqa: E402

_BITRATE = 2_500_000
_RAW = f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT},framerate={FPS}/1"
_RTP = "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000"
_SEND = (
    "appsrc name=source is-live=true do-timestamp=true format=time block=false "
    f"max-buffers=1 leaky-type=downstream caps={_RAW} ! videoconvert ! video/x-raw,format=I420 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast bitrate={kbps} vbv-buf-capacity=200 "
    "key-int-max=3000 ! video/x-h264,profile=constrained-baseline ! "
    "rtph264pay config-interval=-1 aggregate-mode=zero-latency mtu=1200 ! "
    f"{_RTP} ! peer."
)
_RECEIVE = (
    "rtph264depay request-keyframe=true wait-for-keyframe=true ! h264parse ! "
    "avdec_h264 output-corrupt=false automatic-request-sync-points=true "
    "discard-corrupted-frames=true ! videoconvert ! videoscale ! "
    f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT} ! "
    "appsink name=sink emit-signals=true sync=false max-buffers=1 drop=true"
)


class _Peer:
    """A pipeline with a webrtcbin; its callbacks come on threads of GStreamer."""

    def __init__(self, bitrate: int, received: Callable[[Pixels], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self.pipeline = Gst.parse_launch(
            "webrtcbin name=peer bundle-policy=max-bundle " + _SEND.format(kbps=bitrate // 1000)
        )
        self._bin = self.pipeline.get_by_name("peer")
        self._source = self.pipeline.get_by_name("source")
        self._gathered, self._connected = asyncio.Event(), asyncio.Event()
        self._bin.connect("pad-added", self._on_pad)
        self._bin.connect("notify::ice-gathering-state", self._on_gathering)
        self._bin.connect("notify::connection-state", self._on_state)
        self._bin.connect("on-new-transceiver", lambda _, one: one.set_property("do-nack", True))
        transceiver = self._bin.emit("get-transceiver", 0)
        if transceiver is not None:
            transceiver.set_property("do-nack", True)
        self.pipeline.set_state(Gst.State.PLAYING)

    def push(self, pixels: Pixels) -> None:
        """Copies the frame; the newest replaces one that waits."""
        self._source.emit("push-buffer", Gst.Buffer.new_wrapped(pixels.tobytes()))

    async def describe(self, kind: str) -> dict[str, str]:
        """Makes an ``offer`` or an ``answer`` with all candidates in it."""
        reply = await self._promised(f"create-{kind}", None)
        self._set("local", reply.get_value(kind))
        await asyncio.wait_for(self._gathered.wait(), 10)
        return {"type": kind, "sdp": self._bin.get_property("local-description").sdp.as_text()}

    async def take(self, description: dict[str, str]) -> None:
        """Sets the other side's description."""
        kind = GstWebRTC.WebRTCSDPType
        _, sdp = GstSdp.SDPMessage.new_from_text(description["sdp"])
        of = kind.OFFER if description["type"] == "offer" else kind.ANSWER
        await self._promised(
            "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(of, sdp)
        )

    async def connected(self) -> None:
        """Returns when media can flow."""
        await asyncio.wait_for(self._connected.wait(), 30)

    async def traffic(self) -> tuple[int, int] | None:
        """Bytes of RTP payload."""
        reply = await self._promised("get-stats", None)
        sent = received = 0
        for number in range(reply.n_fields()):
            entry = reply.get_value(reply.nth_field_name(number))
            if not isinstance(entry, Gst.Structure):
                continue
            name = entry.get_name()
            if name == "outbound-rtp":
                sent += entry.get_value("bytes-sent") or 0
            elif name == "inbound-rtp":
                received += entry.get_value("bytes-received") or 0
        return sent, received

    def close(self) -> None:
        """Stops everything."""
        self.pipeline.set_state(Gst.State.NULL)

    def _set(self, side: str, description: Any) -> None:
        self._bin.emit(f"set-{side}-description", description, Gst.Promise.new())

    async def _promised(self, signal: str, argument: Any) -> Any:
        done = self._loop.create_future()

        def keep(reply: Any) -> None:
            if not done.done():
                done.set_result(reply)

        def kept(promise: Any) -> None:
            self._loop.call_soon_threadsafe(keep, promise.get_reply())

        self._bin.emit(signal, argument, Gst.Promise.new_with_change_func(kept))
        return await asyncio.wait_for(done, 10)

    def _on_gathering(self, peer: Any, _: Any) -> None:
        state = peer.get_property("ice-gathering-state")
        if state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._loop.call_soon_threadsafe(self._gathered.set)

    def _on_state(self, peer: Any, _: Any) -> None:
        state = peer.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            self._loop.call_soon_threadsafe(self._connected.set)

    def _on_pad(self, _: Any, pad: Any) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        receiving = Gst.parse_bin_from_description(_RECEIVE, True)
        receiving.get_by_name("sink").connect("new-sample", self._on_sample)
        self.pipeline.add(receiving)
        receiving.sync_state_with_parent()
        pad.link(receiving.get_static_pad("sink"))

    def _on_sample(self, sink: Any) -> Any:
        buffer = sink.emit("pull-sample").get_buffer()
        mapped, info = buffer.map(Gst.MapFlags.READ)
        if mapped:
            pixels = np.frombuffer(info.data, np.uint8).reshape(HEIGHT, WIDTH, 3).copy()
            buffer.unmap(info)
            self._received(pixels)
        return Gst.FlowReturn.OK


class GstreamerLink:
    """One session."""

    def __init__(self, endpoint: dict[str, Any], bitrate: int) -> None:
        self._address = endpoint["host"], endpoint["port"]
        self._bitrate = bitrate
        self._frames: asyncio.Queue[Pixels] = asyncio.Queue()
        self._peer: _Peer | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Offers, takes the answer and waits until the peers are connected."""
        loop = asyncio.get_running_loop()
        _start()

        def received(pixels: Pixels) -> None:
            loop.call_soon_threadsafe(self._frames.put_nowait, pixels)

        self._peer = _Peer(self._bitrate, received)
        # There is no stream to offer before the first picture has caps.
        self._peer.push(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        reader, self._writer = await asyncio.open_connection(*self._address)
        await _write(self._writer, await self._peer.describe("offer"))
        await self._peer.take(json.loads(await reader.readline()))
        await self._peer.connected()

    async def send(self, pixels: Pixels) -> None:
        """Copies the frame."""
        self._open.push(pixels)

    async def receive(self) -> Pixels:
        """The oldest frame that waits, as packed RGB."""
        return await self._frames.get()

    async def traffic(self) -> tuple[int, int] | None:
        """Bytes of RTP payload."""
        return await self._open.traffic()

    @property
    def _open(self) -> _Peer:
        if self._peer is None:
            raise RuntimeError("the link is not open")
        return self._peer

    async def close(self) -> None:
        """Closes the connection and the signalling."""
        if self._peer is not None:
            self._peer.close()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()


def connect(endpoint: dict[str, Any], bitrate: int) -> GstreamerLink:
    """A session that is not open yet. The bit rate is fixed: this release has no estimator."""
    return GstreamerLink(endpoint, bitrate)


async def serve(ready: Any, until: asyncio.Event, host: str) -> None:
    """Echoes for everyone who connects; calls ``ready`` with the endpoint."""
    _start()
    server = await asyncio.start_server(_answer, host, 0)
    async with server:
        ready({"host": host, "port": server.sockets[0].getsockname()[1]})
        await until.wait()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = _Peer(_BITRATE, lambda pixels: peer.push(pixels))
    try:
        peer.push(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        await peer.take(json.loads(await reader.readline()))
        await _write(writer, await peer.describe("answer"))
        await reader.read()
    finally:
        peer.close()
        writer.close()


async def _write(writer: asyncio.StreamWriter, message: dict[str, str]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()


def _start() -> None:
    """GStreamer and the main loop that it may want, once."""
    if not Gst.is_initialized():
        Gst.init(None)
        threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
