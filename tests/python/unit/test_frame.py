"""Frames: arrays, and conversions between pixel formats."""

from __future__ import annotations

import typing

import numpy as np
import pytest

import parhelion as ph
from parhelion import _core

FORMATS = _core.pixel_formats()
SHAPES = {"rgba": (4,), "bgra": (4,), "rgb24": (3,), "bgr24": (3,), "gray": (), "i420": ()}


def shape_of(format: str, width: int, height: int) -> tuple[int, ...]:
    rows = height * 3 // 2 if format == "i420" else height
    return (rows, width, *SHAPES[format])


def test_the_type_lists_the_formats_of_the_core():
    assert list(typing.get_args(ph.PixelFormat)) == FORMATS


def test_it_is_an_array_without_a_copy(picture):
    data = picture(8, 6)
    frame = ph.Frame(data)
    assert np.asarray(frame) is data
    assert np.array(frame, copy=True) is not data
    assert (frame.shape, frame.width, frame.height) == ((6, 8, 3), 8, 6)
    assert np.asarray(frame, dtype=np.float32).dtype == np.float32
    assert (255 - np.asarray(frame) == 255 - data).all()


def test_no_copy_means_no_copy(picture):
    frame = ph.Frame(picture(8, 6))
    assert frame.__array__(copy=False) is frame.data
    with pytest.raises(ValueError, match="without a copy"):
        frame.__array__(np.float32, copy=False)


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_every_conversion_has_the_right_shape(picture, source, target):
    frame = ph.Frame(ph.Frame(picture(20, 12)).to(source), format=source)
    converted = frame.to(target)
    assert (frame.width, frame.height) == (20, 12)
    assert converted.shape == shape_of(target, 20, 12)
    assert converted.dtype == np.uint8
    assert converted.flags.c_contiguous
    assert converted.flags.writeable
    if source == target:
        assert converted is frame.data


@pytest.mark.parametrize("format", ["bgr24", "rgba", "bgra"])
def test_reordering_loses_nothing(picture, format):
    data = picture(21, 13)
    there = ph.Frame(data).to(format)
    assert (ph.Frame(there, format=format).to("rgb24") == data).all()
    order = [2, 1, 0] if format.startswith("bgr") else [0, 1, 2]
    assert (there[..., :3] == data[..., order]).all()
    if there.shape[-1] == 4:
        assert (there[..., 3] == 255).all()


def test_gray_is_the_luma_of_bt_601(picture):
    data = picture(20, 12)
    luma = data @ np.array([0.299, 0.587, 0.114])
    assert np.abs(ph.Frame(data).to("gray") - luma).max() <= 1.5


def test_i420_keeps_a_smooth_picture(picture, difference):
    data = picture(64, 48)
    there = ph.Frame(data).to("i420")
    assert difference(ph.Frame(there, format="i420").to("rgb24"), data) < 2


def test_known_colours_in_i420():
    """Limited range, BT.601: black, white, red (ITU-R BT.601-7, table 3)."""
    for colour, expected in {
        (0, 0, 0): (16, 128, 128),
        (255, 255, 255): (235, 128, 128),
        (255, 0, 0): (81, 90, 240),
    }.items():
        planes = ph.Frame(np.full((2, 2, 3), colour, np.uint8)).to("i420")
        assert planes.shape == (3, 2)
        got = (int(planes[0, 0]), int(planes[2, 0]), int(planes[2, 1]))
        assert np.abs(np.subtract(got, expected)).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (641, 479), (3, 2), (2, 3)])
@pytest.mark.parametrize("format", ["bgr24", "rgba", "gray"])
def test_odd_sizes(picture, width, height, format):
    converted = ph.Frame(picture(width, height)).to(format)
    assert converted.shape == shape_of(format, width, height)


def test_strides_are_read_where_they_lie(picture):
    data = picture(20, 12)
    for view in (
        data[::-1],
        data[:, ::-1],
        data[..., ::-1],
        data[::2, ::3],
        data.transpose(1, 0, 2),
    ):
        expected = np.ascontiguousarray(view)[..., ::-1]
        assert (ph.Frame(view).to("bgr24") == expected).all()


def test_what_cannot_be_converted_is_told(picture):
    frame = ph.Frame(picture(8, 6))
    with pytest.raises(ph.InvalidInputError, match="i420"):
        frame.to("yuv")
    with pytest.raises(ph.InvalidInputError, match="float64"):
        ph.Frame(np.zeros((6, 8, 3))).to("gray")
    with pytest.raises(ph.InvalidInputError, match=r"\(6, 8, 3\)"):
        ph.Frame(picture(8, 6), format="gray").to("rgb24")
    with pytest.raises(ph.InvalidInputError, match="even"):
        ph.Frame(picture(7, 6)).to("i420")


def test_the_repr_tells_size_format_and_origin(picture):
    frame = ph.Frame(picture(8, 6), input_id=3, latency=0.0125)
    assert repr(frame) == "<Frame 8x6 rgb24, input_id=3, latency=12.5 ms>"
    assert repr(ph.Frame(picture(8, 6))) == "<Frame 8x6 rgb24, input_id=None>"


def test_a_copy_of_a_frame_outlives_it(picture):
    """The memory of a converted frame belongs to its array, and to each view of it."""
    view = ph.Frame(picture(64, 48)).to("bgr24")[5:, 5:]
    expected = view.copy()
    for _ in range(50):
        ph.Frame(picture(64, 48, shade=50)).to("bgr24")
    assert (view == expected).all()
