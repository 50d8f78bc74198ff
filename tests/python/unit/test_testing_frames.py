"""Pictures made for tests, and the numbers in them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import parhelion as ph
from parhelion.testing import (
    gradient,
    moving_frames,
    noise,
    read_stamp,
    stamped_frame,
    write_stamp,
)

SIZES = [(1280, 704), (704, 1280), (640, 360), (333, 251), (128, 96)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", [0, 1, 255, 256, 12345, 65535])
def test_a_stamp_can_be_read(size, number):
    frame = stamped_frame(number, *size)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8
    assert read_stamp(frame) == number
    assert read_stamp(frame[..., ::-1]) == number
    assert read_stamp(255 - frame) == number
    assert read_stamp(frame // 3 + 20) == number
    assert read_stamp(frame[..., 1]) == number


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_a_stamp_in_an_array_of_ones_own(channels):
    frame = np.zeros((240, 320, *channels), np.uint8)
    write_stamp(frame, np.int64(77))
    assert read_stamp(frame) == 77
    # The rest is left alone.
    assert not frame[144:].any()


def test_a_stamp_leaves_most_of_the_picture_alone():
    background = noise(1280, 704, seed=3)
    frame = stamped_frame(5, background=background)
    assert (frame != background).any(axis=-1).mean() < 0.06
    assert (background == noise(1280, 704, seed=3)).all()
    assert read_stamp(frame) == 5


@pytest.mark.parametrize(
    "picture",
    [
        gradient(),
        np.zeros((200, 200, 3), np.uint8),
        np.full((200, 200), 255, np.uint8),
        np.zeros((90, 128, 3), np.uint8),
        np.zeros(7, np.uint8),
        *(noise(160, 120, seed=seed) for seed in range(50)),
    ],
    ids=str,
)
def test_no_number_is_found_where_there_is_none(picture):
    assert read_stamp(picture) is None


def test_a_stamp_that_was_damaged_is_none():
    frame = stamped_frame(5)
    frame[:64, :64] = 90
    assert read_stamp(frame) is None
    other = stamped_frame(5)
    other[:32, :64] = other[:32, 63::-1]  # one bit turned over
    assert read_stamp(other) is None


@pytest.mark.parametrize(
    ("frame", "number", "says"),
    [
        (np.zeros((96, 128, 3), np.uint8), -1, "65535"),
        (np.zeros((96, 128, 3), np.uint8), 65536, "65535"),
        (np.zeros((96, 128, 3), np.uint8), 1.5, "float"),
        (np.zeros((96, 128, 3), np.uint8), True, "bool"),
        (np.zeros((95, 128, 3), np.uint8), 1, "128 x 96"),
        (np.zeros((96, 127, 3), np.uint8), 1, "127 x 96"),
        (np.zeros((96, 128, 3), np.float32), 1, "uint8"),
        (np.zeros(5, np.uint8), 1, "uint8"),
        ([[1]], 1, "uint8"),
    ],
)
def test_what_cannot_be_stamped(frame, number, says):
    with pytest.raises(ph.InvalidInputError, match=says):
        write_stamp(frame, number)


def test_moving_frames_move_and_count():
    frames = list(moving_frames(5, 320, 240, first=40))
    assert [read_stamp(frame) for frame in frames] == [40, 41, 42, 43, 44]
    for one, next_one in itertools.pairwise(frames):
        assert (one[160:] != next_one[160:]).any()
    again = list(moving_frames(5, 320, 240, first=40))
    assert all((one == other).all() for one, other in zip(frames, again, strict=True))


def test_the_same_seed_is_the_same_noise():
    assert (noise(seed=1) == noise(seed=1)).all()
    assert (noise(seed=1) != noise(seed=2)).any()
    assert (gradient(shade=9) != gradient()).any()
