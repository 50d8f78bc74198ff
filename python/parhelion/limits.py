"""Numbers within limits."""

from __future__ import annotations

import math
import operator
from typing import SupportsIndex, cast

from parhelion.errors import InvalidInputError, InvalidOptionsError, ParhelionError


def checked_seconds(
    name: str,
    value: object,
    operation: str | None = None,
    error: type[ParhelionError] = InvalidInputError,
) -> float:
    """A finite number of seconds above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise error(
            f"{name}: expected seconds above 0, got {type(value).__name__}", operation=operation
        )
    if not 0 < value < math.inf:
        raise error(f"{name}: expected seconds above 0, got {value!r}", operation=operation)
    return float(value)


def checked_int(
    name: str,
    value: object,
    low: int,
    high: int,
    error: type[ParhelionError] = InvalidOptionsError,
) -> int:
    """A whole number within limits, numpy's included."""
    expected = f"{name}: expected an int from {low} to {high}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise error(f"{expected}, got {value!r}")
    number = operator.index(cast("SupportsIndex", value))
    if not low <= number <= high:
        raise error(f"{expected}, got {value!r}")
    return number


def checked_bitrates(
    minimum: object,
    start: object,
    maximum: object,
    error: type[ParhelionError] = InvalidOptionsError,
) -> dict[str, int]:
    """The bounds of a bitrate and where it begins, bits per second."""
    most = checked_int("max_bitrate", maximum, 100_000, 50_000_000, error)
    least = min(checked_int("min_bitrate", minimum, 50_000, 50_000_000, error), most)
    if start is None:
        start = max(least, min(most, 3_000_000))
    first = checked_int("start_bitrate", start, 50_000, 50_000_000, error)
    if not least <= first <= most:
        raise error(
            f"start_bitrate: expected {least} to {most}, from min_bitrate to max_bitrate, "
            f"got {first}"
        )
    return {"min_bitrate": least, "start_bitrate": first, "max_bitrate": most}


def checked_wait(timeout: object, operation: str) -> float | None:
    """How long to wait: None for ever, or seconds from 0."""
    if timeout is None:
        return None
    expected = "timeout: expected None or seconds from 0"
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise InvalidInputError(f"{expected}, got {type(timeout).__name__}", operation=operation)
    if not timeout >= 0:
        raise InvalidInputError(f"{expected}, got {timeout!r}", operation=operation)
    return timeout


def checked_text(name: str, value: object, operation: str) -> str:
    """A str that is not blank."""
    if not isinstance(value, str):
        raise InvalidInputError(
            f"{name}: expected str, got {type(value).__name__}", operation=operation
        )
    if not value.strip():
        raise InvalidInputError(f"{name}: expected text, got a blank str", operation=operation)
    return value
