"""Looking at a portrait before it is sent: our own eyes, those of OpenCV, and the command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import parhelion as ph
from parhelion import portrait

sys.path.insert(0, str(Path(__file__).parents[2] / "portraits"))

from drawing import drawn_portrait

# Where the drawing has its eyes: 115 pixels apart around (300, 302).
EYES = ((242.4, 302.4), (357.6, 302.4))
NOTHING = np.full((200, 300, 3), 120, np.uint8)


def off(marks: ph.Landmarks | None, eyes: tuple[tuple[float, float], ...] = EYES) -> float:
    """How far the eyes are from where they should be, in pixels."""
    assert marks is not None
    found = (marks.left_eye, marks.right_eye)
    return max(
        float(np.hypot(*np.subtract(one, other))) for one, other in zip(found, eyes, strict=True)
    )


@pytest.fixture
def opencv():
    """The extra ``portrait``, which not every environment has."""
    cv2 = pytest.importorskip("cv2", reason="the extra parhelion[portrait] is not installed")
    if not hasattr(cv2, "CascadeClassifier"):
        pytest.skip(f"OpenCV {cv2.__version__} is without detectors: parhelion[portrait] has them")


def test_what_is_found_is_shown():
    seen = portrait.look(drawn_portrait())
    assert seen.faces == 1
    assert off(seen.landmarks) < 12
    assert 0.4 < seen.likeness <= 1
    assert seen.picture.shape == (720, 600, 3)
    changed = np.abs(seen.picture.astype(int) - np.asarray(drawn_portrait())).max(axis=2) > 60
    assert changed[270:560, 180:420].sum() > 300, "no marks are drawn"
    assert not changed[:150].any()
    nothing = portrait.look(NOTHING)
    assert (nothing.landmarks, nothing.faces, nothing.likeness) == (None, 0, 0.0)
    assert (nothing.picture == NOTHING).all()


def test_a_profile_is_found_with_its_one_eye():
    file = Path(__file__).parents[2] / "portraits" / "profile.jpg"
    seen = portrait.look(file)
    assert seen.faces == 1
    marks = seen.landmarks
    assert marks is not None
    assert marks.left_eye is None
    for found, place in (
        (marks.right_eye, (206, 240)),
        (marks.mouth_left, (166, 378)),
        (marks.mouth_right, (185, 381)),
    ):
        assert np.hypot(*np.subtract(found, place)) < 12
    # What was found can be given.
    again = portrait.look(file, marks)
    assert (again.landmarks, again.likeness) == (marks, 1.0)


def test_what_is_given_is_shown_with_crosses():
    given = ph.Landmarks((120, 80), (180, 80), chin=(150, 190))
    seen = portrait.look(NOTHING, given)
    assert seen.landmarks is not None
    assert (seen.landmarks.left_eye, seen.landmarks.chin) == (given.left_eye, given.chin)
    assert seen.likeness == 1.0
    for x, y in (given.left_eye, given.right_eye, (150, 190)):
        assert (seen.picture[int(y), int(x)] == 255).all()


@pytest.mark.parametrize(
    ("image", "landmarks", "says"),
    [
        ("http://127.0.0.1/face.png", None, "expected what is here, got a URL"),
        (b"no picture", None, "expected a PNG"),
        (NOTHING, (1, 2), "expected Landmarks or None, got tuple"),
        (NOTHING, ph.Landmarks((1, 1), (301, 1)), "right_eye: expected a place in the picture"),
    ],
)
def test_what_cannot_be_looked_at_is_named(image, landmarks, says):
    with pytest.raises(ph.InvalidInputError, match=says) as caught:
        portrait.look(image, landmarks)
    assert caught.value.operation == "look"


@pytest.mark.parametrize("turn", [0, -20, 20])
@pytest.mark.parametrize("scale", [0.4, 1.0, 4.0])
def test_the_detector_finds_a_face_of_every_size_and_turn(opencv, turn, scale):
    drawn = drawn_portrait()
    turned = drawn.rotate(turn, center=(300, 302), fillcolor="#9fb8c8")
    size = (round(600 * scale), round(720 * scale))
    marks = portrait.find_landmarks(turned.resize(size, Image.Resampling.LANCZOS))
    radians = np.radians(-turn)
    eyes = tuple(
        (
            scale * (300 + side * 57.6 * float(np.cos(radians))),
            scale * (302.4 + side * 57.6 * float(np.sin(radians))),
        )
        for side in (-1, 1)
    )
    assert off(marks, eyes) < 0.15 * 115 * scale
    assert marks is not None
    assert marks.mouth_left is not None


def test_the_detector_turns_a_photograph_as_it_is_shown(opencv):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    drawn_portrait().rotate(90, expand=True).save(content, "JPEG", quality=92, exif=exif)
    assert off(portrait.find_landmarks(content.getvalue())) < 17


def test_where_there_is_no_face_the_detector_finds_none(opencv):
    assert portrait.find_landmarks(NOTHING) is None
    assert portrait.find_landmarks(np.zeros((1, 1), np.uint8)) is None
    noise = np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8)
    assert portrait.find_landmarks(noise) is None


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install 'parhelion\[portrait\]'") as caught:
        portrait.find_landmarks(NOTHING)
    assert caught.value.name == "cv2"
    # One without the detectors is no better.
    newer = type(sys)("cv2")
    newer.__version__ = "5.0.0"
    monkeypatch.setitem(sys.modules, "cv2", newer)
    with pytest.raises(ImportError, match=r"OpenCV 5\.0\.0 has not.*parhelion\[portrait\]"):
        portrait.find_landmarks(NOTHING)


def doctor(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parhelion", "doctor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_shows_what_is_found(tmp_path):
    face, marked = tmp_path / "face.png", tmp_path / "marks.png"
    drawn_portrait().save(face)
    done = doctor("--portrait", face, "--output", marked)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["faces"] == 1
    assert said["landmarks"].keys() >= {"left_eye", "right_eye", "chin"}
    with Image.open(marked) as picture:
        assert picture.size == (600, 720)
    known = '{"left_eye": [200, 300], "right_eye": [320, 300]}'
    done = doctor("--portrait", face, "--landmarks", known)
    assert json.loads(done.stdout)["landmarks"]["left_eye"] == [200, 300]


def test_the_command_line_says_what_is_wrong(tmp_path):
    even = tmp_path / "even.png"
    Image.fromarray(NOTHING).save(even)
    done = doctor("--portrait", even)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"faces": 0, "likeness": 0.0, "landmarks": None}
    assert "no face was found" in done.stderr
    assert "--landmarks" in done.stderr
    (tmp_path / "empty.png").write_bytes(b"")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)  # a hole
    for arguments, says in (
        ((tmp_path / "none.png",), "none.png"),
        ((tmp_path,), "a directory"),
        ((tmp_path / "empty.png",), "got 0 (the file is empty: make it anew)"),
        ((tmp_path / "huge.png",), "make the picture smaller"),
        ((even, "--landmarks", "[1"), "--landmarks: "),
        ((even, "--landmarks", "[1, 2]"), "--landmarks: expected an object of places, got [1, 2]"),
        ((even, "--landmarks", '{"nose": [1, 2]}'), "--landmarks: "),
        ((even, "--landmarks", '{"left_eye": [1, 2], "right_eye": [1, 2]}'), "4 pixels or more"),
        (
            (even, "--output", tmp_path / "no" / "out.png"),
            "No such file",
        ),
    ):
        done = doctor("--portrait", *arguments)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
