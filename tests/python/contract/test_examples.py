"""Every example of the documentation runs as it is written."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

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
