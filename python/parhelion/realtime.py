"""One real-time session, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parhelion import _core
from parhelion.audio import AudioFrame, checked_clip, checked_rate, checked_samples
from parhelion.changes import Changes
from parhelion.errors import (
    ConnectTimeoutError,
    InvalidInputError,
    InvalidStateError,
    ParhelionError,
    QueueFullError,
    SourceError,
)
from parhelion.frames import Frame, PixelFormat, as_frame, checked_format
from parhelion.images import ImageLike
from parhelion.landmarks import Landmarks
from parhelion.limits import checked_seconds
from parhelion.offers import OfferCustomizer, Offers
from parhelion.prompts import Prompt, prompt_of
from parhelion.session import Session
from parhelion.streams import RemoteStream
from parhelion.unset import UNSET, Unset

if TYPE_CHECKING:
    from parhelion.sources.feed import Feed

__all__ = ["RealTimeClient"]

_PROMPT_TIMEOUT = 15.0
_UPDATE_TIMEOUT = 30.0
# A frame that the rate control left out, or that a queue dropped, does not come back by itself.
_TRANSFORM_RETRY = 0.5


class RealTimeClient(Session):
    """A session with a real-time model; made by ``client.realtime.connect()``.

    Belongs to the event loop it was connected in: handlers run there, and the coroutines are to
    be awaited there. :meth:`send` and :meth:`disconnect` work from any thread or loop.
    """

    def __init__(
        self,
        options: dict[str, Any],
        *,
        customize_offer: OfferCustomizer | None = None,
        **hooks: Any,
    ) -> None:
        super().__init__(options, **hooks)
        self._offers = None if customize_offer is None else Offers(self._core, customize_offer)
        self._feed: Feed | None = None
        self._changes = Changes(self._core, options["model"], options["fetch"], self._inbox)
        self._model: dict[str, Any] = options["model"]
        # Whether sending waits for room where it may wait.
        self._waits = options["flow"][0][0] == "wait"
        # Those who wait for room.
        self._draining: set[asyncio.Future[None]] = set()

    def _wake(self) -> None:
        super()._wake()
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_result(None)

    async def _connect(self, on_remote_stream: Callable[[RemoteStream], Any] | None) -> None:
        try:
            await super()._connect(on_remote_stream)
        except ParhelionError as error:
            if self._offers is not None:
                self._offers.explain(error)
            raise

    def _report(self, event: tuple[Any, ...]) -> None:
        if self._offers is not None:
            if event[0] == "offer_made":
                # Kept, as the loop keeps no task.
                task = self._loop.create_task(self._offers.give(event[1]))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
                return
            if event[0] == "error":
                self._offers.explain(event[1])
        super()._report(event)

    def _start(self, feed: Feed) -> None:
        """Begins to send the stream that was given to ``connect``."""
        self._feed = feed
        feed.start(self)

    def _source_ended(self, error: SourceError | None) -> None:
        if error is not None:
            self._report(("error", error))
        elif self._core.state == "disconnected":
            return  # it was left because the session is over, and the news of why is on its way
        self._inbox.finish(error)

    def _emit(self, event: tuple[Any, ...]) -> None:
        if event[:2] == ("connection_change", "disconnected"):
            self._changes.close()
            if self._feed is not None:
                self._feed.stop()
        super()._emit(event)

    async def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second.

        The stream that was given to ``connect`` is left where it is. A source that was opened for
        it is closed; what you opened yourself stays open. A source that is in the middle of
        something is waited for, for half a second; if it takes longer the logger
        ``parhelion.sources`` says so.
        """
        if self._feed is None:
            await super().disconnect()
            return
        self._feed.stop()
        await asyncio.gather(super().disconnect(), self._feed.join())

    @property
    def subscribe_token(self) -> str | None:
        """What others need to watch this session with ``client.realtime.subscribe()``.

        None until the service has told; another one after a reconnect. Give it only to those who
        may watch: the one of a :class:`LocalServer` opens the session without a key, and expires.
        Read it anew for each viewer, since a session that runs long gets newer ones.
        """
        return self._core.subscribe_token

    def send(
        self, frame: object, *, format: PixelFormat | None = None, timestamp: float | None = None
    ) -> int:
        """Queues one frame and returns its id, which the result carries as ``input_id``.

        Of frames that come faster than they can be encoded the newest is kept, and the others are
        counted in :meth:`stats`, unless the session was opened with another :class:`Flow`. Never
        waits, except for room where the flow is ``wait`` and the calling thread may wait: in the
        blocking face, outside its handlers. The array is read before this returns. Any strides
        will do; what is not an array is converted by ``numpy.asarray``.

        Args:
            frame: uint8, of the shape of its format: (H, W, 3) for ``rgb24`` and ``bgr24``,
                (H, W, 4) for ``rgba`` and ``bgra``, (H, W) for ``gray``, (H * 3 / 2, W) with even
                H and W for ``i420``. 1x1 to 3840x2160 pixels, or 2160x3840.
            format: The layout; default is the session's.
            timestamp: Any number of yours; the result carries it.

        Raises:
            InvalidInputError: A ``ValueError``: dtype, shape or size are wrong.
            InvalidStateError: The session is over; its cause is what ended it, unless you did.
            QueueFullError: With ``flow="all"``, and with ``"wait"`` where it does not wait: there
                is no room at present. The frame was not sent; see :meth:`drain`.
        """
        array = as_frame(frame)
        try:
            input_id = self._core.send(array, format, timestamp)
        except InvalidStateError:
            with self._inbox.explained():
                raise
        except TypeError:  # looked at only now: frames come often, and mostly without either
            if format is not None:
                checked_format(format, "send")
            raise InvalidInputError(
                f"timestamp: expected None or a number, got {type(timestamp).__name__}",
                operation="send",
            ) from None
        self._inbox.sent(input_id)
        return input_id

    async def drain(self) -> None:
        """Waits until there is room for another frame: until :meth:`send` does not raise.

        Returns at once when there is room, and always with ``flow="latest"``. Several may wait;
        whoever sends first has the room.

        Raises:
            DisconnectedError: The session is over.
            InvalidStateError: Awaited in another event loop, or called by a handler of the blocking
                face.
        """
        self._inbox.check_loop("drain")
        await self._room(None)
        if self._core.state == "disconnected":
            raise self._inbox.gone("drain")

    def _wait_for_room(self, timeout: float) -> bool:
        """For threads; whether there is room."""
        return self._core.wait_for_room(timeout)

    async def _room(self, result: asyncio.Future[Frame] | None, until: float = math.inf) -> None:
        """Waits for room, the end, the result that makes it unnecessary, or until that time."""
        while self._core.state != "disconnected" and (longest := self._core.room()) is not None:
            left = until - time.monotonic()
            if left <= 0 or (result is not None and result.done()):
                return
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._draining.add(waiter)
            try:
                awaited: set[asyncio.Future[Any]] = {waiter} if result is None else {waiter, result}
                await asyncio.wait(
                    awaited, timeout=min(longest, left), return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                self._draining.discard(waiter)

    async def transform(
        self,
        frame: object,
        *,
        format: PixelFormat | None = None,
        timeout: float = 10.0,
    ) -> Frame:
        """Sends one frame and returns what became of it.

        For single pictures and tests; for video use :meth:`send` and :meth:`recv`, which do not
        wait for each other. A frame that is dropped on its way is sent again. Waits for room
        where :meth:`send` would raise :class:`QueueFullError`; with ``flow="wait"`` frames that
        were sent before and not read yet take that room.

        Args:
            frame: As for :meth:`send`.
            format: As for :meth:`send`.
            timeout: Seconds to wait for the result.

        Raises:
            InvalidInputError: As for :meth:`send`.
            ModelFailedError: The model failed on a frame.
            ServerError: The service reported an error of its own meanwhile.
            ConnectTimeoutError: A ``TimeoutError``: no result came in time.
            DisconnectedError: The session is over.
        """
        self._inbox.check_loop("transform")
        deadline = time.monotonic() + checked_seconds("timeout", timeout, "transform")
        result: asyncio.Future[Frame] = self._loop.create_future()
        ids: list[int] = []
        try:
            while True:
                await self._room(result, deadline)
                if result.done():
                    return result.result()
                with contextlib.suppress(QueueFullError):  # somebody else took the room
                    input_id = self.send(frame, format=format)
                    ids.append(input_id)
                    self._inbox.expect(input_id, result)
                left = max(0.0, deadline - time.monotonic())
                done, _ = await asyncio.wait([result], timeout=min(left, _TRANSFORM_RETRY))
                if done:
                    return result.result()
                if time.monotonic() >= deadline:
                    raise ConnectTimeoutError(
                        f"the transformed frame did not come within {timeout} s",
                        operation="transform",
                        hint="stats().drops tells where frames are lost",
                    )
        finally:
            self._inbox.forget(ids)
            result.cancel()

    async def play_audio(self, audio: object, *, rate: int | None = None) -> None:
        """Plays a clip to a model that is driven by sound; returns when all of it has been sent.

        That takes as long as the clip lasts. Meanwhile it is sent instead of ``send_audio`` and of
        silence. A second clip takes the place of the first as soon as it is ready, and the call of
        the first returns then; one that cannot be read changes nothing. While the connection is
        lost the clip waits, and goes on where it was when it is back.
        A call that is cancelled or interrupted stops its clip.

        A file is decoded while it plays, beside everything else, so that it may be of any length:
        about a second of it is in memory. An array is copied when the call begins.

        Args:
            audio: The bytes of a file, or the path of one: WAV (PCM of 8 to 32 bits, float, ADPCM),
                AIFF, FLAC, MP3 or Ogg Vorbis. Or samples, int16 or float32 from -1.0 to 1.0, of
                shape (samples,) or (samples, channels). 1 to 8 channels, mixed down to two in the
                order of WAV; 8000 to 192000 samples a second. A file that is truncated is played
                as far as it goes.
            rate: Samples a second of an array; None for files.

        Raises:
            InvalidInputError: The model is not driven by sound, or the clip cannot be played: the
                text says why.
            InvalidStateError: The session is over, or was opened with ``audio=False``.
            DisconnectedError: The session ended while the clip played.
        """
        if not self._model["accepts_audio"]:
            driven = ", ".join(model["name"] for model in _core.models() if model["accepts_audio"])
            raise InvalidInputError(
                f"play_audio() needs a model that is driven by sound; {self._model['name']} is not",
                operation="play_audio",
                hint=f"{driven} is; to send sound beside video connect with audio=True and use "
                "send_audio()",
            )
        clip = checked_clip(audio, rate)
        with self._inbox.explained():
            await self._core.play_audio(*clip)

    def send_audio(self, samples: object, *, rate: int = 48_000) -> None:
        """Queues live sound, of a microphone say, to be sent beside the video.

        Needs a session with audio: of a model that is driven by it, with a stream that has audio,
        or with ``audio=True``. Works from any thread and never waits. Call it as the samples are
        made, with any number of them up to a second; a block goes out every 20 ms, and silence
        while there is nothing. More than a second never waits: the oldest make room and are counted
        in :meth:`stats`. What is sent while a clip plays is not heard.

        Args:
            samples: int16 or float32 from -1.0 to 1.0, of shape (samples,) or (samples, channels),
                or an :class:`AudioFrame`.
            rate: Samples a second, 8000 to 192000.

        Raises:
            InvalidInputError: A ``ValueError``: dtype, shape, rate or number are wrong.
            InvalidStateError: The session is over, or was opened without audio.
        """
        if isinstance(samples, AudioFrame):
            rate = samples.rate
            samples = samples.data
        checked = checked_samples(samples, "send_audio"), checked_rate(rate, "send_audio")
        with self._inbox.explained():
            self._core.push_audio(*checked)

    async def set_prompt(
        self, prompt: str | Prompt, *, enhance: bool = True, timeout: float = _PROMPT_TIMEOUT
    ) -> None:
        """Changes the prompt; returns when the service has acknowledged it.

        Frames that are made afterwards are made with it. A reconnect brings it into force again.
        The image stays as it is.

        Args:
            prompt: Not blank, at most 10 000 characters.
            enhance: Whether the service may elaborate on it. A :class:`Prompt` may forbid it too.
            timeout: Seconds to wait for the acknowledgement.

        Raises:
            InvalidInputError: The prompt is no str, blank, or too long.
            InvalidStateError: The session is not connected.
            ServerError: The service refuses the prompt; the one before stays in force.
            ConnectTimeoutError: A ``TimeoutError``: no acknowledgement came in time.
        """
        self._inbox.check_loop("set_prompt")
        # Nothing is cleared by this call: None is no prompt.
        words = prompt_of(prompt, enhance, "set_prompt")
        await self._changes.apply(
            "set_prompt",
            prompt=words[0],
            image=UNSET,
            landmarks=None,
            enhance=words[1],
            timeout=timeout,
        )

    async def set(
        self,
        *,
        prompt: str | Prompt | Unset | None = UNSET,
        image: ImageLike | Unset | None = UNSET,
        landmarks: Landmarks | None = None,
        enhance: bool = True,
        timeout: float = _UPDATE_TIMEOUT,
    ) -> None:
        """Changes prompt, image or both at once; returns when the service has acknowledged it.

        What is left out stays as it is, and None clears it: ``set(prompt="noir")`` keeps the image,
        ``set(image=None)`` keeps the prompt, ``set(prompt=None, image=None)`` lets the video pass
        unchanged. Frames that are made afterwards are made with the new state, and a reconnect
        brings it into force again. A change that fails leaves everything as it was.

        Calls take effect in the order in which they are made, however long an image takes to get
        ready. The service applies one after the other.

        Args:
            prompt: Not blank, at most 10 000 characters.
            image: A reference image:

                - a path, as str or ``os.PathLike``, of a PNG, JPEG or WebP file
                - the bytes of such a file
                - a ``data:`` URL; or base64, if it is surely that of an image
                - an ``http(s)`` URL: fetched from public addresses only, within 10 s and 5
                  redirects. See ``allow_private_image_urls`` of :class:`Client`
                - a ``PIL.Image``: turned as its EXIF data asks
                - an array, uint8, (H, W, 3) in RGB, (H, W, 4) in RGBA or (H, W); copied at once
                - a :class:`Frame`, which knows its layout

                A file has at most 20 MiB, 8192 x 8192 and 50 331 648 pixels, and is sent as it is.
                Pixels are sent as PNG, or as JPEG of quality 95 if the PNG has more than 8 MiB and
                no alpha. They have at most 33 177 600 pixels, as every frame.
            landmarks: Where in the image a face is, for ``live_avatar``: they come with the image,
                and go with it. None: it is looked for.
            enhance: Whether the service may elaborate on the prompt. A :class:`Prompt` may forbid
                it too.
            timeout: Seconds for all of it: the image, earlier calls, and the acknowledgement.

        Raises:
            InvalidInputError: Nothing to set; the prompt is no str, blank, or too long; the image
                is of no kind that can be one, cannot be read or fetched, or is too large; the model
                takes no images; or the landmarks are outside of the image, come without one, or go
                to a model that looks for no face.
            InvalidStateError: The session is not connected.
            ServerError: The service refuses the change.
            ConnectTimeoutError: A ``TimeoutError``: no acknowledgement came in time.
        """
        self._inbox.check_loop("set")
        await self._changes.apply(
            "set",
            prompt=prompt,
            image=image,
            landmarks=landmarks,
            enhance=enhance,
            timeout=timeout,
        )

    async def set_image(
        self,
        image: ImageLike | None,
        *,
        landmarks: Landmarks | None = None,
        prompt: str | Prompt | Unset | None = UNSET,
        enhance: bool | Unset = UNSET,
        timeout: float = _UPDATE_TIMEOUT,
    ) -> None:
        """Changes the image, and the prompt at once with it if one is given.

        Args:
            image: As for :meth:`set`; None clears it.
            landmarks: As for :meth:`set`.
            prompt: As for :meth:`set`; left out, it stays as it is.
            enhance: As for :meth:`set`; only together with a prompt.
            timeout: As for :meth:`set`.

        Raises:
            InvalidInputError: As for :meth:`set`, and if ``enhance`` comes without a prompt.
            InvalidStateError: The session is not connected.
            ServerError: The service refuses the change.
            ConnectTimeoutError: A ``TimeoutError``: no acknowledgement came in time.
        """
        self._inbox.check_loop("set_image")
        given: object = image
        if given is UNSET:
            raise InvalidInputError(
                "image: expected an image or None, got UNSET",
                operation="set_image",
                hint="set(prompt=...) leaves the image as it is",
            )
        if enhance is not UNSET and (prompt is UNSET or prompt is None):
            raise InvalidInputError(
                "enhance: expected a prompt beside it, got none", operation="set_image"
            )
        allowed = True if enhance is UNSET else enhance
        await self._changes.apply(
            "set_image",
            prompt=prompt,
            image=image,
            landmarks=landmarks,
            enhance=allowed,
            timeout=timeout,
        )
