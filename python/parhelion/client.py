"""The client: credentials, the catalog of models, and the way to a session."""

from __future__ import annotations

import base64
import dataclasses
import os
import platform
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from parhelion import _core
from parhelion.errors import InvalidApiKeyError, InvalidInputError, InvalidOptionsError
from parhelion.flow import Flow, FlowMode, as_flow
from parhelion.frames import PixelFormat
from parhelion.models import ModelDefinition, Models
from parhelion.prompts import Prompt
from parhelion.realtime import RealTimeClient
from parhelion.sources import halves_of
from parhelion.sources.base import Source
from parhelion.sources.feed import Feed
from parhelion.sources.pump import Lane
from parhelion.streams import RemoteStream

__all__ = ["Client", "IceServer", "InitialState", "RealTime", "create_client"]

_BASE_URL = "wss://api3.decart.ai"
_KEY_VARIABLE = "DECART_API_KEY"
_MAX_FPS = 1000
_MAX_IMAGE_BYTES = 20 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class InitialState:
    """What a session starts with; acknowledged by the service before any frame flows.

    Without prompt and image the video passes unchanged.
    """

    prompt: Prompt | None = None
    image: bytes | str | os.PathLike[str] | None = None
    """A reference image: the bytes of a PNG, JPEG or WebP file, or the path of one; 20 MiB."""


@dataclasses.dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server."""

    urls: str | Sequence[str]
    """``stun:host:port`` or ``turn:host:port``; over UDP."""
    username: str = ""
    credential: str = dataclasses.field(default="", repr=False)


class _Connecting(Awaitable[RealTimeClient]):
    """A session that is being opened: to be awaited, or entered by ``async with``."""

    def __init__(
        self,
        options: dict[str, Any],
        halves: Sequence[tuple[Source, Lane]],
        on_remote_stream: Callable[[RemoteStream], Any] | None,
    ) -> None:
        self._options = options
        self._halves = halves
        self._on_remote_stream = on_remote_stream
        self._client: RealTimeClient | None = None

    def __await__(self) -> Generator[Any, None, RealTimeClient]:
        return self._open().__await__()

    async def _open(self) -> RealTimeClient:
        feed = Feed(self._halves) if self._halves else None
        if feed is None:
            client = await self._connect()
        else:
            began = time.monotonic()
            try:
                # A stream that cannot be opened is no reason to bother the service.
                await feed.open(self._options["connect_timeout"])
                self._options["connect_timeout"] -= time.monotonic() - began
                client = await self._connect()
            except BaseException:
                feed.stop()
                raise
            client._start(feed)  # noqa: SLF001 - same package
        self._client = client
        return client

    async def _connect(self) -> RealTimeClient:
        client = RealTimeClient(self._options)
        await client._connect(self._on_remote_stream)  # noqa: SLF001 - same package
        return client

    async def __aenter__(self) -> RealTimeClient:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.disconnect()


class RealTime:
    """Opens real-time sessions; found as ``client.realtime``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def connect(
        self,
        stream: Any = None,
        *,
        model: ModelDefinition | str,
        on_remote_stream: Callable[[RemoteStream], Any] | None = None,
        initial_state: InitialState | None = None,
        format: PixelFormat = "rgb24",
        resolution: str | None = None,
        fps: float | None = None,
        max_bitrate: int = 3_000_000,
        flow: Flow | FlowMode = "latest",
        timeout: float = 300.0,
        attempts: int = 5,
        ice_servers: Sequence[IceServer] | None = None,
    ) -> _Connecting:
        """Opens a session. Await it, or use it in ``async with``.

        Args:
            stream: What is sent. None: frames are given to :meth:`RealTimeClient.send`. Otherwise
                an iterable or async iterable of arrays or :class:`Frame`, an array of pictures
                (N, H, W, 3), a ``cv2.VideoCapture``, a path, a URL, the index of a camera, or an
                object with ``video`` and ``audio`` such as :class:`Media`. Arrays have the
                session's format; the pictures of a capture are taken for what they are. Paths,
                URLs and cameras need OpenCV or PyAV. When the stream has ended ``frames()`` ends
                too, once what is on its way has come back, and the session goes on.
            model: A model of ``client.models``, or the name of one.
            on_remote_stream: A function or coroutine function. Called once with the
                :class:`RemoteStream`, when the session is connected; one that raises is logged.
            initial_state: The prompt and the image to start with.
            format: Layout of the frames that are sent and that come back.
            resolution: ``720p`` or ``1080p``, for services that offer both.
            fps: Pictures a second at which the stream is sent, up to 1000. Default: a file's own
                rate, the model's for iterables; cameras and other live streams as they come.
            max_bitrate: Upper bound of the outgoing video, bits per second,
                100_000 to 50_000_000.
            flow: What happens to frames that come faster than they are taken: ``latest`` (the
                newest wins), ``all`` (none is dropped, up to a limit) or ``wait`` (none is lost),
                for both directions, or a :class:`Flow` for each and for the limits.
            timeout: Seconds for the whole of it, retries included.
            attempts: How often to try again when a connection cannot be made or is lost, 0 to 100.
            ice_servers: STUN and TURN servers. None: a public STUN server, or none at all if the
                service is on this machine.

        Raises:
            InvalidApiKeyError: The service refuses the key.
            ModelNotFoundError: The model is unknown.
            InvalidOptionsError: An option is out of range.
            InvalidInputError: An argument has the wrong type, or the image cannot be read.
            AtCapacityError: The service is full, after all attempts.
            ConnectTimeoutError: A ``TimeoutError``: it took longer than ``timeout``.
            SourceError: The stream cannot be opened; nothing has been sent to the service.
            ParhelionError: Anything else; the text names the step that failed.
        """
        if on_remote_stream is not None and not callable(on_remote_stream):
            raise InvalidInputError(
                f"on_remote_stream: expected a callable, got {type(on_remote_stream).__name__}",
                operation="connect",
            )
        if isinstance(model, str):
            model = self._client.models.realtime(model)
        elif not isinstance(model, ModelDefinition):
            raise InvalidInputError(
                f"model: expected ModelDefinition or str, got {type(model).__name__}",
                operation="connect",
            )
        _in_range("max_bitrate", max_bitrate, 100_000, 50_000_000)
        _in_range("attempts", attempts, 0, 100)
        if not timeout > 0:
            raise InvalidOptionsError(f"timeout: expected seconds above 0, got {timeout!r}")
        if resolution not in (None, "720p", "1080p"):
            raise InvalidOptionsError(f"resolution: expected 720p or 1080p, got {resolution!r}")
        if fps is not None and not (isinstance(fps, (int, float)) and 0 < fps <= _MAX_FPS):
            raise InvalidOptionsError(f"fps: expected above 0 and up to {_MAX_FPS}, got {fps!r}")
        flow = as_flow(flow)
        halves = halves_of(stream, format=format, policy=flow.send, fps=fps, model_fps=model.fps)
        state = initial_state or InitialState()
        return _Connecting(
            {
                "base_url": self._client.base_url,
                "api_key": self._client._api_key,  # noqa: SLF001 - same module
                "model": dataclasses.asdict(model),
                "resolution": resolution,
                "prompt": state.prompt and (state.prompt.text, state.prompt.enhance),
                "image": None if state.image is None else _encoded(state.image),
                "format": format,
                "max_bitrate": max_bitrate,
                "flow": flow._arguments(),  # noqa: SLF001 - same package
                "connect_timeout": float(timeout),
                "attempts": attempts,
                "ice_servers": ice_servers and [ice_server_arguments(one) for one in ice_servers],
                "ca_file": self._client._ca_file,  # noqa: SLF001 - same module
                "user_agent": self._client._user_agent,  # noqa: SLF001 - same module
            },
            halves,
            on_remote_stream,
        )


class Client:
    """The entry to a real-time service.

    Args:
        api_key: The key; default is the environment variable ``DECART_API_KEY``.
        base_url: ``wss://`` or ``ws://`` address of the service (``https://`` and ``http://`` mean
            the same); default is the public one.
        ca_file: PEM file with certificates to trust beside the system's.
        integration: Name of the program that embeds this client, for the service's logs.

    Raises:
        InvalidApiKeyError: There is no key.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        integration: str | None = None,
    ) -> None:
        key = (os.environ.get(_KEY_VARIABLE, "") if api_key is None else api_key).strip()
        if not key:
            raise InvalidApiKeyError(
                f"no API key: expected api_key= or the environment variable {_KEY_VARIABLE}",
                operation="Client",
                hint="without an account use the local service: server = parhelion.LocalServer(), "
                "then Client(server.api_key, base_url=server.url)",
            )
        self._api_key = key
        self._ca_file = None if ca_file is None else Path(ca_file)
        version = _core.build_info()["version"]
        self._user_agent = " ".join(
            filter(
                None,
                (
                    f"parhelion/{version} lang/py",
                    integration,
                    f"runtime/python-{platform.python_version()}",
                ),
            )
        )
        self.base_url = _BASE_URL if base_url is None else base_url
        self.models = Models()
        self.realtime = RealTime(self)

    def __repr__(self) -> str:
        return f"<Client {self.base_url}>"


def create_client(api_key: str | None = None, **options: Any) -> Client:
    """The same as :class:`Client`."""
    return Client(api_key, **options)


def ice_server_arguments(server: IceServer) -> dict[str, Any]:
    """An ICE server as the core takes it."""
    urls = [server.urls] if isinstance(server.urls, str) else list(server.urls)
    return {"urls": urls, "username": server.username, "credential": server.credential}


def _in_range(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidOptionsError(f"{name}: expected an int from {low} to {high}, got {value!r}")


def _encoded(image: bytes | str | os.PathLike[str]) -> str:
    """An image file as base64."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        content = bytes(image)
    elif isinstance(image, (str, os.PathLike)):
        try:
            content = Path(image).read_bytes()
        except (OSError, ValueError) as error:
            # ValueError: a NUL in the path.
            raise InvalidInputError(
                f"image: the file cannot be read: {error}", operation="connect"
            ) from error
    else:
        raise InvalidInputError(
            f"image: expected bytes or a path, got {type(image).__name__}", operation="connect"
        )
    if not 0 < len(content) <= _MAX_IMAGE_BYTES:
        raise InvalidInputError(
            f"image: expected 1 to {_MAX_IMAGE_BYTES} bytes, got {len(content)}",
            operation="connect",
        )
    return base64.b64encode(content).decode("ascii")
