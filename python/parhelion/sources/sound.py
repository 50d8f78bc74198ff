"""The audio of a stream: iterables of samples, and the pace at which they are sent."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import numpy.typing as npt

from parhelion.audio import AudioFrame, checked_rate, checked_samples
from parhelion.errors import InvalidInputError
from parhelion.sources.base import Source
from parhelion.sources.iterables import AsyncIterableSource, IterableSource

__all__ = ["AsyncSoundSource", "SoundLane", "SoundSource"]

# Seconds in one piece, at most.
_PIECE = 0.1
# How far ahead of its time a piece is sent, seconds: what a late thread may be late by.
_AHEAD = 0.1


class Sound(NamedTuple):
    """Samples that are sent at once."""

    samples: npt.NDArray[Any]
    """(samples,) or (samples, channels)."""
    rate: int
    """Samples a second."""


def pieces(item: Any) -> Iterator[Sound]:
    """An item of the user's, in pieces of a tenth of a second."""
    rate: object = 48_000
    if isinstance(item, AudioFrame):
        item, rate = item.data, item.rate
    elif isinstance(item, tuple):
        if len(item) != 2:
            raise InvalidInputError(
                f"expected an array, or an array and its rate, got a tuple of {len(item)}"
            )
        item, rate = item
    samples, whole = checked_samples(item, "stream"), checked_rate(rate, "stream")
    if samples.ndim == 0:
        raise InvalidInputError(f"expected an array of samples, got {type(item).__name__}")
    step = max(1, int(whole * _PIECE))
    # Of an array without samples the one piece is refused with a reason.
    for start in range(0, max(1, len(samples)), step):
        yield Sound(samples[start : start + step], whole)


class SoundSource(IterableSource):
    """A list, a generator, a microphone: anything that ``for`` can go through."""

    def __init__(self, items: Any) -> None:
        super().__init__(items, lambda item: item)

    def pictures(self) -> Iterator[Any]:
        for item in super().pictures():
            yield from pieces(item)


class AsyncSoundSource(AsyncIterableSource):
    """The same with ``async for``."""

    def __init__(self, items: Any) -> None:
        super().__init__(items, lambda item: item)

    def pictures(self) -> AsyncIterator[Any]:
        return _Pieces(super().pictures())


class _Pieces(AsyncIterator[Any]):
    def __init__(self, items: AsyncIterator[Any]) -> None:
        self._items = items
        self._waiting: deque[Sound] = deque()

    async def __anext__(self) -> Sound:
        while not self._waiting:
            self._waiting.extend(pieces(await anext(self._items)))
        return self._waiting.popleft()


class SoundLane:
    """Sends samples as fast as they sound. A microphone, which comes by itself, never waits."""

    leaves_out = False

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # When what was sent so far has sounded.
        self._end: float | None = None

    def begin(self, source: Source) -> None:
        """Nothing depends on the source."""

    def delay(self, sound: Sound) -> float:
        """Seconds until the piece may be sent."""
        now = self._clock()
        # A source that is late is not caught up with: it would come in a burst.
        start = now if self._end is None else max(self._end, now)
        self._end = start + len(sound.samples) / sound.rate
        return max(0.0, start - now - _AHEAD)

    def send(self, session: Any, sound: Sound) -> None:
        """Sends it beside the video."""
        session.send_audio(sound.samples, rate=sound.rate)
