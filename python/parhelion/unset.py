"""The value of what is not given, where None means something else."""

from __future__ import annotations

import enum
from typing import Final, Literal

__all__ = ["UNSET", "Unset"]


class Unset(enum.Enum):
    """The type of :data:`UNSET`, for annotations.

    ``UNSET`` leaves a part of a session as it is; None clears it. Compare with ``is``: both are
    false in a condition.
    """

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
