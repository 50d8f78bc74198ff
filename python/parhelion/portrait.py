"""Portraits for ``live_avatar``: looking at what is found in them, and a detector for photographs.

Nothing here is used by a session by itself: a picture that is sent is looked at by the service.
:func:`look` shows what the local one would find. :func:`find_landmarks` is another pair of eyes,
for photographs in which it finds nothing or the wrong thing::

    from parhelion.portrait import find_landmarks

    await session.set_image(photo, landmarks=find_landmarks(photo))

It needs OpenCV, which the extra ``parhelion[portrait]`` installs; its detector is part of that
package, and nothing is loaded at run time.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from parhelion.errors import InvalidInputError
from parhelion.images import ImageLike, source_of
from parhelion.landmarks import Landmarks

__all__ = ["Look", "find_landmarks", "look"]

# The longer side of the picture that is searched, in pixels.
_LONGEST: Final = 640
# How far a small picture is enlarged: small faces are not seen.
_MOST: Final = 3.0
# The least side of a face, in parts of the shorter side of the picture.
_SMALLEST: Final = 0.12
# Turns of the head on the shoulder that are tried, in degrees, until there is a face.
_TURNS: Final = (0, -20, 20)


@dataclasses.dataclass(frozen=True)
class Look:
    """What the local ``live_avatar`` takes for the face of a portrait."""

    picture: npt.NDArray[np.uint8] = dataclasses.field(repr=False)
    """The portrait, (H, W, 3) in RGB, with its marks drawn over: eyes and lids blue, brows, nose
    and jaw green, lips red, their line yellow; white crosses where landmarks were given."""
    landmarks: Landmarks | None
    """Where its parts are, as they may be given: without a chin that is outside of the picture, and
    without a mouth where none is likely. None: no face was found."""
    likeness: float
    """How much it is like a face, 0 to 1; 1 where landmarks were given."""
    faces: int
    """How many faces there seem to be, 0 to 3; of several the one that speaks is marked."""


def look(image: ImageLike, landmarks: Landmarks | None = None) -> Look:
    """Looks at a portrait as the local ``live_avatar`` does.

    Takes about half a second for a photograph.

    Args:
        image: Of any kind that ``set_image`` takes, but no http(s) URL.
        landmarks: What is known of it, as for ``set_image``.

    Raises:
        InvalidInputError: The image cannot be read, or the landmarks are outside of it.
    """
    source = source_of(image, "look")
    if landmarks is not None and not isinstance(landmarks, Landmarks):
        raise InvalidInputError(
            f"landmarks: expected Landmarks or None, got {type(landmarks).__name__}",
            operation="look",
        )
    given = None if landmarks is None else dataclasses.asdict(landmarks)
    picture, places, likeness, faces = source.look(given, "look")
    return Look(picture, _face(places, picture), likeness, faces)


def find_landmarks(image: ImageLike) -> Landmarks | None:
    """Finds the face of a photograph with the detectors that are part of OpenCV.

    They were learned from faces seen from the front (Viola and Jones, "Rapid object detection using
    a boosted cascade of simple features", 2001), so they know photographs of people better than
    drawings. They say where a face is, and mostly where its eyes are; its mouth is looked for
    there as the service does. Takes a tenth of a second.

    Args:
        image: Of any kind that ``set_image`` takes, but no http(s) URL. Turned as its EXIF data
            asks, as everywhere.

    Returns:
        The landmarks of the largest face, for ``set_image(image, landmarks=...)``; None if there
        is none.

    Raises:
        ImportError: OpenCV is not installed, or is one without these detectors (5.0 and later).
        InvalidInputError: The image cannot be read.
    """
    cv2 = _opencv()
    pixels = source_of(image, "find_landmarks").decode("find_landmarks")
    height, width = pixels.shape[:2]
    scale = min(_LONGEST / max(height, width), _MOST)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=way)
    gray = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    faces = _detector(cv2, "frontalface_alt2")
    for turn in _TURNS:
        back, turned = _turned(cv2, gray, turn)
        box = _largest_face(faces, turned)
        if box is None:
            continue
        eyes = _eyes(cv2, turned, box)
        places = [(back @ (x, y, 1.0)) / scale for x, y in eyes]
        return _completed(pixels, places)
    return None


def _opencv() -> Any:
    hint = "pip install 'parhelion[portrait]' installs an OpenCV that has them"
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"find_landmarks() uses the detectors of OpenCV, which is not installed; {hint}",
            name="cv2",
        ) from error
    if not hasattr(cv2, "CascadeClassifier") or not hasattr(cv2, "data"):
        raise ImportError(
            f"find_landmarks() uses detectors that OpenCV {cv2.__version__} has not; {hint}",
            name="cv2",
        )
    return cv2


def _detector(cv2: Any, name: str) -> Any:
    detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, f"haarcascade_{name}.xml")))
    if detector.empty():
        raise ImportError(
            f"find_landmarks(): the OpenCV that is installed lacks {name}", name="cv2"
        )
    return detector


def _turned(cv2: Any, gray: Any, degrees: float) -> tuple[Any, Any]:
    """A picture turned about its middle, and the matrix that leads back."""
    if degrees == 0:
        return np.eye(2, 3), gray
    height, width = gray.shape
    there = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(gray, there, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return cv2.invertAffineTransform(there), turned


def _largest_face(faces: Any, gray: Any) -> tuple[int, int, int, int] | None:
    """Left, top, width and height."""
    least = max(24, round(_SMALLEST * min(gray.shape)))
    found = faces.detectMultiScale(gray, scaleFactor=1.08, minNeighbors=4, minSize=(least, least))
    boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h in found]
    return max(boxes, key=lambda box: box[2], default=None)


def _eyes(
    cv2: Any, gray: Any, box: tuple[int, int, int, int]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The middles of both eyes: as they are detected, or as they lie in any face."""
    left, top, width, height = box
    usual = (
        (left + 0.305 * width, top + 0.385 * height),
        (left + 0.695 * width, top + 0.385 * height),
    )
    upper = gray[top : top + round(0.6 * height), left : left + width]
    # Small ones are not seen.
    fine = max(1.0, 160 / width)
    upper = cv2.resize(upper, None, fx=fine, fy=fine, interpolation=cv2.INTER_CUBIC)
    for name in ("eye_tree_eyeglasses", "eye"):
        found = _detector(cv2, name).detectMultiScale(
            upper, scaleFactor=1.05, minNeighbors=4, minSize=(round(0.12 * upper.shape[1]),) * 2
        )
        middles = [(left + (x + w / 2) / fine, top + (y + h / 2) / fine) for x, y, w, h in found]
        pair = [min(middles, key=lambda place: _apart(place, eye), default=eye) for eye in usual]
        if all(_apart(place, eye) < 0.13 * width for place, eye in zip(pair, usual, strict=True)):
            return pair[0], pair[1]
    return usual


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))


def _completed(pixels: npt.NDArray[np.uint8], eyes: list[Any]) -> Landmarks | None:
    """Eyes, and what is found by them."""
    left, right = ((float(x), float(y)) for x, y in eyes)
    rough = _face({"left_eye": left, "right_eye": right}, pixels)
    return None if rough is None else look(pixels, rough).landmarks or rough


def _face(
    places: dict[str, tuple[float, float]] | None, pixels: npt.NDArray[np.uint8]
) -> Landmarks | None:
    """Landmarks that may be given again: of what was found there may be less that is sure."""
    height, width = pixels.shape[:2]
    inside = {
        name: (x, y)
        for name, (x, y) in (places or {}).items()
        if 0 <= x <= width and 0 <= y <= height
    }
    for left_out in (set[str](), {"chin"}, {"chin", "mouth_left", "mouth_right"}):
        kept = {name: place for name, place in inside.items() if name not in left_out}
        with contextlib.suppress(InvalidInputError, TypeError):
            return Landmarks(**kept)
    return None
