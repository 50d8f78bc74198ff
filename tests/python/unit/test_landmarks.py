"""Landmarks: what can be a face, and what is said about everything else."""

from __future__ import annotations

import dataclasses
import fractions
from typing import Any

import numpy as np
import pytest

import parhelion as ph

FACE: dict[str, Any] = {
    "left_eye": (100, 100),
    "right_eye": (200, 110.5),
    "mouth_left": (110, 220),
    "mouth_right": (190, 224),
    "chin": (145, 290),
}


def test_places_are_pairs_of_numbers_of_any_kind():
    marks = ph.Landmarks(
        left_eye=np.array([100.0, 100.0], np.float32),
        right_eye=[np.int64(200), fractions.Fraction(221, 2)],
    )
    assert marks.left_eye == (100.0, 100.0)
    assert marks.right_eye == (200.0, 110.5)
    assert all(type(part) is float for part in (*marks.left_eye, *marks.right_eye))
    assert marks.mouth_left is marks.mouth_right is marks.chin is None
    assert marks == ph.Landmarks((100, 100), (200, 110.5))
    with pytest.raises(dataclasses.FrozenInstanceError):
        marks.chin = (1, 1)
    assert ph.Landmarks(**FACE).chin == (145.0, 290.0)
    side = ph.Landmarks(right_eye=(211, 240), mouth_left=(166, 378), mouth_right=(185, 381))
    assert (side.left_eye, side.mouth_left) == (None, (166.0, 378.0))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"left_eye": None}, "mouth_left: expected 0.05 to 0.6 distances .* before mouth_right"),
        ({"left_eye": None, "right_eye": None}, "right_eye: expected both, or of a profile the"),
        ({"left_eye": None, "mouth_left": None}, "right_eye: expected the corner of the mouth"),
        ({"left_eye": 3}, "left_eye: .* got int"),
        ({"left_eye": "12"}, "left_eye: .* got str"),
        ({"left_eye": (1, 2, 3)}, "left_eye: .* got tuple of int, int, int"),
        ({"left_eye": ()}, "left_eye: .* got tuple of nothing"),
        ({"left_eye": (True, 2)}, "left_eye: .* got tuple of bool, int"),
        ({"chin": ("1", 2)}, "chin: .* got tuple of str, int"),
        ({"chin": np.zeros((2, 2))}, "chin: .* got list of list, list"),
        ({"chin": {"x": 1, "y": 2}}, "chin: .* got dict"),
        ({"left_eye": (float("nan"), 1)}, "left_eye: expected finite numbers, got NaN, 1"),
        ({"chin": (1, float("-inf"))}, "chin: expected finite numbers, got 1, -inf"),
        ({"chin": (1e300, 1)}, "chin: expected finite numbers"),
        ({"right_eye": (100, 100)}, "right_eye: expected 4 pixels or more from left_eye, got 0.0"),
        ({"left_eye": (200, 110), "right_eye": (100, 100)}, "to the right of left_eye"),
        ({"right_eye": (100, 200)}, "turn it if the face is turned by more than 35 degrees"),
        ({"mouth_left": None}, "mouth_left: expected it beside mouth_right, got none"),
        ({"mouth_right": None}, "mouth_right: expected it beside mouth_left, got none"),
        ({"mouth_left": (190, 224), "mouth_right": (110, 220)}, "to the right of mouth_left"),
        ({"mouth_left": (110, 20), "mouth_right": (190, 20)}, "below the eyes"),
        ({"chin": (145, 150)}, "chin: expected .* below the mouth"),
    ],
)
def test_what_is_no_face_is_named(changed, says):
    with pytest.raises(ph.InvalidInputError, match=says) as caught:
        ph.Landmarks(**(FACE | changed))
    assert caught.value.message.startswith("landmarks: ")
    assert caught.value.operation == "Landmarks"
