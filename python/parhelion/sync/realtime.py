"""One real-time session, for callers that wait on their own thread."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

import parhelion.realtime
from parhelion.errors import QueueFullError
from parhelion.frames import Frame, PixelFormat
from parhelion.images import ImageLike
from parhelion.landmarks import Landmarks
from parhelion.limits import checked_seconds
from parhelion.prompts import Prompt
from parhelion.sync.session import Session
from parhelion.unset import UNSET, Unset

__all__ = ["RealTimeClient"]

_Result = TypeVar("_Result")

# How long to wait at once for a frame that makes room; another may be lost meanwhile.
_LOOK_SECONDS = 0.05


class RealTimeClient(Session):
    """A session with a real-time model; made by ``client.realtime.connect()``.

    Any thread may call anything. Handlers run on the thread that all blocking sessions of the
    process share: there :meth:`on`, :meth:`off`, :meth:`send`, :meth:`stats` and
    :meth:`disconnect` work, and calls that would wait raise :class:`InvalidStateError`. A handler
    that blocks keeps the handlers and answers of all these sessions waiting; frames flow on.
    """

    _session: parhelion.realtime.RealTimeClient

    def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second.

        The stream that was given to ``connect`` is left where it is. A source that was opened for
        it is closed; what you opened yourself stays open. A source that is in the middle of
        something is waited for, for half a second; if it takes longer the logger
        ``parhelion.sources`` says so.
        """
        super().disconnect()

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
        self._begin()
        while True:
            try:
                return self._session.send(frame, format=format, timestamp=timestamp)
            except QueueFullError:
                waits = self._session._waits  # noqa: SLF001 - same package
                if not waits or self._background.is_current():
                    raise
            self._core.wait_for_room()

    def drain(self) -> None:
        """Waits until there is room for another frame: until :meth:`send` does not raise.

        Returns at once when there is room, and always with ``flow="latest"``. Several may wait;
        whoever sends first has the room.

        Raises:
            DisconnectedError: The session is over.
            InvalidStateError: Awaited in another event loop, or called by a handler of the blocking
                face.
        """
        self._background.check("drain")
        self._begin()
        self._core.wait_for_room()
        if not self._inbox.is_open():
            raise self._inbox.end_in_thread("drain")

    def process(
        self, frame: object, *, format: PixelFormat | None = None, timeout: float = 10.0
    ) -> npt.NDArray[np.uint8]:
        """Sends one frame and returns the newest transformed picture that there is.

        For capture loops. Waits only for the first picture; afterwards it returns at once, with
        the result of this frame or of one shortly before it. So a loop runs as fast as its camera,
        shows no more delay than the way there and back takes, and never falls behind. While nothing
        newer has come, it returns the same array again: copy it before you draw into it.

        Args:
            frame: As for :meth:`send`.
            format: As for :meth:`send`.
            timeout: Seconds to wait for the first picture, and for room where the flow needs it.

        Returns:
            The pixels in the format of the session, uint8, as ``Frame.data``: an array, since
            OpenCV takes nothing else. For ids and times use :meth:`recv`.

        Raises:
            InvalidInputError: As for :meth:`send`.
            ModelFailedError: The model failed on the first frame.
            ConnectTimeoutError: A ``TimeoutError``: no picture came in time.
            QueueFullError: With ``flow="all"`` or ``"wait"``: there was no room in time.
            InvalidStateError: The session is over.
        """
        self._background.check("process")
        checked_seconds("timeout", timeout, "process")
        if self._inbox.newest is None:
            self._inbox.keeps_newest = True
            return self.transform(frame, format=format, timeout=timeout).data
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._session.send(frame, format=format)
                break
            except QueueFullError:
                if time.monotonic() >= deadline:
                    raise
            # What comes back makes room, and is wanted anyway.
            self._inbox.take_in_thread(_LOOK_SECONDS)
        while self._inbox.take_now() is not None:
            pass
        return self._inbox.newest.data

    def transform(
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
        transform = self._session.transform
        return self._run(
            "transform", lambda: transform(frame, format=format, timeout=timeout), timeout
        )

    def play_audio(self, audio: object, *, rate: int | None = None) -> None:
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
        self._begin()
        play_audio = self._session.play_audio
        self._background.run("play_audio", lambda: play_audio(audio, rate=rate))

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
        self._begin()
        self._session.send_audio(samples, rate=rate)

    def set_prompt(
        self, prompt: str | Prompt, *, enhance: bool = True, timeout: float = 15.0
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
        set_prompt = self._session.set_prompt
        self._run(
            "set_prompt",
            lambda: set_prompt(prompt, enhance=enhance, timeout=timeout),
            timeout,
        )

    def set(
        self,
        *,
        prompt: str | Prompt | Unset | None = UNSET,
        image: ImageLike | Unset | None = UNSET,
        landmarks: Landmarks | None = None,
        enhance: bool = True,
        timeout: float = 30.0,
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
        change = self._session.set
        self._run(
            "set",
            lambda: change(
                prompt=prompt, image=image, landmarks=landmarks, enhance=enhance, timeout=timeout
            ),
            timeout,
        )

    def set_image(
        self,
        image: ImageLike | None,
        *,
        landmarks: Landmarks | None = None,
        prompt: str | Prompt | Unset | None = UNSET,
        enhance: bool | Unset = UNSET,
        timeout: float = 30.0,
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
        set_image = self._session.set_image
        self._run(
            "set_image",
            lambda: set_image(
                image, landmarks=landmarks, prompt=prompt, enhance=enhance, timeout=timeout
            ),
            timeout,
        )

    def _run(
        self, operation: str, begin: Callable[[], Awaitable[_Result]], timeout: float
    ) -> _Result:
        """Waits for a coroutine that keeps a time limit by itself, or says that it is none."""
        self._begin()
        return self._background.run(operation, begin, timeout)
