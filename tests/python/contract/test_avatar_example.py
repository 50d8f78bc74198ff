"""The film that examples/avatar.py writes: that it plays, that it is in step, and what is said
where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "portraits"))
sys.path.insert(0, str(Path(__file__).parents[2] / "sounds"))

from drawing import drawn_portrait
from tones import wav
from vowel import RATE, vowel

av = pytest.importorskip("av", reason="the example needs PyAV")

EXAMPLE = Path(__file__).parents[3] / "examples" / "avatar.py"
FRAME = 0.04
CLICKS = (0.4, 1.2, 2.0)


def film(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", EXAMPLE, *arguments]
    return subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=55, check=False
    )


def opening(picture: np.ndarray) -> int:
    """Pixels as dark as the inside of a mouth, where the drawing has its mouth."""
    return int((picture[390:500, 580:700].max(axis=2) < 90).sum())


def test_a_film_plays_begins_and_ends_at_once_and_is_in_step(tmp_path):
    drawn_portrait().save(tmp_path / "face.png")
    track = np.zeros(int(2.6 * RATE), np.float32)
    click = vowel(0.3)
    for at in CLICKS:
        track[int(at * RATE) :][: len(click)] = click
    (tmp_path / "clicks.wav").write_bytes(wav(track))
    done = film(tmp_path, "face.png", "clicks.wav", "film.mp4", "--prompt", "calm")
    assert (done.returncode, done.stderr) == (0, "")
    assert "applied: calm" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clicks.wav",
        "face.png",
        "film.mp4",
    ]
    with av.open(str(tmp_path / "film.mp4")) as container:
        pictures = [
            (frame.time, opening(frame.to_ndarray(format="rgb24")), frame.width, frame.height)
            for frame in container.decode(video=0)
        ]
    with av.open(str(tmp_path / "film.mp4")) as container:
        blocks = [(block.time, block.to_ndarray()[0]) for block in container.decode(audio=0)]
        streams = {
            stream.type: float(stream.duration * stream.time_base) for stream in container.streams
        }
    assert {picture[2:] for picture in pictures} == {(1280, 720)}
    assert (pictures[0][0], blocks[0][0]) == (0, 0)
    assert abs(streams["video"] - streams["audio"]) <= FRAME + 0.001, streams
    # Half a second and more stays before and after the voice.
    assert streams["video"] == pytest.approx(2.6 + 1.2, abs=0.7)
    times = np.concatenate([time + np.arange(len(data)) / RATE for time, data in blocks])
    loud = times[np.abs(np.concatenate([data for _, data in blocks])) > 0.05]
    starts = [loud[0], *loud[1:][np.diff(loud) > 0.3]]
    assert np.diff(starts) == pytest.approx(np.diff(CLICKS), abs=0.01)
    for start in starts:
        opened = next(time for time, dark, *_ in pictures if time > start - 0.3 and dark > 60)
        assert abs(opened - start) <= 0.08, (opened, start)
        assert not [
            time for time, dark, *_ in pictures if start - 0.3 < time < start - 0.08 and dark > 60
        ]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("face.png", "empty.wav"), 1, "expected samples, got none"),
        (("face.png", "text.wav"), 1, "expected a WAV, AIFF, FLAC, MP3 or Ogg Vorbis file"),
        (("face.png", "no.wav"), 1, "no.wav cannot be read: No such file"),
        (("text.png", "voice.wav"), 1, "expected a PNG, JPEG or WebP file, got 5 bytes"),
        ((".", "voice.wav"), 1, "'.' is a directory"),
        (("face.png", "voice.wav", "film.txt"), 2, "ends in .mp4, .mov or .mkv, got film.txt"),
        (("face.png", "voice.wav", "no/film.mp4"), 2, "in a folder that is there, got no/film.mp4"),
    ],
)
def test_where_there_is_no_film_it_says_why_in_a_line(tmp_path, arguments, status, says):
    drawn_portrait(64, 64, unit=0.2).save(tmp_path / "face.png")
    (tmp_path / "voice.wav").write_bytes(wav(vowel(0.2)))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "avatar.mp4").write_text("an earlier film")
    before = sorted(tmp_path.iterdir())
    done = film(tmp_path, *arguments)
    lines = done.stderr.splitlines()
    assert done.returncode == status, done.stderr
    assert says in lines[-1]
    assert "Traceback" not in done.stderr
    assert len(lines) == status, done.stderr
    # Nothing is left, and what was there is.
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "avatar.mp4").read_text() == "an earlier film"
