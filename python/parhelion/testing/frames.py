"""Pictures made for tests: from nothing but numbers, and the same each time.

A stamp is a number drawn into a picture so that it can be read from what comes back. Each of its
bits is a pair of cells of which one is striped and the other flat. What a codec or a look does to
colours and outlines it does to both, and stripes stay the busier ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from parhelion.errors import InvalidInputError

__all__ = ["gradient", "moving_frames", "noise", "read_stamp", "stamped_frame", "write_stamp"]

Picture = npt.NDArray[np.uint8]

_NUMBER_BITS = 16
_CHECK_BITS = 8
_BITS = _NUMBER_BITS + _CHECK_BITS
_COLUMNS, _ROWS = 8, 6
_LARGEST = (1 << _NUMBER_BITS) - 1
# The cells are made of the blocks of the codec, and leave most of the picture alone.
_SMALLEST_CELL, _LARGEST_CELL = 16, 32
_DARK, _LIGHT, _FLAT = 16, 240, 128
# How busy the flat cell of a pair may be, measured by the other: without a stamp they are alike.
_MARGIN = 0.85


def gradient(width: int = 1280, height: int = 704, *, shade: int = 0) -> Picture:
    """A smooth picture, which a codec keeps well.

    Args:
        width: In pixels.
        height: In pixels.
        shade: Added to every value, -255 to 255: another shade is another picture.

    Returns:
        (H, W, 3), RGB, uint8.
    """
    x = np.linspace(0, 1, width)[None, :]
    y = np.linspace(0, 1, height)[:, None]
    red, green, blue = 40 + 150 * x + 0 * y, 60 + 120 * y + 0 * x, 90 + 60 * x * y
    return (np.stack([red, green, blue], axis=-1) + shade).clip(0, 255).astype(np.uint8)


def noise(width: int = 1280, height: int = 704, *, seed: int = 0) -> Picture:
    """Random pixels, the most that a codec can be asked for.

    Returns:
        (H, W, 3), RGB, uint8; the same for the same seed.
    """
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def stamped_frame(
    number: int, width: int = 1280, height: int = 704, *, background: object = None
) -> Picture:
    """A picture that carries a number, which :func:`read_stamp` finds in what becomes of it.

    Args:
        number: 0 to 65535.
        width: In pixels, at least 128.
        height: In pixels, at least 96.
        background: What the rest of the picture shows: an array (H, W, 3), uint8, which is copied;
            None: a gradient.

    Returns:
        (H, W, 3), uint8.

    Raises:
        InvalidInputError: The number is out of range, or the picture too small for it.
    """
    frame = gradient(width, height) if background is None else np.array(background, np.uint8)
    write_stamp(frame, number)
    return frame


def moving_frames(
    count: int, width: int = 1280, height: int = 704, *, first: int = 0
) -> Iterator[Picture]:
    """Stamped pictures of something that moves, as a camera would give them.

    Args:
        count: How many.
        width: In pixels, at least 128.
        height: In pixels, at least 96.
        first: The number of the first one; each has the next number.

    Yields:
        (H, W, 3), RGB, uint8: each its own array.
    """
    wide = np.tile(gradient(width, height), (1, 2, 1))
    wide[:, width:] = wide[:, :width][:, ::-1]
    y, x = np.ogrid[:height, :width]
    radius = height // 6
    for number in range(first, first + count):
        place = 8 * number % (2 * width)
        frame = np.roll(wide, -place, axis=1)[:, :width].copy()
        center = width // 2 + (width // 3) * np.sin(number / 10)
        frame[(x - center) ** 2 + (y - 2 * height // 3) ** 2 < radius**2] = (230, 90, 40)
        write_stamp(frame, number)
        yield frame


def write_stamp(frame: Picture, number: int) -> None:
    """Draws a number into the upper left corner of a frame of yours, in place.

    Args:
        frame: (H, W) or (H, W, channels), uint8, writable; at least 128 x 96 pixels.
        number: 0 to 65535.

    Raises:
        InvalidInputError: The number is out of range, or the frame cannot carry it.
    """
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise InvalidInputError(f"number: expected an int, got {type(number).__name__}")
    if not 0 <= number <= _LARGEST:
        raise InvalidInputError(f"number: expected 0 to {_LARGEST}, got {number}")
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim not in (2, 3):
        raise InvalidInputError("frame: expected a uint8 array of shape (H, W) or (H, W, channels)")
    cell = _cell(frame.shape)
    if cell is None:
        width, height = _COLUMNS * _SMALLEST_CELL, _ROWS * _SMALLEST_CELL
        raise InvalidInputError(
            f"frame: expected at least {width} x {height} pixels, got"
            f" {frame.shape[1]} x {frame.shape[0]}"
        )
    word = int(number) << _CHECK_BITS | _check(int(number))
    stripes = np.full((cell, cell), _DARK, np.uint8)
    flat = np.full((cell, cell), _FLAT, np.uint8)
    stripes[:, cell // 4 : 3 * cell // 4] = _LIGHT
    for place in range(_BITS):
        bit = word >> (_BITS - 1 - place) & 1
        for half in range(2):
            row, column = divmod(2 * place + half, _COLUMNS)
            corner = frame[row * cell :, column * cell :][:cell, :cell]
            drawn = stripes if half != bit else flat
            corner[...] = drawn[..., None] if frame.ndim == 3 else drawn


def read_stamp(frame: object) -> int | None:
    """The number in a picture of the size in which it was stamped.

    Args:
        frame: A :class:`parhelion.Frame` or an array (H, W) or (H, W, channels), in any order of
            channels. It survives the codec and most styles of the local service, but not those
            that leave lines alone, such as neon and blueprint.

    Returns:
        The number; None if there is none, or if what was done to the picture destroyed it.
    """
    pixels = np.asarray(frame)
    if pixels.ndim not in (2, 3):
        return None
    cell = _cell(pixels.shape)
    if cell is None:
        return None
    corner = pixels[: _ROWS * cell, : _COLUMNS * cell].astype(np.float32)
    if corner.ndim == 3:
        corner = corner[..., :3].mean(axis=-1)
    blocks = corner.reshape(_ROWS, cell, _COLUMNS, cell).swapaxes(1, 2)
    # Stripes are upright: of each cell the differences along its rows count, without its rim, into
    # which its neighbours shine.
    rim = cell // 8
    inner = blocks[..., rim : cell - rim, rim : cell - rim]
    busy = np.abs(inner - inner.mean(axis=-1, keepdims=True)).mean(axis=(-1, -2)).ravel()
    first, second = busy[0::2], busy[1::2]
    if np.any(np.minimum(first, second) >= _MARGIN * np.maximum(first, second)):
        return None
    word = 0
    for bit in first > second:
        word = word << 1 | int(bit)
    number, check = word >> _CHECK_BITS, word & ((1 << _CHECK_BITS) - 1)
    return number if check == _check(number) else None


def _cell(shape: tuple[int, ...]) -> int | None:
    """The side of a cell in a picture of that shape."""
    height, width = shape[:2]
    room = min(width // _COLUMNS, height // _ROWS)
    if room < _SMALLEST_CELL:
        return None
    side = 5 * room // 8 // 8 * 8
    return min(max(side, _SMALLEST_CELL), _LARGEST_CELL)


def _check(number: int) -> int:
    # 0xA5 keeps a picture that says 0 everywhere from reading as a number.
    return (number ^ number >> 8 ^ 0xA5) & 0xFF
