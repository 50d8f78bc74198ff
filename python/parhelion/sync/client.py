"""The client: credentials, the catalog of models, and the way to a session that waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import parhelion.client
import parhelion.streams
from parhelion.flow import Flow, FlowMode
from parhelion.frames import PixelFormat
from parhelion.ice import IceServer
from parhelion.images import ImageLike
from parhelion.keys import Key
from parhelion.landmarks import Landmarks
from parhelion.models import ModelDefinition, Models
from parhelion.offers import OfferCustomizer
from parhelion.opening import InitialState
from parhelion.prompts import Prompt
from parhelion.retry import RetryPolicy
from parhelion.sync.background import Background, background
from parhelion.sync.realtime import RealTimeClient
from parhelion.sync.server import LocalServer
from parhelion.sync.streams import RemoteStream
from parhelion.sync.tokens import Tokens
from parhelion.sync.viewer import Subscription

__all__ = ["Client", "RealTime", "connect", "create_client"]


def _handing_over(
    on_remote_stream: Callable[[RemoteStream], Any] | None,
    streams: list[RemoteStream],
    thread: Background,
) -> Callable[[parhelion.streams.RemoteStream], Any]:
    """Keeps the blocking face of the stream that comes, and gives it to the user's function."""
    wrong: Any = on_remote_stream
    if wrong is not None and not callable(wrong):
        return wrong  # type: ignore[no-any-return]  # refused by what it is passed to

    def made(stream: parhelion.streams.RemoteStream) -> Any:
        streams.append(RemoteStream(stream, thread))
        return None if on_remote_stream is None else on_remote_stream(streams[0])

    return made


class RealTime:
    """Opens real-time sessions; found as ``client.realtime``."""

    def __init__(self, client: parhelion.client.Client) -> None:
        self._realtime = client.realtime

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
    ) -> RealTimeClient:
        """Opens a session, and waits until it is open. Use it in ``with``.

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
        thread = background()
        thread.check("connect")
        streams: list[RemoteStream] = []
        connecting = self._realtime.connect(
            stream,
            model=model,
            on_remote_stream=_handing_over(on_remote_stream, streams, thread),
            on_queue_position=on_queue_position,
            initial_state=initial_state,
            format=format,
            resolution=resolution,
            mirror=mirror,
            customize_offer=customize_offer,
            audio=audio,
            fps=fps,
            min_bitrate=min_bitrate,
            start_bitrate=start_bitrate,
            max_bitrate=max_bitrate,
            flow=flow,
            stats_interval=stats_interval,
            timeout=timeout,
            attempts=attempts,
            retry=retry,
            ice_servers=ice_servers,
        )

        async def open_session() -> RealTimeClient:
            # Made in the loop and at once, before the session gives out what happened so far.
            return RealTimeClient(await connecting, streams[0], thread)

        return thread.run("connect", open_session, timeout)

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
    ) -> Subscription:
        """Watches the session of somebody else, and waits until it is there. Use it in ``with``.

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
        thread = background()
        thread.check("subscribe")
        streams: list[RemoteStream] = []
        subscribing = self._realtime.subscribe(
            token,
            on_remote_stream=_handing_over(on_remote_stream, streams, thread),
            format=format,
            flow=flow,
            stats_interval=stats_interval,
            timeout=timeout,
            attempts=attempts,
            retry=retry,
            ice_servers=ice_servers,
        )

        async def open_session() -> Subscription:
            return Subscription(await subscribing, streams[0], thread)

        return thread.run("subscribe", open_session, timeout)


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
        self._client = parhelion.client.Client(
            api_key,
            base_url=base_url,
            ca_file=ca_file,
            integration=integration,
            allow_private_image_urls=allow_private_image_urls,
        )
        self.base_url: str = self._client.base_url
        self.models: Models = self._client.models
        self.realtime = RealTime(self._client)
        self.tokens = Tokens(self._client)

    def __repr__(self) -> str:
        return repr(self._client)


def create_client(api_key: Key | None = None, **options: Any) -> Client:
    """The same as :class:`Client`."""
    return Client(api_key, **options)


def connect(
    model: ModelDefinition | str,
    *,
    prompt: str | Prompt | None = None,
    image: ImageLike | None = None,
    landmarks: Landmarks | None = None,
    stream: Any = None,
    api_key: str | None = None,
    base_url: str | None = None,
    on_remote_stream: Callable[[RemoteStream], Any] | None = None,
    on_queue_position: Callable[..., Any] | None = None,
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
) -> RealTimeClient:
    """Opens a session in one call, and waits until it is open. Use it in ``with``.

    Without ``api_key`` and ``base_url`` it starts a :class:`LocalServer` for this session, which
    needs no account and ends with the session; the environment variable ``DECART_API_KEY`` changes
    nothing about that. With either of them it is the same as :meth:`RealTime.connect` of such a
    :class:`Client`.

    Args:
        model: A model of the catalog, or the name of one.
        prompt: What the result should look like; a str may be elaborated on by the service.
        image: A reference image, as for :class:`InitialState`.
        landmarks: Where in the image a face is, as for :class:`InitialState`.
        stream: What is sent. None: frames are given to :meth:`RealTimeClient.send`. Otherwise
            an iterable or async iterable of arrays or :class:`Frame`, an array of pictures
            (N, H, W, 3), a ``cv2.VideoCapture``, a path, a URL, the index of a camera, or an
            object with ``video`` and ``audio`` such as :class:`Media`. Arrays have the
            session's format; the pictures of a capture are taken for what they are. Paths,
            URLs and cameras need OpenCV or PyAV. When the stream has ended ``frames()`` ends
            too, once what is on its way has come back, and the session goes on.
        api_key: The key of a service elsewhere.
        base_url: The address of a service elsewhere.
        on_remote_stream: A function or coroutine function. Called once with the
            :class:`RemoteStream`, when the session is connected; one that raises is logged.
        on_queue_position: A function or coroutine function. Called with position and size of
            the queue while the service is full, at once and on each change. The event of that
            name tells the same, but only when the session is connected.
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
        timeout: Seconds for the whole of it, retries included. Coming back after a loss has its own
            time: ``total`` of ``retry``.
        attempts: How often to try again when a connection cannot be made or is lost, 0 to 100.
            None: 5 times, and after a loss as often as there is time for.
        retry: Delays and limits of that; see :class:`RetryPolicy`. Its ``attempts`` or the option
            above, not both.
        ice_servers: STUN and TURN servers. None: a public STUN server, or none at all if the
            service is on this machine or its URL has an address of a private network. A name
            that is not found within 1 s is left out this time.

    Raises:
        ParhelionError: As for :meth:`RealTime.connect`.
    """
    if isinstance(prompt, str):
        prompt = Prompt(prompt)
    server = None
    if api_key is None and base_url is None:
        server = LocalServer()
        server.start()
        api_key, base_url = server.api_key, server.url
    try:
        session = Client(api_key, base_url=base_url).realtime.connect(
            stream,
            model=model,
            on_remote_stream=on_remote_stream,
            on_queue_position=on_queue_position,
            initial_state=InitialState(prompt, image, landmarks),
            format=format,
            resolution=resolution,
            mirror=mirror,
            customize_offer=customize_offer,
            audio=audio,
            fps=fps,
            min_bitrate=min_bitrate,
            start_bitrate=start_bitrate,
            max_bitrate=max_bitrate,
            flow=flow,
            stats_interval=stats_interval,
            timeout=timeout,
            attempts=attempts,
            retry=retry,
            ice_servers=ice_servers,
        )
    except BaseException:
        if server is not None:
            server.close()
        raise
    session._service = server  # noqa: SLF001 - same package
    return session
