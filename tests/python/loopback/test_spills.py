"""Edits of real clips: what they change outside hand-made boxes, and whether all inside them."""

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

# Parts of the rabbit: left leg, right leg, arm, breast.
RABBIT = ((365, 525, 420, 572), (470, 545, 535, 605), (240, 155, 330, 195), (380, 240, 560, 420))


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
    return filling(images)


def astronaut() -> list[np.ndarray]:
    """A still portrait as a camera sees it."""
    return filling([Image.open(ROOT / "tests" / "portraits" / "astronaut.jpg")] * FRAMES)


def filling(images: list[Image.Image]) -> list[np.ndarray]:
    """The middle of each, scaled to fill the size of the models."""
    scale = max(WIDTH / images[0].width, HEIGHT / images[0].height)
    size = (round(images[0].width * scale), round(images[0].height * scale))
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 4
    scaled = (image.resize(size, Image.Resampling.LANCZOS) for image in images)
    return [np.asarray(image)[top : top + HEIGHT, left : left + WIDTH] for image in scaled]


def edited(paint: Path, folder: Path, frames: list[np.ndarray], prompt: str) -> np.ndarray:
    """The last of the frames under an instruction."""
    raw, made = folder / "in.rgb", folder / "out.rgb"
    raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
    command = [paint, raw, str(WIDTH), str(HEIGHT), "lucy_v2v_720p_rt", made, prompt]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.fromfile(made, np.uint8).reshape(HEIGHT, WIDTH, 3)


def check_shares(
    found: np.ndarray, what: str, boxes: list[tuple[tuple[int, int, int, int], float, float]]
) -> None:
    """Checks of boxes which part of their pixels was found, at least and at most."""
    for (left, top, right, bottom), least, most in boxes:
        share = found[top:bottom, left:right].mean()
        assert least <= share <= most, f"{(left, top)}: {100 * share:.0f} % is {what}"


def luma(picture: np.ndarray) -> np.ndarray:
    return picture @ np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize(
    ("name", "first", "prompt", "box", "most", "least"),
    CASES,
    ids=[f"{name.partition('.')[0]}: {prompt}" for name, _, prompt, *_ in CASES],
)
def test_edits_do_not_spill(paint, clip, tmp_path, name, first, prompt, box, most, least):
    frames = frames_of(clip.with_name(name), first)
    shown = edited(paint, tmp_path, frames, prompt)
    changed = np.abs(shown.astype(np.int16) - frames[-1]).max(2) > CHANGED
    left, top, right, bottom = box
    inside = np.zeros_like(changed)
    inside[top:bottom, left:right] = True
    spilt = changed[~inside].mean() if not inside.all() else 0.0
    assert spilt <= most, f"{100 * spilt:.2f} % changed outside"
    assert changed[inside].mean() >= least, f"{100 * changed[inside].mean():.1f} % changed inside"


@pytest.mark.parametrize("prompt", ["turn the rabbit into gold", "make the rabbit blue"])
def test_a_figure_is_edited_down_to_its_legs(paint, clip, tmp_path, prompt):
    shown = edited(paint, tmp_path, frames_of(clip.with_name("bigbuckbunny.mp4"), 60), prompt)
    for left, top, right, bottom in RABBIT:
        part = shown[top:bottom, left:right].astype(int)
        red, blue = part[..., 0], part[..., 2]
        colored = (red > blue + 25) if "gold" in prompt else (blue > red + 25)
        assert colored.mean() > 0.9, f"{(left, top)}: {100 * colored.mean():.0f} %"


@pytest.mark.parametrize("scene", ["a starry sky", "a beach"])
def test_a_figure_stays_whole_before_another_background(paint, clip, tmp_path, scene):
    frames = frames_of(clip.with_name("bigbuckbunny.mp4"), 60)
    shown = edited(paint, tmp_path, frames, f"replace the background with {scene}")
    off = np.abs(shown.astype(np.int16) - frames[-1]).max(2)
    for left, top, right, bottom in RABBIT:
        gone = (off[top:bottom, left:right] > 20).mean()
        assert gone < 0.1, f"{(left, top)}: {100 * gone:.0f} % is background"
    # And what is not of it is gone: the stone on its left, the rocks.
    for left, top, right, bottom in ((110, 440, 220, 540), (900, 350, 1150, 440)):
        kept = (off[top:bottom, left:right] <= 20).mean()
        assert kept < 0.15, f"{(left, top)}: {100 * kept:.0f} % is still there"


@pytest.mark.parametrize(
    ("name", "hair", "bare"),
    [
        # A head that leans: what is dark, and a cheek where hair would be.
        (
            "carphone_pristine.mp4",
            [(450, 90, 640, 160), (345, 180, 370, 300)],
            [(640, 380, 700, 500), (480, 230, 600, 290), (430, 430, 620, 620)],
        ),
        # Fair hair, with a fringe.
        (
            "astronaut",
            [(400, 60, 440, 140), (480, 10, 640, 50), (680, 20, 725, 70)],
            [
                (480, 150, 640, 280),
                (460, 130, 490, 220),
                (625, 150, 650, 230),
                (480, 340, 620, 460),
            ],
        ),
    ],
    ids=["dark", "fair"],
)
def test_hair_is_painted_and_the_face_is_not(paint, clip, tmp_path, name, hair, bare):
    frames = astronaut() if name == "astronaut" else frames_of(clip.with_name(name), 30)
    shown = edited(paint, tmp_path, frames, "make the hair purple").astype(int)
    purple = np.minimum(shown[..., 0], shown[..., 2]) > shown[..., 1] + 25
    check_shares(purple, "purple", [(box, 0.9, 1.0) for box in hair])
    check_shares(purple, "purple", [(box, 0.0, 0.03) for box in bare])


def test_a_person_is_kept_whole_and_a_desk_beside_is_not(paint, tmp_path):
    frames = astronaut()
    shown = edited(paint, tmp_path, frames, "keep only the person").astype(np.int16)
    kept = np.abs(shown - frames[-1]).max(2) <= 20
    boxes = [
        # The ring for the helmet, in the colors of the wall, and both shoulders.
        ((330, 240, 460, 300), 0.8, 1.0),
        ((350, 330, 400, 380), 0.5, 1.0),
        ((130, 540, 230, 700), 0.9, 1.0),
        ((700, 540, 880, 700), 0.9, 1.0),
        # Desk, flag and model.
        ((930, 560, 1270, 700), 0.0, 0.02),
        ((0, 300, 60, 700), 0.0, 0.02),
        ((900, 60, 1120, 420), 0.0, 0.3),
    ]
    check_shares(kept, "kept", boxes)


def test_a_road_is_painted_and_the_cars_on_it_and_beside_it_are_not(paint, clip, tmp_path):
    frames = frames_of(clip.with_name("bikes.mp4"), 140)
    shown = edited(paint, tmp_path, frames, "make the road blue").astype(int)
    blue = shown[..., 2] > shown[..., 0] + 60
    boxes = [
        ((650, 500, 760, 560), 0.9, 1.0),
        ((880, 465, 955, 540), 0.9, 1.0),
        ((30, 285, 230, 340), 0.0, 0.12),
        ((690, 380, 830, 430), 0.0, 0.12),
        ((1190, 280, 1280, 420), 0.0, 0.12),
    ]
    check_shares(blue, "blue", boxes)


@pytest.mark.parametrize(
    ("name", "first", "sky"),
    [
        ("bigbuckbunny.mp4", 60, (1100, 20, 1260, 180)),
        ("bikes.mp4", 140, (720, 40, 880, 120)),
        ("carphone_pristine.mp4", 30, (1060, 20, 1260, 200)),
    ],
)
def test_a_night_is_dark_with_a_dark_sky_and_keeps_its_contrast(
    paint, clip, tmp_path, name, first, sky
):
    frames = frames_of(clip.with_name(name), first)
    day = luma(frames[-1])
    night = luma(edited(paint, tmp_path, frames, "make it night"))
    left, top, right, bottom = sky
    assert 15 < night.mean() < 50
    assert night[top:bottom, left:right].mean() < 35
    assert np.percentile(night, 99.9) > 110, "nothing shines"
    assert night.std() / night.mean() > 1.2 * day.std() / day.mean()


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "bikes.mp4"])
def test_snow_falls_and_lies_and_rain_falls_on_dark_ground(paint, clip, tmp_path, name):
    frames = frames_of(clip.with_name(name), 60 if "bunny" in name else 140)
    before = luma(frames[-1])
    ground = slice(HEIGHT * 4 // 5, None)
    for prompt, least in (("add snow", 0.012), ("make it rain", 0.018)):
        shown = luma(edited(paint, tmp_path, frames, prompt))
        fallen = local(shown) > 25
        fallen &= local(before) < 12
        assert fallen.mean() > least, f"{prompt}: {100 * fallen.mean():.2f} % of the picture"
        change = shown[ground].mean() - before[ground].mean()
        assert change > 25 if prompt == "add snow" else change < -20, f"{prompt}: {change:.0f}"


def local(levels: np.ndarray, reach: int = 15) -> np.ndarray:
    """How far each level lies above the mean around it."""
    padded = np.pad(levels, reach, mode="edge")
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = 2 * reach + 1
    around = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return levels - around / side**2
