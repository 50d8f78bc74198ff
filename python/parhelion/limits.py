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


def checked_int(name: str, value: object, low: int, high: int) -> int:
    """A whole number within limits, numpy's included."""
    expected = f"{name}: expected an int from {low} to {high}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidOptionsError(f"{expected}, got {value!r}")
    number = operator.index(cast("SupportsIndex", value))
    if not low <= number <= high:
        raise InvalidOptionsError(f"{expected}, got {value!r}")
    return number


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
