"""Every kind of stream that ``connect`` takes, behind one interface."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parhelion.audio import AudioFrame
from parhelion.errors import InvalidInputError, InvalidOptionsError
from parhelion.frames import Frame
from parhelion.sources.base import Source
from parhelion.sources.files import FileSource
from parhelion.sources.iterables import AsyncIterableSource, IterableSource, as_picture
from parhelion.sources.opencv import CaptureSource, is_capture
from parhelion.sources.pump import Lane
from parhelion.sources.sound import AsyncSoundSource, SoundLane, SoundSource
from parhelion.sources.video import SendPolicy, VideoLane

__all__ = ["Media"]

_EXPECTED = (
    "None, an iterable or async iterable of arrays, a cv2.VideoCapture, a path, a URL, the index "
    "of a camera, or an object with video and audio"
)
_ONE_PICTURE = "one picture is no stream: connect with None, then give it to transform() or send()"


@dataclasses.dataclass(frozen=True)
class Media:
    """Video and audio that belong together.

    Any other object with attributes ``video`` and ``audio`` will do as well.
    """

    video: Any = None
    """A stream by itself: an iterable, a capture, a path, a URL, the index of a camera. None:
    frames are given to ``send``."""
    audio: Any = None
    """An iterable or async iterable of arrays, (samples,) or (samples, channels), int16 or
    float32, 48 kHz; an item may also be an :class:`AudioFrame`, or a pair of such an array and its
    rate. Sent as fast as it sounds; what a microphone gives is sent as it comes. None: no
    audio."""


def halves_of(
    stream: Any, *, format: str, policy: SendPolicy, fps: float | None, model_fps: float
) -> list[tuple[Source, Lane]]:
    """The sources of a stream, each with how it is sent; nothing is opened yet.

    Args:
        stream: What the user gave.
        format: The layout of arrays that do not tell theirs.
        policy: What the session does with frames that come too fast.
        fps: The rate that the user asked for, if any.
        model_fps: The rate of the model.

    Raises:
        InvalidInputError: It is no stream.
        InvalidOptionsError: A rate was asked for, and there is nothing to send.
    """
    video, audio = stream, None
    if hasattr(stream, "video") and hasattr(stream, "audio"):
        video, audio = stream.video, stream.audio
    if fps is not None and video is None:
        raise InvalidOptionsError(
            f"fps: expected None without a video stream, got {fps!r}",
            hint="the rate of send() is your own",
        )
    halves: list[tuple[Source, Lane]] = []
    if video is not None:
        lane = VideoLane(policy, fps, model_fps)
        halves.append((video_source(video, format), lane))
    if audio is not None:
        halves.append((sound_source(audio), SoundLane()))
    return halves


def sends_sound(halves: Sequence[tuple[Source, Lane]]) -> bool:
    """Whether there is audio among them."""
    return any(isinstance(lane, SoundLane) for _, lane in halves)


def sound_source(stream: Any) -> Source:
    """The source that reads such audio; nothing is opened yet.

    Raises:
        InvalidInputError: It is no audio.
    """
    hint = None
    if isinstance(stream, (np.ndarray, AudioFrame)):
        hint = "one recording is no stream: give it to play_audio(), or put it into a list"
    elif hasattr(stream, "__aiter__"):
        return AsyncSoundSource(stream)
    elif _iterable(stream) and not isinstance(stream, (str, os.PathLike)):
        return SoundSource(stream)
    raise InvalidInputError(
        f"audio: expected an iterable or async iterable of arrays, got {type(stream).__name__}",
        operation="connect",
        hint=hint,
    )


def video_source(stream: Any, format: str) -> Source:
    """The source that reads such a stream; nothing is opened yet.

    Raises:
        InvalidInputError: It is no stream.
    """
    if isinstance(stream, (int, np.integer)) and not isinstance(stream, bool):
        return FileSource(int(stream))
    if isinstance(stream, (str, os.PathLike)):
        return FileSource(stream)
    if is_capture(stream):
        return CaptureSource(stream)
    if isinstance(stream, Frame):
        raise _refused("a Frame", _ONE_PICTURE)
    if isinstance(stream, np.ndarray):
        return IterableSource(_stack(stream, format), as_picture)
    if hasattr(stream, "__aiter__"):
        return AsyncIterableSource(stream, as_picture)
    if _iterable(stream):
        return IterableSource(stream, as_picture)
    hint = None
    if inspect.isgeneratorfunction(stream) or inspect.isasyncgenfunction(stream):
        hint = f"call it: {getattr(stream, '__name__', 'stream')}()"
    raise _refused(type(stream).__name__, hint)


def _iterable(stream: Any) -> bool:
    if isinstance(stream, (bytes, bytearray, memoryview, Mapping, type)):
        return False
    # The second is how sequences can be gone through that do not say so.
    return hasattr(stream, "__iter__") or (
        hasattr(stream, "__getitem__") and hasattr(stream, "__len__")
    )


def _stack(array: np.ndarray[Any, Any], format: str) -> np.ndarray[Any, Any]:
    """An array of pictures, one behind the other."""
    picture = 2 if format in ("gray", "i420") else 3
    if array.ndim == picture + 1:
        return array
    hint = _ONE_PICTURE if array.ndim == picture else f"a stack of {format} has {picture + 1} axes"
    raise _refused(f"an array of shape {array.shape}", hint)


def _refused(got: str, hint: str | None) -> InvalidInputError:
    return InvalidInputError(
        f"stream: expected {_EXPECTED}, got {got}", operation="connect", hint=hint
    )
