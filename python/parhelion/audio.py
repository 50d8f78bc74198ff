"""Sound: what comes back, and what can be played and sent."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import (
    ConnectTimeoutError,
    InvalidInputError,
    InvalidStateError,
    ParhelionError,
)
from parhelion.limits import checked_wait

__all__ = ["AudioFrame"]

_RATE = 48_000
_MIN_RATE = 8_000
_MAX_RATE = 192_000
_CLIP = "bytes, the path of a file, or an array with its rate"


class AudioFrame:
    """20 ms of sound.

    Usable wherever an array is expected (``np.asarray(frame)`` copies nothing).

    Attributes:
        data: The samples, int16, shape (960, 2): left and right, C-contiguous and writable. Sound
            with one channel has it twice.
        rate: Samples a second: 48000.
        capture_time: When the first sample was captured, in seconds since the Unix epoch; the same
            clock as :attr:`Frame.capture_time`, so that sound can be set against pictures. For
            samples of ``send_audio``: when it was called. For a clip: when the sample was sent.
            None if the service does not tell (it has not negotiated abs-capture-time).
        received_at: When the frame was ready here, in seconds since the Unix epoch.
    """

    __slots__ = ("capture_time", "data", "rate", "received_at")

    def __init__(
        self,
        data: npt.NDArray[np.int16],
        *,
        rate: int = _RATE,
        capture_time: float | None = None,
        received_at: float | None = None,
    ) -> None:
        self.data = data
        self.rate = rate
        self.capture_time = capture_time
        self.received_at = received_at

    @property
    def samples(self) -> int:
        """Samples of one channel."""
        return int(self.data.shape[0])

    @property
    def channels(self) -> int:
        """Channels."""
        return int(self.data.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.rate

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if dtype is not None and np.dtype(dtype) != self.data.dtype:
            if copy is False:
                raise ValueError(f"int16 samples cannot become {np.dtype(dtype)} without a copy")
            return self.data.astype(dtype)
        return self.data.copy() if copy else self.data

    def __repr__(self) -> str:
        return (
            f"<AudioFrame {self.samples}x{self.channels}, {self.rate} Hz, "
            f"capture_time={self.capture_time}>"
        )


class AudioInbox:
    """Hands received sound to those who wait for it; the rest waits in the core.

    Belongs to the event loop it was made in.
    """

    def __init__(
        self,
        core: _core.Session,
        check_loop: Callable[[str], None],
        gone: Callable[[str], ParhelionError],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._core = core
        self._check_loop = check_loop
        self._gone = gone
        self._receivers: deque[asyncio.Future[AudioFrame]] = deque()
        self._closed = False

    async def recv(self, timeout: float | None) -> AudioFrame:
        """The next frame; see :meth:`RemoteStream.recv_audio`."""
        self._check_loop("recv_audio")
        timeout = checked_wait(timeout, "recv_audio")
        if not self._core.has_audio:
            raise InvalidStateError(
                "recv_audio() needs a session with audio; this one was opened without",
                operation="recv_audio",
                hint="pass audio=True to connect()",
            )
        if not self._receivers and (frame := self._take()) is not None:
            return frame
        if self._closed:
            raise self._gone("recv_audio")
        receiver: asyncio.Future[AudioFrame] = self._loop.create_future()
        self._receivers.append(receiver)
        self.deliver()
        try:
            return await asyncio.wait_for(receiver, timeout)
        except asyncio.TimeoutError:
            raise ConnectTimeoutError(
                f"no audio came within {timeout} s", operation="recv_audio"
            ) from None

    def deliver(self) -> None:
        """Hands out frames while somebody wants one."""
        while self._wanted() and (frame := self._take()) is not None:
            self._receivers.popleft().set_result(frame)

    def close(self) -> None:
        """Nobody waits for the sound of a session that is over."""
        self.deliver()
        self._closed = True
        while self._wanted():
            self._receivers.popleft().set_exception(self._gone("recv_audio"))

    def _wanted(self) -> bool:
        while self._receivers and self._receivers[0].done():
            self._receivers.popleft()
        return bool(self._receivers)

    def _take(self) -> AudioFrame | None:
        taken = self._core.try_recv_audio()
        if taken is None:
            return None
        data, capture_time, received_at = taken
        return AudioFrame(data, capture_time=capture_time, received_at=received_at)


def checked_clip(audio: object, rate: object) -> tuple[Any, int | None]:
    """A clip as the core takes it: bytes, a path or an array; and the rate of an array."""
    if isinstance(audio, AudioFrame):
        rate = audio.rate if rate is None else rate
        audio = audio.data
    if isinstance(audio, np.ndarray):
        if rate is None:
            raise _refused("rate: expected the samples a second of the array, got None")
        return audio, checked_rate(rate, "play_audio")
    if not isinstance(audio, (bytes, bytearray, memoryview, str, os.PathLike)):
        raise _refused(f"audio: expected {_CLIP}, got {type(audio).__name__}")
    if rate is not None:
        raise _refused(f"rate: expected None with a file, which says its own, got {rate!r}")
    if isinstance(audio, (str, os.PathLike)):
        path = os.fsdecode(audio)
        if path.partition(":")[0] in ("http", "https", "data", "file"):
            raise _refused(
                f"audio: expected {_CLIP}, got a {path.partition(':')[0]} URL",
                "fetch it yourself, and pass its bytes",
            )
        if "\0" in path:
            raise _refused("audio: the path contains a NUL")
        return path, None
    return bytes(audio), None


def checked_samples(samples: object, operation: str) -> npt.NDArray[Any]:
    """The array of anything that is one; its shape and dtype are checked by the core."""
    array = samples if isinstance(samples, np.ndarray) else np.asarray(samples)
    if array.dtype.kind not in "iuf":
        raise InvalidInputError(
            f"audio: expected an array of samples, got {type(samples).__name__}",
            operation=operation,
        )
    return array


def checked_rate(rate: object, operation: str) -> int:
    """The rate, if it is one."""
    whole = isinstance(rate, (int, np.integer)) and not isinstance(rate, bool)
    if isinstance(rate, float) and rate.is_integer():
        whole = True
    if not whole or not _MIN_RATE <= rate <= _MAX_RATE:  # type: ignore[operator]
        raise InvalidInputError(
            f"rate: expected {_MIN_RATE} to {_MAX_RATE} samples a second, got {rate!r}",
            operation=operation,
        )
    return int(rate)  # type: ignore[call-overload, no-any-return]


def _refused(text: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(text, operation="play_audio", hint=hint)
