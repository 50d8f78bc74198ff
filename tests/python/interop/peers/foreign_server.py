"""A service made with aiohttp and aiortc: inverts what it gets, and remembers what it was told."""

from __future__ import annotations

import asyncio
from typing import Any

import av
import rpc
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription


class InvertedTrack(MediaStreamTrack):
    """Another track with its colours inverted."""

    kind = "video"

    def __init__(self, source: Any) -> None:
        super().__init__()
        self._source = source

    async def recv(self) -> av.VideoFrame:
        frame = await self._source.recv()
        inverted = av.VideoFrame.from_ndarray(255 - frame.to_ndarray(format="rgb24"), "rgb24")
        inverted.pts, inverted.time_base = frame.pts, frame.time_base
        return inverted


class Service:
    """One service; of its sessions the newest counts."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.messages: list[list[dict[str, Any]]] = []
        self.socket: web.WebSocketResponse | None = None
        self.runner: web.AppRunner | None = None
        self.connection: RTCPeerConnection | None = None
        self.candidates = "answer"
        self.names_session = True
        self.stray: list[dict[str, Any]] = []

    async def start(
        self,
        candidates: str = "answer",
        names_session: bool = True,
        stray: list[dict[str, Any]] | None = None,
    ) -> str:
        """The address. ``candidates``: in the ``answer``, one by one ``after`` it, or ``before``.

        ``stray`` messages are sent when a socket opens, and again when the media flow.
        """
        self.candidates, self.names_session, self.stray = candidates, names_session, stray or []
        application = web.Application()
        application.router.add_get("/v1/stream", self.stream)
        self.runner = web.AppRunner(application)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"ws://127.0.0.1:{self.runner.addresses[0][1]}"

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = self.socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.queries.append(dict(request.query))
        messages: list[dict[str, Any]] = []
        self.messages.append(messages)
        if self.names_session:
            name = f"foreign-{len(self.queries)}"
            await socket.send_json(
                {
                    "type": "session_id",
                    "session_id": name,
                    "server_ip": "127.0.0.1",
                    "server_port": 1,
                }
            )
        for one in self.stray:
            await socket.send_json(one)
        async for frame in socket:
            message = frame.json()
            messages.append(message)
            if message["type"] == "offer":
                await self.answer(socket, message["sdp"])
            elif message["type"] == "prompt":
                await socket.send_json(
                    {"type": "prompt_ack", "prompt": message["prompt"], "success": True}
                    if message["prompt"] != "refused"
                    else {
                        "type": "prompt_ack",
                        "prompt": message["prompt"],
                        "success": False,
                        "error": "moderation",
                    }
                )
            elif message["type"] == "set_image":
                await socket.send_json({"type": "set_image_ack", "success": True, "error": None})
        if self.connection is not None:
            await self.connection.close()
        return socket

    async def answer(self, socket: web.WebSocketResponse, offer: str) -> None:
        connection = self.connection = RTCPeerConnection()

        @connection.on("track")
        def arrived(track: Any) -> None:
            if track.kind == "video":
                connection.addTrack(InvertedTrack(track))

        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState == "connected":
                await socket.send_json({"type": "generation_started"})
                for one in self.stray:
                    await socket.send_json(one)

        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        sdp = connection.localDescription.sdp
        if self.candidates == "answer":
            await socket.send_json({"type": "answer", "sdp": sdp})
            return
        lines = sdp.splitlines()
        own = [line for line in lines if line.startswith("a=candidate:")]
        bare = [line for line in lines if line not in own and line != "a=end-of-candidates"]
        answer = {"type": "answer", "sdp": "\r\n".join([*bare, ""])}
        if self.candidates == "after":
            await socket.send_json(answer)
        for line in own:
            candidate = {"candidate": line[2:], "sdpMid": "0", "sdpMLineIndex": 0}
            await socket.send_json({"type": "ice-candidate", "candidate": candidate})
        await socket.send_json({"type": "ice-candidate", "candidate": None})
        if self.candidates == "before":
            await socket.send_json(answer)

    async def heard(self) -> dict[str, Any]:
        """Queries and messages, by socket."""
        return {"queries": self.queries, "messages": self.messages}

    async def drop(self) -> None:
        """Closes the newest socket as a service does that restarts."""
        if self.socket is not None:
            await self.socket.close(code=1012)

    async def send(self, message: dict[str, Any]) -> None:
        if self.socket is not None:
            await self.socket.send_json(message)

    async def stop(self) -> None:
        if self.connection is not None:
            await self.connection.close()
        if self.socket is not None:
            await self.socket.close()
        if self.runner is not None:
            await self.runner.cleanup()


async def main() -> None:
    service = Service()
    await rpc.serve([service.start, service.heard, service.drop, service.send])
    await service.stop()


asyncio.run(main())
