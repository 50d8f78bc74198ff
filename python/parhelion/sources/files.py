"""Files, URLs and cameras, which we open and close; OpenCV or PyAV decodes them."""

from __future__ import annotations

import importlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from parhelion.errors import InvalidInputError, SourceError
from parhelion.sources.base import BlockingSource, Picture
from parhelion.sources.opencv import CaptureSource, open_capture
from parhelion.sources.pyav import AvSource

__all__ = ["FileSource"]

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_DECODERS = ("cv2", "av")
_CAMERA_FILE = re.compile(r"/dev/video\d+")


class FileSource(BlockingSource):
    """A path, a URL or the index of a camera."""

    def __init__(self, target: int | str | os.PathLike[str]) -> None:
        self._reader: BlockingSource | None = None
        self._first: Picture | None = None
        self._path: Path | None = None
        self._target: int | str
        if isinstance(target, int):
            if target < 0:
                raise InvalidInputError(
                    f"stream: expected the index of a camera, 0 or more, got {target}",
                    operation="connect",
                )
            self._target = target
            self.description = f"camera {target}"
            return
        text = os.fsdecode(target)
        if not text or "\0" in text:
            raise InvalidInputError(
                f"stream: expected a path or a URL, got {text!r}", operation="connect"
            )
        if text.lower().startswith("file://"):
            text = unquote(urlsplit(text).path)
        if _URL.match(text):
            self._target = text
            self.description = _without_secrets(text)
        else:
            self._path = Path(text)
            self._target = os.fspath(self._path)
            self.description = f"the file {text!r}"

    def open(self) -> None:
        if self._path is not None:
            _check_file(self._path)
        self._reader = self._choose()
        self._reader.open()
        device = self._path is not None and bool(_CAMERA_FILE.fullmatch(str(self._path)))
        self.is_camera = self._reader.is_camera or isinstance(self._target, int) or device
        self.is_live = self._reader.is_live or self.is_camera
        self.rate = self._reader.rate
        # A first picture is the only proof that there are pictures.
        self._pictures = self._reader.pictures()
        first = next(self._pictures, None)
        if first is None:
            raise SourceError(f"{self.description} has no picture that can be decoded")
        # A live one would be old when the session is connected.
        self._first = None if self.is_live else first

    def pictures(self) -> Iterator[Picture]:
        first, self._first = self._first, None
        return self._pictures if first is None else chain([first], self._pictures)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _choose(self) -> BlockingSource:
        name, module = _decoder()
        if name == "av":
            return AvSource(module, self._target, self.description)
        return _OpenCvSource(module, self._target, self.description, is_url=self._path is None)


class _OpenCvSource(CaptureSource):
    """A capture of our own."""

    def __init__(self, cv2: Any, target: int | str, description: str, *, is_url: bool) -> None:
        is_url = is_url and isinstance(target, str)
        super().__init__(open_capture(cv2, target, is_url=is_url))
        self.description = description
        self._is_url = is_url
        self._is_index = isinstance(target, int)

    def open(self) -> None:
        if not self._capture.isOpened():
            if self._is_index:
                raise SourceError(f"{self.description} is not there, or is in use{_cameras()}")
            why = "nothing answers there, or it is no video" if self._is_url else "it is no video"
            raise SourceError(f"{self.description} cannot be opened: {why} that OpenCV can read")
        super().open()
        # A file whose length is not known is a file all the same.
        self.is_live = self.is_live and (self._is_url or self._is_index or self.is_camera)

    def close(self) -> None:
        self._capture.release()


def _check_file(path: Path) -> None:
    """Says precisely what the decoders would only say “cannot be opened” to."""
    hint = "a camera is given by its index, an int" if str(path).isdecimal() else None
    try:
        status = path.stat()  # not opened: that would start, and end, whoever feeds a pipe
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceError(f"the file {str(path)!r}: {reason}", hint=hint) from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"the file {str(path)!r} is a folder")
    if not os.access(path, os.R_OK):
        raise SourceError(f"the file {str(path)!r} may not be read by this user")
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        raise SourceError(f"the file {str(path)!r} is empty")


def _decoder() -> tuple[str, Any]:
    """OpenCV, or else PyAV; but never both in one process, which makes cv2.imshow freeze."""
    loaded = [name for name in _DECODERS if sys.modules.get(name) is not None]
    reasons = []
    for name in loaded[:1] or _DECODERS:
        try:
            return name, importlib.import_module(name)
        except ImportError as error:
            reasons.append(f"{name}: {error}")
    raise SourceError(
        f"files, URLs and cameras need OpenCV or PyAV, and neither can be imported "
        f"({'; '.join(reasons)})",
        hint="pip install opencv-python-headless, or pip install av",
    )


def _cameras() -> str:
    """Which cameras there are, where the system tells."""
    if sys.platform != "linux":
        return ""
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return f"; this system has {', '.join(found)}" if found else "; this system has no camera"


def _without_secrets(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"
