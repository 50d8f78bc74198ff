"""Reference images: everything that one can be made from."""

from __future__ import annotations

import os
import re
import reprlib
import stat
import sys
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, Union
from urllib.parse import unquote_to_bytes

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import InvalidInputError
from parhelion.frames import Frame, PixelFormat

__all__ = ["ImageLike"]

_MAX_BYTES: Final = 20 * 1024 * 1024
# No path is longer, on any system.
_MAX_PATH: Final = 32_767
_EXPECTED: Final = (
    "image: expected a path, the bytes of a PNG, JPEG or WebP file, a data: or http(s) URL, a PIL "
    "image, a uint8 array, a Frame, or None"
)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+)://|(blob|file|about|javascript):", re.IGNORECASE)
# How the base64 of a PNG, a JPEG and a WebP begins.
_BASE64: Final = re.compile(r"(?:iVBORw0KGgo|/9j/|UklGR)[A-Za-z0-9+/\s]{20}")


class _PilImage(Protocol):
    """What is used of a ``PIL.Image.Image``."""

    @property
    def mode(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]: ...


ImageLike: TypeAlias = Union[
    str,
    "os.PathLike[str]",
    bytes,
    bytearray,
    memoryview,
    npt.NDArray[Any],
    Frame,
    _PilImage,
]


def is_slow(image: object) -> bool:
    """Whether looking at it can take so long that an event loop would stand still."""
    if isinstance(image, str):
        return not _is_url(image)
    return isinstance(image, os.PathLike) or _pil_of(image) is not None


def source_of(image: object, operation: str) -> _core.ImageSource:
    """What an image can be loaded from. Files are read here, URLs later.

    Raises:
        InvalidInputError: It is of no kind that can be one, cannot be read, or is too large.
    """
    if isinstance(image, str):
        return _from_text(image, operation)
    if isinstance(image, os.PathLike):
        return _from_path(image, operation)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _core.ImageSource.file(bytes(image), operation)
    if isinstance(image, Frame):
        return _core.ImageSource.pixels(image.data, image.format, operation)
    pil = _pil_of(image)
    if pil is not None:
        return _from_pil(pil, operation)
    if hasattr(image, "__array__"):
        return _from_array(np.asarray(image), operation)
    raise InvalidInputError(
        f"{_EXPECTED}; got {type(image).__name__}",
        operation=operation,
        hint="pass what its read() returns" if hasattr(image, "read") else None,
    )


def _is_url(text: str) -> bool:
    return text.lstrip()[:8].lower().startswith(("http://", "https://"))


def _from_text(text: str, operation: str) -> _core.ImageSource:
    if not text.strip():
        raise InvalidInputError(f"{_EXPECTED}; got an empty str", operation=operation)
    if text.lstrip()[:5].lower() == "data:":
        return _from_data_url(text.lstrip(), operation)
    if _is_url(text):
        return _core.ImageSource.url(text, operation)
    scheme = _SCHEME.match(text)
    if scheme is not None:
        name = scheme[1] or scheme[2]
        raise InvalidInputError(
            f"{_EXPECTED}; got a URL that starts with {name}:",
            operation=operation,
            hint="pass the path of the file" if name.lower() == "file" else "pass its bytes",
        )
    # A path may begin as base64 does, but what it then decodes to is no image.
    if _BASE64.match(text) is not None:
        try:
            return _core.ImageSource.base64(text, operation)
        except InvalidInputError:
            if len(text) > _MAX_PATH:
                raise
    return _from_path(text, operation)


def _from_data_url(url: str, operation: str) -> _core.ImageSource:
    head, comma, contents = url.partition(",")
    if not comma:
        raise InvalidInputError(
            "image: expected data:[type][;base64],contents, got a data: URL without a comma",
            operation=operation,
        )
    # Three characters stand for a byte at most.
    if len(contents) > 3 * _MAX_BYTES + 3:
        raise InvalidInputError(
            f"image: expected a data: URL of at most {_MAX_BYTES} bytes, "
            f"got {len(contents)} characters",
            operation=operation,
        )
    if head.rstrip().lower().endswith(";base64"):
        if "%" in contents:
            contents = unquote_to_bytes(contents).decode("ascii", "replace")
        return _core.ImageSource.base64(contents, operation)
    return _core.ImageSource.file(unquote_to_bytes(contents), operation)


def _from_path(path: str | os.PathLike[str], operation: str) -> _core.ImageSource:
    try:
        file = Path(os.fsdecode(path))
        kind = file.stat()
        if not stat.S_ISREG(kind.st_mode):
            what = "a directory" if stat.S_ISDIR(kind.st_mode) else "no regular file"
            raise InvalidInputError(
                f"image: expected the path of a file, {_shown(path)} is {what}",
                operation=operation,
            )
        if kind.st_size > _MAX_BYTES:
            raise InvalidInputError(
                f"image: expected a file of 1 to {_MAX_BYTES} bytes, {_shown(path)} has "
                f"{kind.st_size}",
                operation=operation,
                hint="make the picture smaller, or store it as a JPEG",
            )
        with file.open("rb") as opened:
            contents = opened.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        # ValueError: a NUL in the path, or what no file system can encode.
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidInputError(
            f"{_EXPECTED}; the file {_shown(path)} cannot be read: {reason}", operation=operation
        ) from error
    return _core.ImageSource.file(contents, operation)


def _shown(path: object) -> str:
    """A path as texts show it: never a megabyte."""
    return reprlib.repr(os.fspath(path) if isinstance(path, os.PathLike) else path)


def _from_array(array: npt.NDArray[Any], operation: str) -> _core.ImageSource:
    formats: dict[int, PixelFormat] = {3: "rgb24", 4: "rgba", 1: "gray"}
    format: PixelFormat | None = None
    if array.ndim == 2:
        format = "gray"
    elif array.ndim == 3:
        format = formats.get(array.shape[2])
    if array.dtype != np.uint8 or format is None:
        raise InvalidInputError(
            "image: expected a uint8 array of shape (H, W, 3) in RGB, (H, W, 4) in RGBA or (H, W), "
            f"got dtype {array.dtype} and shape {array.shape}",
            operation=operation,
            hint="convert with array.astype(numpy.uint8), after scaling to 0..255"
            if array.dtype != np.uint8
            else "pass Frame(array, format=...) for another layout",
        )
    return _core.ImageSource.pixels(array, format, operation)


def _pil_of(image: object) -> Any:
    """The object, if it is an image of Pillow; that is not imported for it."""
    module = sys.modules.get("PIL.Image")
    return image if module is not None and isinstance(image, module.Image) else None


def _from_pil(image: Any, operation: str) -> _core.ImageSource:
    """Turned as its EXIF data asks; alpha is kept."""
    if image.mode in ("I", "F"):
        raise InvalidInputError(
            f"image: expected a PIL image of 8 or 16 bits, got mode {image.mode!r}",
            operation=operation,
            hint="its range is not known: scale it to 0..255 and convert it to L or RGB",
        )
    from PIL import ImageOps  # it is there: the image is one of Pillow's

    try:
        turned = ImageOps.exif_transpose(image)
        if turned.mode.startswith("I;16"):
            array = (np.asarray(turned) >> 8).astype(np.uint8)
        else:
            gray = turned.mode in ("1", "L")
            target = "RGBA" if turned.has_transparency_data else "L" if gray else "RGB"
            array = np.asarray(turned.convert(target))
    except (OSError, ValueError, SyntaxError) as error:
        # Pillow reads files when their pixels are wanted.
        raise InvalidInputError(
            f"image: the PIL image cannot be read: {error}", operation=operation
        ) from error
    return _from_array(array, operation)
