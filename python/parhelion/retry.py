"""How patiently a connection is made again."""

from __future__ import annotations

import dataclasses
from typing import Any

from parhelion.errors import InvalidOptionsError
from parhelion.limits import checked_int, checked_seconds

__all__ = ["RetryPolicy"]

_MOST = 100
_LARGEST_FACTOR = 100.0


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a connection is made again, at first and after a loss.

    The first attempt to come back is made at once if the connection had lasted five seconds, or had
    never been lost before. Each delay is the one before it times ``factor``, from ``min_delay`` to
    ``max_delay``, less a part that chance decides. While a service that was there cannot be reached
    at all, because its port refuses or the network is gone, no delay is longer than a second:
    trying costs it nothing, and a session is back within two seconds of the service.

    What will not pass is not tried again, however much is left: a key that is refused, an unknown
    model, a session that the service has ended for good.

    Args:
        attempts: How often to try again, 0 to 100. None: 5 times when a session is opened; when it
            was lost, as often as there is time for.
        min_delay: Seconds before the first try again, above 0.
        max_delay: The longest delay in seconds, at least ``min_delay``.
        factor: From one delay to the next, 1 to 100.
        jitter: The part of a delay, 0 to 1, that chance may take away, so that clients that lost
            the same service do not all return at the same moment.
        total: Seconds for coming back, all attempts together; ``timeout`` of ``connect`` bounds the
            opening. Time that the machine slept through does not count.

    Raises:
        InvalidOptionsError: A value is out of range.
    """

    attempts: int | None = None
    min_delay: float = 0.5
    max_delay: float = 10.0
    factor: float = 2.0
    jitter: float = 0.2
    total: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts is not None:
            checked_int("attempts", self.attempts, 0, _MOST)
        for name in ("min_delay", "max_delay", "total"):
            checked_seconds(name, getattr(self, name), error=InvalidOptionsError)
        if self.max_delay < self.min_delay:
            raise InvalidOptionsError(
                f"max_delay: expected at least min_delay ({self.min_delay}), got {self.max_delay}"
            )
        for name, low, high in (("factor", 1.0, _LARGEST_FACTOR), ("jitter", 0.0, 1.0)):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not low <= value <= high
            ):
                raise InvalidOptionsError(
                    f"{name}: expected a number from {low:g} to {high:g}, got {value!r}"
                )


def retry_arguments(retry: RetryPolicy | None, attempts: int | None) -> dict[str, Any]:
    """A policy as the core takes it. ``attempts`` is the short way to say how often.

    Raises:
        InvalidOptionsError: It is no policy, or it says how often as well.
    """
    policy = RetryPolicy() if retry is None else retry
    if not isinstance(policy, RetryPolicy):
        raise InvalidOptionsError(f"retry: expected a RetryPolicy, got {type(retry).__name__}")
    if attempts is not None:
        if policy.attempts is not None:
            raise InvalidOptionsError(
                "attempts: expected it once, got it in retry as well",
                hint="write retry=RetryPolicy(attempts=...)",
            )
        attempts = checked_int("attempts", attempts, 0, _MOST)
        policy = dataclasses.replace(policy, attempts=attempts)
    return dataclasses.asdict(policy)
