"""What a source is: one interface for every kind of stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from parhelion.errors import InvalidInputError, SourceError
from parhelion.frames import PixelFormat

__all__ = ["AsyncSource", "BlockingSource", "Picture", "Source", "Timeline"]

_USUAL_RATE = 25.0


class Picture(NamedTuple):
    """One picture of a source."""

    data: Any
    """An array, or what ``numpy.asarray`` makes one of."""
    format: PixelFormat | None = None
    """Its layout; None: the session's."""
    position: float | None = None
    """Seconds since the first picture, if the source counts them."""
    timestamp: float | None = None
    """What the transformed frame carries as its ``timestamp``."""


class Timeline:
    """Where in a file its pictures are, although its own times may be missing or turn back."""

    def __init__(self, rate: float | None) -> None:
        self._period = 1 / (rate or _USUAL_RATE)
        self._first: float | None = None
        self._last = 0.0

    def place(self, time: float | None) -> float:
        """Seconds from the first picture to the one that the file gives this time."""
        if self._first is None:
            self._first = 0.0 if time is None else time
            return 0.0
        here = -1.0 if time is None else time - self._first
        self._last = here if here > self._last else self._last + self._period
        return self._last


class Source:
    """Where pictures come from. The attributes hold once it is open."""

    description: str
    """For texts: which source it is, without secrets."""
    is_camera: bool = False
    """Whether somebody looks into it, and would like to see themselves mirrored."""
    is_live: bool = False
    """Whether pictures come when they happen; the others come when they are asked for."""
    rate: float | None = None
    """Pictures a second, if it has a rate of its own."""

    def failed(self, number: int, error: BaseException) -> SourceError:
        """What the user gets when the source raises instead of giving a picture."""
        if isinstance(error, SourceError):
            return error
        return _caused(error, f"{self.description} failed at picture {number}: {error}")

    def refused(self, number: int, error: Exception) -> SourceError:
        """What the user gets when a picture cannot be sent."""
        return _caused(error, f"picture {number} of {self.description}: {_text(error)}")


class BlockingSource(Source):
    """A source that may take its time: all its methods run on one thread, which is its own."""

    def open(self) -> None:
        """Makes sure that pictures will come.

        Raises:
            SourceError: They will not; the text says why.
        """

    def pictures(self) -> Iterator[Any]:
        """The pictures. Called once."""
        raise NotImplementedError

    def close(self) -> None:
        """Releases what :meth:`open` acquired."""


class AsyncSource(Source):
    """A source that is read in the event loop of its session."""

    def pictures(self) -> AsyncIterator[Any]:
        """The pictures. Called once."""
        raise NotImplementedError


def _caused(error: BaseException, text: str) -> SourceError:
    made = SourceError(
        text, operation="stream", hint=error.hint if isinstance(error, InvalidInputError) else None
    )
    made.__cause__ = error
    return made


def _text(error: Exception) -> str:
    return error.message if isinstance(error, InvalidInputError) else str(error)
