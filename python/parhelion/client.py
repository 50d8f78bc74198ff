"""The client: credentials, the catalog of models, and the way to a session."""

from __future__ import annotations

import dataclasses
import os
import platform
import reprlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parhelion import _core
from parhelion.changes import check_model
from parhelion.errors import (
    InvalidApiKeyError,
    InvalidInputError,
    InvalidOptionsError,
)
from parhelion.flow import Flow, FlowMode, as_flow
from parhelion.frames import PixelFormat, checked_format
from parhelion.ice import IceServer, ice_server_list
from parhelion.images import source_of
from parhelion.keys import Key, KeyProvider
from parhelion.landmarks import checked_landmarks
from parhelion.limits import checked_bitrates, checked_seconds
from parhelion.models import ModelDefinition, Models
from parhelion.offers import OfferCustomizer
from parhelion.opening import Connecting, InitialState
from parhelion.retry import RetryPolicy, retry_arguments
from parhelion.streams import RemoteStream
from parhelion.tokens import Tokens
from parhelion.viewer import Subscribing

if TYPE_CHECKING:
    from parhelion.sources.base import Source
    from parhelion.sources.pump import Lane

__all__ = ["Client", "RealTime", "create_client"]

_BASE_URL = "wss://api3.decart.ai"
_KEY_VARIABLE = "DECART_API_KEY"
_MAX_FPS = 1000
_INTERVALS = (0.1, 60.0)


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
        on_queue_position: Callable[..., Any] | None = None,
        initial_state: InitialState | None = None,
        format: PixelFormat = "rgb24",
        resolution: str | None = None,
        mirror: bool | Literal["auto"] = False,
        customize_offer: OfferCustomizer | None = None,
        audio: bool | None = None,
        fps: float | None = None,
        min_bitrate: int = 150_000,
        start_bitrate: int | None = None,
        max_bitrate: int = 3_000_000,
        flow: Flow | FlowMode = "latest",
        stats_interval: float | None = 1.0,
        timeout: float = 300.0,
        attempts: int | None = None,
        retry: RetryPolicy | None = None,
        ice_servers: Sequence[IceServer] | None = None,
    ) -> Connecting:
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
            on_queue_position: A function or coroutine function. Called with position and size of
                the queue while the service is full, at once and on each change. The event of that
                name tells the same, but only when the session is connected.
            initial_state: The prompt and the image to start with.
            format: Layout of the frames that are sent and that come back.
            resolution: ``720p`` or ``1080p``, for services that offer both.
            mirror: Whether left and right are exchanged in what is sent, as people expect to see
                themselves; ``auto``: if the stream is a camera. What comes back is left as it is.
            customize_offer: A function or coroutine function. Called in the session's event loop
                with each offer, a session description (SDP, RFC 8866), before it is sent: when
                the session connects, and whenever it comes back. A str that it returns is sent
                instead; None sends the offer as it is. The connection itself was set up by the
                original: codecs and bitrates that the service may use can be changed, ICE
                credentials and fingerprints cannot. A coroutine has 10 s.
            audio: Whether sound is sent and received beside the video. None: if the model is driven
                by sound, or the stream has audio.
            fps: Pictures a second at which the stream is sent, up to 1000. Default: a file's own
                rate, the model's for iterables; cameras and other live streams as they come.
            min_bitrate: Lower bound of the outgoing video, bits per second, 50_000 to 50_000_000,
                however narrow the network is. One above ``max_bitrate`` counts as that.
            start_bitrate: What it begins with, within those bounds. None: ``max_bitrate``, or
                3_000_000 if that is less.
            max_bitrate: Upper bound of the outgoing video, bits per second,
                100_000 to 50_000_000. Between the bounds it follows the network.
            flow: What happens to frames that come faster than they are taken: ``latest`` (the
                newest wins), ``all`` (none is dropped, up to a limit) or ``wait`` (none is lost),
                for both directions, or a :class:`Flow` for each and for the limits.
            stats_interval: Seconds between two ``stats`` events, 0.1 to 60, and the time that the
                rates of :class:`Stats` are over. None: no such event, and rates over a second.
            timeout: Seconds for the whole of it, retries included. Coming back after a loss has its
                own time: ``total`` of ``retry``.
            attempts: How often to try again when a connection cannot be made or is lost, 0 to 100.
                None: 5 times, and after a loss as often as there is time for.
            retry: Delays and limits of that; see :class:`RetryPolicy`. Its ``attempts`` or the
                option above, not both.
            ice_servers: STUN and TURN servers. None: a public STUN server, or none at all if the
                service is on this machine or its URL has an address of a private network. A name
                that is not found within 1 s is left out this time.

        Raises:
            InvalidApiKeyError: The service refuses the key.
            ModelNotFoundError: The model is unknown.
            InvalidOptionsError: An option is out of range, or ``customize_offer`` fails: its
                exception is the cause.
            InvalidInputError: An argument has the wrong type, or the image cannot be read.
            AtCapacityError: The service is full, after all attempts.
            ConnectTimeoutError: A ``TimeoutError``: it took longer than ``timeout``.
            SourceError: The stream cannot be opened; nothing has been sent to the service.
            ParhelionError: Anything else; the text names the step that failed.
        """
        _callable("on_remote_stream", on_remote_stream, "connect")
        _callable("on_queue_position", on_queue_position, "connect")
        _callable("customize_offer", customize_offer, "connect")
        if not (isinstance(mirror, bool) or (isinstance(mirror, str) and mirror == "auto")):
            raise InvalidOptionsError(f"mirror: expected True, False or 'auto', got {mirror!r}")
        if isinstance(model, str):
            model = self._client.models.realtime(model)
        elif not isinstance(model, ModelDefinition):
            raise InvalidInputError(
                f"model: expected ModelDefinition or str, got {type(model).__name__}",
                operation="connect",
            )
        bitrates = checked_bitrates(min_bitrate, start_bitrate, max_bitrate)
        timeout = checked_seconds("timeout", timeout, error=InvalidOptionsError)
        stats_interval = _checked_interval(stats_interval)
        if not (resolution is None or isinstance(resolution, str)) or (
            resolution not in (None, "720p", "1080p")
        ):
            raise InvalidOptionsError(f"resolution: expected 720p or 1080p, got {resolution!r}")
        if fps is not None and (
            isinstance(fps, bool) or not (isinstance(fps, (int, float)) and 0 < fps <= _MAX_FPS)
        ):
            raise InvalidOptionsError(f"fps: expected above 0 and up to {_MAX_FPS}, got {fps!r}")
        checked_format(format, "connect")
        flow = as_flow(flow)
        halves: Sequence[tuple[Source, Lane]] = ()
        sound = False
        if stream is not None or fps is not None:
            from parhelion.sources import halves_of, sends_sound

            halves = halves_of(
                stream, format=format, policy=flow.send, fps=fps, model_fps=model.fps
            )
            sound = sends_sound(halves)
        state = InitialState() if initial_state is None else initial_state
        if not isinstance(state, InitialState):
            raise InvalidInputError(
                f"initial_state: expected InitialState, got {type(state).__name__}",
                operation="connect",
            )
        definition = dataclasses.asdict(model)
        image = None
        if state.image is not None:
            image = source_of(state.image, "connect")
            check_model(definition, "connect")
        landmarks = checked_landmarks(state.landmarks, image is not None, definition, "connect")
        return Connecting(
            {
                "base_url": self._client.base_url,
                "api_key": self._client._fixed_key,  # noqa: SLF001 - same module
                "model": definition,
                "room": None,
                "resolution": resolution,
                "prompt": state._words(),  # noqa: SLF001 - same module
                "image": None,
                "fetch": self._client._fetch,  # noqa: SLF001 - same module
                "format": format,
                **bitrates,
                "flow": flow._arguments(),  # noqa: SLF001 - same package
                "mirror": mirror,
                "customize_offer": customize_offer is not None,
                "stats_interval": stats_interval,
                "connect_timeout": timeout,
                "audio": _with_sound(audio, sound, model),
                "retry": retry_arguments(retry, attempts),
                "ice_servers": None if ice_servers is None else ice_server_list(ice_servers),
                "ca_file": self._client._ca_file,  # noqa: SLF001 - same module
                "user_agent": self._client._user_agent + flow._announced(),  # noqa: SLF001 - same module
            },
            image,
            landmarks,
            halves,
            on_remote_stream,
            key=self._client._asked_key,  # noqa: SLF001 - same module
            on_queue_position=on_queue_position,
            customize_offer=customize_offer,
        )

    def subscribe(
        self,
        token: str,
        *,
        on_remote_stream: Callable[[RemoteStream], Any] | None = None,
        format: PixelFormat = "rgb24",
        flow: Flow | FlowMode = "latest",
        stats_interval: float | None = 1.0,
        timeout: float = 300.0,
        attempts: int | None = None,
        retry: RetryPolicy | None = None,
        ice_servers: Sequence[IceServer] | None = None,
    ) -> Subscribing:
        """Watches the session of somebody else. Await it, or use it in ``async with``.

        Args:
            token: The ``subscribe_token`` of that session. One of a :class:`LocalServer` is shown
                in place of the client's key; with one of another service the key is needed.
            on_remote_stream: A function or coroutine function. Called once with the
                :class:`RemoteStream`, when the session is connected; one that raises is logged.
            format: Layout of the frames that come.
            flow: What happens to frames that come faster than they are taken; of a :class:`Flow`
                only what it says of receiving counts.
            stats_interval: Seconds between two ``stats`` events, 0.1 to 60, and the time that the
                rates of :class:`Stats` are over. None: no such event, and rates over a second.
            timeout: Seconds for the whole of it, retries included. Coming back after a loss has its
                own time: ``total`` of ``retry``.
            attempts: How often to try again when a connection cannot be made or is lost, 0 to 100.
                None: 5 times, and after a loss as often as there is time for.
            retry: Delays and limits of that; see :class:`RetryPolicy`. Its ``attempts`` or the
                option above, not both.
            ice_servers: STUN and TURN servers. None: a public STUN server, or none at all if the
                service is on this machine or its URL has an address of a private network. A name
                that is not found within 1 s is left out this time.

        Raises:
            InvalidInputError: The token is none.
            InvalidApiKeyError: The token has expired, is for another session, or was not made by
                this service; or the key is refused.
            SessionEndedError: There is no such session any more.
            InvalidOptionsError: An option is out of range.
            AtCapacityError: The room is full, after all attempts.
            ConnectTimeoutError: A ``TimeoutError``: it took longer than ``timeout``.
            ParhelionError: Anything else; the text names the step that failed.
        """
        if not isinstance(token, str):
            raise InvalidInputError(
                f"token: expected a str, got {type(token).__name__}", operation="subscribe"
            )
        _callable("on_remote_stream", on_remote_stream, "subscribe")
        timeout = checked_seconds("timeout", timeout, error=InvalidOptionsError)
        stats_interval = _checked_interval(stats_interval)
        return Subscribing(
            {
                "base_url": self._client.base_url,
                "api_key": self._client._fixed_key,  # noqa: SLF001 - same module
                "model": None,
                "room": token,
                "resolution": None,
                "prompt": None,
                "image": None,
                "format": format,
                **checked_bitrates(100_000, None, 100_000),
                "flow": as_flow(flow)._arguments(),  # noqa: SLF001 - same package
                "mirror": False,
                "customize_offer": False,
                "audio": True,
                "stats_interval": stats_interval,
                "connect_timeout": timeout,
                "retry": retry_arguments(retry, attempts),
                "ice_servers": None if ice_servers is None else ice_server_list(ice_servers),
                "ca_file": self._client._ca_file,  # noqa: SLF001 - same module
                "user_agent": self._client._user_agent,  # noqa: SLF001 - same module
            },
            self._client._asked_key,  # noqa: SLF001 - same module
            on_remote_stream,
        )


class Client:
    """The entry to a real-time service.

    Args:
        api_key: The key; default is the environment variable ``DECART_API_KEY``. Or a function or
            coroutine function that returns it, which is called before each attempt to connect: for
            tokens that expire. It runs in the session's event loop.
        base_url: ``wss://`` or ``ws://`` address of the service (``https://`` and ``http://`` mean
            the same); default is the public one.
        ca_file: PEM file with certificates to trust beside the system's.
        integration: Name of the program that embeds this client, for the service's logs.
        allow_private_image_urls: Whether URLs of images may lead to this machine and its network.
            Leave it off where somebody else may choose the URL.

    Raises:
        InvalidApiKeyError: There is no key.
    """

    def __init__(
        self,
        api_key: Key | None = None,
        *,
        base_url: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        integration: str | None = None,
        allow_private_image_urls: bool = False,
    ) -> None:
        for name, value in (
            ("base_url", base_url),
            ("integration", integration),
        ):
            if not (value is None or isinstance(value, str)):
                raise InvalidInputError(
                    f"{name}: expected str, got {type(value).__name__}", operation="Client"
                )
            if value is not None and not value.isprintable():
                raise InvalidInputError(
                    f"{name}: expected printable text, got {reprlib.repr(value)}",
                    operation="Client",
                )
        if not isinstance(allow_private_image_urls, bool):
            raise InvalidInputError(
                "allow_private_image_urls: expected bool, got "
                f"{type(allow_private_image_urls).__name__}",
                operation="Client",
            )
        if not (ca_file is None or isinstance(ca_file, (str, os.PathLike))):
            raise InvalidInputError(
                f"ca_file: expected a path, got {type(ca_file).__name__}", operation="Client"
            )
        key: Any = os.environ.get(_KEY_VARIABLE, "") if api_key is None else api_key
        if isinstance(key, str):
            key = key.strip()
            if not key.isprintable():
                raise InvalidApiKeyError(
                    "api_key: expected printable text, got other characters in it",
                    operation="Client",
                    hint="copy the key once more",
                )
        elif not callable(key):
            raise InvalidInputError(
                f"api_key: expected a str or a function that returns one, got {type(key).__name__}",
                operation="Client",
            )
        if not key:
            raise InvalidApiKeyError(
                f"no API key: expected api_key= or the environment variable {_KEY_VARIABLE}",
                operation="Client",
                hint="without an account use the local service: server = parhelion.LocalServer(), "
                "then Client(server.api_key, base_url=server.url)",
            )
        self._api_key: Key = key
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
        self._fetch = {
            "ca_file": self._ca_file,
            "user_agent": self._user_agent,
            "allow_private": allow_private_image_urls,
        }
        self.base_url = _BASE_URL if base_url is None else base_url
        self.models = Models()
        self.realtime = RealTime(self)
        self.tokens = Tokens(self)

    @property
    def _fixed_key(self) -> str | None:
        return self._api_key if isinstance(self._api_key, str) else None

    @property
    def _asked_key(self) -> KeyProvider | None:
        return None if isinstance(self._api_key, str) else self._api_key

    def _base_url_for_http(self, public: str) -> str:
        return public if self.base_url == _BASE_URL else self.base_url

    def __repr__(self) -> str:
        return f"<Client {self.base_url}>"


def _checked_interval(interval: object) -> float | None:
    if interval is None:
        return None
    low, high = _INTERVALS
    if isinstance(interval, (int, float)) and not isinstance(interval, bool):
        seconds = float(interval)
        if low <= seconds <= high:
            return seconds
    raise InvalidOptionsError(
        f"stats_interval: expected {low} to {high} seconds or None, got {interval!r}"
    )


def create_client(api_key: Key | None = None, **options: Any) -> Client:
    """The same as :class:`Client`."""
    return Client(api_key, **options)


def _with_sound(asked: bool | None, streamed: bool, model: ModelDefinition) -> bool:
    """Whether a session has audio: as was asked for, else as the model or the stream has it."""
    if asked not in (None, True, False):
        raise InvalidOptionsError(f"audio: expected None, True or False, got {asked!r}")
    if asked is False and streamed:
        raise InvalidOptionsError(
            "audio: got False, but the stream has audio", hint="leave one of them out"
        )
    return (model.accepts_audio or streamed) if asked is None else asked


def _callable(name: str, value: Any, operation: str) -> None:
    if value is not None and not callable(value):
        raise InvalidInputError(
            f"{name}: expected a callable, got {type(value).__name__}", operation=operation
        )
