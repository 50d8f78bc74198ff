"""Edits of real clips stay where they belong: what they change outside hand-made boxes."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WIDTH, HEIGHT = 1280, 704
FRAMES = 12
# Levels of 255 by which a pixel has to differ to be changed.
CHANGED = 2

# The clip, the frame at which it begins, the instruction, where the thing lies (left, top, right,
# bottom), the most that may change elsewhere and the least that has to inside, in parts of either.
CASES = [
    ("bigbuckbunny.mp4", 60, "turn the rabbit into gold", (150, 55, 640, 640), 0.01, 0.25),
    ("bigbuckbunny.mp4", 60, "make the rabbit blue", (150, 55, 640, 640), 0.01, 0.25),
    ("bigbuckbunny.mp4", 60, "make the grass blue", (0, 0, 1280, 704), 0.0, 0.3),
    ("bikes.mp4", 140, "make the road blue", (0, 262, 1280, 704), 0.005, 0.4),
    ("bikes.mp4", 140, "make the sky pink", (440, 0, 1280, 170), 0.005, 0.15),
    ("carphone_pristine.mp4", 30, "warmer skin", (330, 130, 800, 704), 0.01, 0.2),
    ("carphone_pristine.mp4", 30, "make the sky pink", (930, 0, 1280, 420), 0.005, 0.5),
]


@pytest.fixture(scope="module")
def paint() -> Path:
    """The example that paints raw frames, where it is built: no codec comes in between."""
    built = [TARGET / profile / "examples" / "paint" for profile in ("release", "fast")]
    built = sorted(
        (path for path in built if path.is_file()), key=lambda path: path.stat().st_mtime
    )
    written = max(path.stat().st_mtime for path in (ROOT / "src" / "models").rglob("*.rs"))
    if not built or built[-1].stat().st_mtime < written:
        pytest.skip("not built from these sources: cargo build --release --example paint")
    return built[-1]


def frames_of(clip: Path, first: int) -> list[np.ndarray]:
    """Frames of a clip, filling the size of the models."""
    av = pytest.importorskip("av")
    with av.open(str(clip)) as container:
        chosen = itertools.islice(container.decode(video=0), first, first + FRAMES)
        images = [Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in chosen]
    scale = max(WIDTH / images[0].width, HEIGHT / images[0].height)
    size = (round(images[0].width * scale), round(images[0].height * scale))
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 4
    scaled = (image.resize(size, Image.Resampling.LANCZOS) for image in images)
    return [np.asarray(image)[top : top + HEIGHT, left : left + WIDTH] for image in scaled]


@pytest.mark.parametrize(
    ("name", "first", "prompt", "box", "most", "least"),
    CASES,
    ids=[f"{name.partition('.')[0]}: {prompt}" for name, _, prompt, *_ in CASES],
)
def test_edits_do_not_spill(paint, clip, tmp_path, name, first, prompt, box, most, least):
    frames = frames_of(clip.with_name(name), first)
    raw, made = tmp_path / "in.rgb", tmp_path / "out.rgb"
    raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
    command = [paint, raw, str(WIDTH), str(HEIGHT), "lucy_v2v_720p_rt", made, prompt]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    shown = np.fromfile(made, np.uint8).reshape(HEIGHT, WIDTH, 3)
    changed = np.abs(shown.astype(np.int16) - frames[-1]).max(2) > CHANGED
    left, top, right, bottom = box
    inside = np.zeros_like(changed)
    inside[top:bottom, left:right] = True
    spilt = changed[~inside].mean() if not inside.all() else 0.0
    assert spilt <= most, f"{100 * spilt:.2f} % changed outside"
    assert changed[inside].mean() >= least, f"{100 * changed[inside].mean():.1f} % changed inside"
