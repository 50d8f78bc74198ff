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


def drawn_turned(width: int = 600, height: int = 720, background: str = "#c9c2a8") -> Image.Image:
    """A head that is turned half away, to the right of the picture: three quarters of a face."""
    size = (width * _FINE, height * _FINE)
    image = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(image)
    d = 0.16 * height * _FINE
    cx, cy = 0.5 * size[0], 0.42 * size[1]

    def place(x: float, y: float) -> tuple[float, float]:
        return cx + x * d, cy + y * d

    def oval(x: float, y: float, rx: float, ry: float, fill: str) -> None:
        draw.ellipse([*place(x - rx, y - ry), *place(x + rx, y + ry)], fill=fill)

    def shape(points: list[tuple[float, float]], fill: str) -> None:
        draw.polygon([place(*point) for point in points], fill=fill)

    def curve(points: list[tuple[float, float]], fill: str, thick: float) -> None:
        draw.line(
            [place(*point) for point in points], fill=fill, width=round(thick * d), joint="curve"
        )

    skin, shade, hair = "#e2ab86", "#c68a66", "#2f241d"
    # Shoulders, neck, the back of the head, the face with the far cheek close to the nose, an ear.
    draw.rounded_rectangle([*place(-2.5, 2.5), *place(1.9, 7.0)], radius=0.9 * d, fill="#7a3b3b")
    shape([(-0.95, 1.1), (0.35, 1.7), (0.40, 2.9), (-0.95, 2.9)], shade)
    oval(-0.42, -0.10, 1.52, 1.55, hair)
    oval(-0.08, 0.30, 1.02, 1.28, skin)
    shape(
        [
            (-1.02, 0.3), (-0.92, 1.0), (-0.55, 1.55), (-0.02, 1.92), (0.30, 1.93),
            (0.62, 1.62), (0.78, 1.15), (0.90, 0.62), (0.90, 0.1), (0.2, -0.3),
        ],
        skin,
    )  # fmt: skip
    oval(-0.30, -1.00, 1.12, 0.50, hair)
    oval(-1.14, 0.42, 0.17, 0.30, shade)
    # The near eye is wider than the far one.
    for x, wide, brow in ((-0.44, 0.235, 0.29), (0.54, 0.175, 0.21)):
        oval(x, 0.0, wide, 0.115, "#f7f3ea")
        oval(x + 0.05, 0.0, 0.095, 0.108, "#5a4632")
        oval(x + 0.05, 0.0, 0.05, 0.055, "#120e0b")
        lid = [(x + wide * u, -0.12 * (1 - u * u)) for u in (k / 5 - 1 for k in range(11))]
        curve(lid, "#1d1410", 0.035)
        curve(
            [(x + brow * u, -0.33 - 0.06 * (1 - u * u)) for u in (k / 4.5 - 1 for k in range(10))],
            hair,
            0.07,
        )
    curve([(0.27, 0.15), (0.40, 0.58), (0.36, 0.70), (0.18, 0.76)], "#b67a57", 0.04)
    for x in (0.06, 0.26):
        oval(x, 0.76, 0.05, 0.028, "#8f563a")
    # The mouth: its middle goes with the nose, and its far half is shorter.
    along = [k / 8 - 1 for k in range(17)]
    across = [(0.16 + u * (0.42 if u < 0 else 0.30), u) for u in along]
    bow = [(x, 1.18 - 0.10 * (1 - u * u) * (0.7 if u == 0 else 1.0)) for x, u in across]
    under = [(x, 1.18 + 0.14 * (1 - u * u)) for x, u in reversed(across)]
    shape([*bow, *under], "#b4544f")
    curve([(x, 1.18 + 0.012 * (1 - u * u)) for x, u in across], "#4e1b1a", 0.03)
    return image.resize((width, height), Image.Resampling.LANCZOS)
