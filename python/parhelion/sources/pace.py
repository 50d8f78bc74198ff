"""When the next piece of a stream is due."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace"]

Clock = Callable[[], float]


class Pace:
    """Lets pictures go ``rate`` a second, or at the times that a file gives them."""

    def __init__(self, rate: float, clock: Clock = time.monotonic) -> None:
        self._period = 1 / rate
        self._clock = clock
        self._due: float | None = None
        self._position: float | None = None

    def wait(self, position: float | None = None) -> float:
        """Seconds until the next picture is due.

        One that is late by more than a period delays those after it, which would come in a burst.
        """
        now = self._clock()
        step = self._step(position)
        due = now if self._due is None else self._due + step
        self._due = due if due > now - step else now
        return max(0.0, self._due - now)

    def allows(self) -> bool:
        """Whether a picture that comes by itself, now, is within the rate."""
        now = self._clock()
        # A camera is not punctual: what is a little early counts as in time.
        if self._due is not None and now < self._due + 0.75 * self._period:
            return False
        self._due = now if self._due is None else max(self._due + self._period, now - self._period)
        return True

    def _step(self, position: float | None) -> float:
        last, self._position = self._position, position
        if position is None or last is None:
            return self._period
        # Times that jump are not followed.
        step = position - last
        return step if 0 < step <= 1 else self._period
