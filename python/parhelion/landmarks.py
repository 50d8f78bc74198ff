"""Where the parts of a face are, from who knows better than the service."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import InvalidInputError

__all__ = ["Landmarks"]

Place: TypeAlias = Union["tuple[float, float]", Sequence[float], npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Landmarks:
    """Where the parts of a face are in a portrait.

    Places are (x, y) in pixels of the picture as it is shown: x to the right and y down from its
    upper left corner, fractions allowed. A file that asks by its EXIF data to be turned is turned
    first; of an array or a :class:`Frame` they are columns and rows. Left is what is at the left of
    the picture, which in a portrait is the right side of whom it shows.

    A face that is seen from the side has one eye. Of who looks to the left of the picture that is
    ``right_eye``; ``mouth_right`` is the corner of the mouth then, and ``mouth_left`` the place at
    which the lips meet at the outline. Of who looks to the right it is the other way round.

    What is not given is looked for, near where it should be. A place has to be inside of the
    picture, which is looked at when both are set.

    Raises:
        InvalidInputError: A place is no pair of finite numbers, or this is no face: there is no
            eye, or one without a mouth, the eyes are exchanged, less than 4 pixels apart or turned
            by more than 35 degrees, only one corner of the mouth is given, the mouth is not below
            the eyes, the chin not below the mouth, or either far from where it is in any face.
    """

    left_eye: Place | None = None
    """The middle of the eye at the left of the picture; None if it is not seen."""
    right_eye: Place | None = None
    """The middle of the other."""
    mouth_left: Place | None = None
    """The corner of the mouth at the left of the picture; both corners or none."""
    mouth_right: Place | None = None
    """The other corner."""
    chin: Place | None = None
    """The lowest place of the chin."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            place = getattr(self, field.name)
            if place is not None:
                # The only way to set an attribute of a frozen one.
                object.__setattr__(self, field.name, _checked(field.name, place))
        _core.check_landmarks(dataclasses.asdict(self), "Landmarks")


def _checked(name: str, place: object) -> tuple[float, float]:
    """A place as two floats of Python."""
    if isinstance(place, np.ndarray):
        place = place.tolist()
    got = type(place).__name__
    if isinstance(place, Sequence) and not isinstance(place, (str, bytes)):
        parts = [float(part) for part in place if _is_number(part)]
        if len(parts) == len(place) == 2:
            return parts[0], parts[1]
        got = f"{got} of {', '.join(type(part).__name__ for part in place[:4]) or 'nothing'}"
    raise InvalidInputError(
        f"landmarks: {name}: expected (x, y), two numbers, got {got}", operation="Landmarks"
    )


def _is_number(part: object) -> bool:
    return isinstance(part, numbers.Real) and not isinstance(part, (bool, np.bool_))


def checked_landmarks(
    landmarks: object, has_image: bool, model: dict[str, Any], operation: str
) -> dict[str, Any] | None:
    """Landmarks as the core takes them, if they go with an image for a model that looks at them."""
    if landmarks is None:
        return None
    if not isinstance(landmarks, Landmarks):
        raise InvalidInputError(
            f"landmarks: expected Landmarks or None, got {type(landmarks).__name__}",
            operation=operation,
            hint="write parhelion.Landmarks(left_eye=(x, y), right_eye=(x, y))",
        )
    if not has_image:
        raise InvalidInputError(
            "landmarks: expected the image beside them, got none",
            operation=operation,
            hint="they belong to one picture; set both in one call",
        )
    if not model["accepts_audio"]:
        raise InvalidInputError(
            f"landmarks: the model {model['name']!r} looks for no face and would ignore them",
            operation=operation,
            hint="use live_avatar",
        )
    return dataclasses.asdict(landmarks)
