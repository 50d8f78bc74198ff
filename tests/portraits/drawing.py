"""A portrait that is drawn, not photographed: flat colors and dark lines, seen from the front."""

from __future__ import annotations

from PIL import Image, ImageDraw

_FINE = 4
"""Drawn so much larger, so that edges are smooth."""


def drawn_portrait(
    width: int = 600,
    height: int = 720,
    at: tuple[float, float] = (0.5, 0.42),
    unit: float = 0.16,
    background: str = "#9fb8c8",
) -> Image.Image:
    """A face from the front; ``at`` is between its eyes, ``unit`` their distance in heights."""
    size = (width * _FINE, height * _FINE)
    image = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(image)
    d = unit * height * _FINE
    cx, cy = at[0] * size[0], at[1] * size[1]

    def place(x: float, y: float) -> tuple[float, float]:
        return cx + x * d, cy + y * d

    def oval(x: float, y: float, rx: float, ry: float, fill: str) -> None:
        draw.ellipse([*place(x - rx, y - ry), *place(x + rx, y + ry)], fill=fill)

    def curve(points: list[tuple[float, float]], fill: str, thick: float) -> None:
        draw.line(
            [place(*point) for point in points], fill=fill, width=round(thick * d), joint="curve"
        )

    # Shoulders, neck, hair, head.
    draw.rounded_rectangle([*place(-2.2, 2.6), *place(2.2, 7.0)], radius=0.9 * d, fill="#3c4f76")
    draw.rectangle([*place(-0.55, 1.4), *place(0.55, 2.9)], fill="#d9a384")
    oval(0.0, -0.05, 1.42, 1.62, "#4a3226")
    oval(0.0, 0.52, 1.12, 1.42, "#efc1a0")
    oval(0.0, -1.05, 1.05, 0.42, "#4a3226")
    for side in (-0.5, 0.5):
        oval(side, 0.0, 0.24, 0.12, "#fbfaf6")
        oval(side, 0.0, 0.105, 0.115, "#4b6a4a")
        oval(side, 0.0, 0.055, 0.06, "#16120f")
        lid = [(side - 0.25 + 0.05 * k, -0.125 * (1 - (k / 5 - 1) ** 2)) for k in range(11)]
        curve(lid, "#2a1c16", 0.035)
        brow = [
            (side - 0.27 + 0.06 * k, -0.34 - 0.06 * (1 - (k / 4.5 - 1) ** 2)) for k in range(10)
        ]
        curve(brow, "#4a3226", 0.07)
    curve([(0.06, 0.2), (0.12, 0.62), (0.02, 0.70)], "#cf9576", 0.035)
    for side in (-0.09, 0.09):
        oval(side, 0.72, 0.05, 0.028, "#b97b60")
    bow = [-0.42 + 0.07 * k for k in range(13)]
    top = [(x, 1.16 - 0.10 * (1 - (x / 0.42) ** 2) * (1 - 0.35 * (abs(x) < 0.05))) for x in bow]
    bottom = [(x, 1.16 + 0.15 * (1 - (x / 0.42) ** 2)) for x in reversed(bow)]
    draw.polygon([place(*point) for point in [*top, *bottom]], fill="#c9605c")
    curve([(x, 1.16 + 0.015 * (1 - (x / 0.42) ** 2)) for x in bow], "#5e2322", 0.03)
    return image.resize((width, height), Image.Resampling.LANCZOS)
