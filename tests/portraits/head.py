"""A head modelled of rounded solids, lit and seen from any side: nearly a photograph, of nobody.

The solids are distances to surfaces that are blended into each other; each pixel walks along its
ray until it meets one (sphere tracing: Hart, The Visual Computer 12, 1996).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float64]
Place = tuple[float, float, float]

_EYES: tuple[Place, Place] = ((-0.5, 0.0, 0.10), (0.5, 0.0, 0.10))
_EYE = 0.25
"""The radius of an eye; lengths are in distances of the eyes, y is down, z towards who looks."""

_OPEN = 0.14
"""How far the middle of what is seen of an eye is before its center: its corners lie deeper."""

_HAIR: tuple[Place, Place] = ((0, -0.22, -0.80), (1.24, 1.50, 1.36))

_LIGHT = (-0.45, -0.55, 0.70)


def turned_head(degrees: float, width: int = 480, height: int = 600) -> Image.Image:
    """The head, turned to the right of the picture."""
    # Outlines are even: each pixel is the mean of four.
    return _rendered(degrees, 2 * width, 2 * height).resize((width, height), Image.Resampling.BOX)


def _rendered(degrees: float, width: int, height: int) -> Image.Image:
    turn = math.radians(degrees)
    sin, cos = math.sin(turn), math.cos(turn)
    unit = 0.20 * height
    left, top = 0.5 * width, 0.40 * height
    columns, rows = np.meshgrid(
        (np.arange(width) + 0.5 - left) / unit, (np.arange(height) + 0.5 - top) / unit
    )
    start = np.stack([columns.ravel(), rows.ravel(), np.full(width * height, 3.0)], axis=1)
    # The head stands still, and who looks goes around it.
    back = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    start, ray = start @ back.T, np.array([0.0, 0.0, -1.0]) @ back.T
    place, hit = _walk(start, ray)
    color = np.empty((width * height, 3))
    color[:] = np.outer(1.0 - 0.10 * rows.ravel() - 0.05 * columns.ravel(), (116, 128, 140))
    color[hit] = _shaded(place[hit], ray, np.array(_LIGHT) @ back.T)
    pixels = color.reshape(height, width, 3).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def turned_marks(
    degrees: float, width: int = 480, height: int = 600
) -> dict[str, tuple[float, float]]:
    """Where its parts are in that picture, in pixels."""
    turn = math.radians(degrees)
    unit = 0.20 * height

    def seen(x: float, y: float, z: float) -> tuple[float, float]:
        across = x * math.cos(turn) + z * math.sin(turn)
        return round(0.5 * width + across * unit, 1), round(0.40 * height + y * unit, 1)

    return {
        "left_eye": seen(-0.5, 0.0, _EYES[0][2] + _OPEN),
        "right_eye": seen(0.5, 0.0, _EYES[1][2] + _OPEN),
        "mouth_left": seen(-0.36, 1.16, 0.40),
        "mouth_right": seen(0.36, 1.16, 0.40),
        "chin": seen(0.0, 1.92, 0.42),
    }


def _walk(start: Array, ray: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    place, hit = start.copy(), np.zeros(len(start), bool)
    going = np.arange(len(start))
    for _ in range(60):
        distance = _distance(place[going])
        place[going] += 0.8 * distance[:, None] * ray
        hit[going[distance < 0.003]] = True
        far = np.einsum("ij,j->i", place[going] - start[going], ray) > 6.0
        going = going[(distance >= 0.003) & ~far]
    return place, hit


def _ball(p: Array, center: Place, radii: Place) -> Array:
    """About the distance from an ellipsoid."""
    scaled = (p - center) / radii
    length = np.sqrt((scaled**2).sum(axis=1))
    slope = np.sqrt(((scaled / radii) ** 2).sum(axis=1))
    distance: Array = length * (length - 1.0) / np.maximum(slope, 1e-6)
    return distance


def _rod(p: Array, begin: Place, end: Place, thick: float, thin: float) -> Array:
    along = np.subtract(end, begin)
    part = (((p - begin) @ along) / (along @ along)).clip(0, 1)
    away = p - begin - part[:, None] * along
    distance: Array = np.sqrt((away**2).sum(axis=1)) - (thick + (thin - thick) * part)
    return distance


def _joined(a: Array, b: Array, soft: float) -> Array:
    part = (0.5 + 0.5 * (b - a) / soft).clip(0, 1)
    joined: Array = b + (a - b) * part - soft * part * (1 - part)
    return joined


def _distance(p: Array) -> Array:
    mirrored = p.copy()
    mirrored[:, 0] = np.abs(p[:, 0])
    d = _ball(p, (0, -0.15, -0.75), (1.08, 1.30, 1.25))
    d = _joined(d, _ball(p, (0, 0.72, -0.38), (0.90, 1.26, 0.92)), 0.25)
    d = _joined(d, _ball(mirrored, (0.52, 0.55, 0.05), (0.34, 0.32, 0.28)), 0.25)
    d = _joined(d, _ball(p, (0, 1.70, 0.28), (0.30, 0.24, 0.27)), 0.20)
    d = _joined(d, _rod(mirrored, (0.20, -0.27, 0.42), (0.72, -0.24, 0.17), 0.10, 0.08), 0.15)
    d = -_joined(-d, _ball(mirrored, (0.50, 0.02, 0.42), (0.28, 0.17, 0.17)), 0.12)
    d = _joined(d, _rod(p, (0, -0.02, 0.38), (0, 0.62, 0.72), 0.07, 0.125), 0.12)
    d = _joined(d, _ball(mirrored, (0.13, 0.68, 0.60), (0.09, 0.08, 0.11)), 0.06)
    # Lips lie around the arch of the teeth.
    d = _joined(d, _ball(p, (0, 1.14, 0.16), (0.46, 0.44, 0.44)), 0.14)
    d = _joined(d, _ball(p, (0, 1.095, 0.20), (0.375, 0.085, 0.50)), 0.04)
    d = _joined(d, _ball(p, (0, 1.235, 0.19), (0.31, 0.095, 0.47)), 0.05)
    d = _joined(d, _rod(p, (0, 1.3, -0.75), (0, 3.0, -0.95), 0.56, 0.62), 0.15)
    d = _joined(d, _ball(p, (0, 3.75, -0.95), (2.3, 1.0, 0.75)), 0.25)
    d = np.minimum(d, _ball(mirrored, _EYES[1], (_EYE, _EYE, _EYE)))
    hair = _ball(p, *_HAIR)
    return np.minimum(d, np.maximum(hair, _before_hair(p)))


def _before_hair(p: Array) -> Array:
    """Above 0 in front of the hair line."""
    brow = 0.62 * p[:, 2] + 0.80 * p[:, 1] + 0.62
    return np.maximum(np.minimum(brow, p[:, 2] + 0.5), 0.7 * (p[:, 1] - 0.95))


def _shaded(p: Array, ray: Array, light: Array) -> Array:
    normal = np.empty_like(p)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 0.008
        normal[:, axis] = _distance(p + step) - _distance(p - step)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    light = light / np.linalg.norm(light)
    facing = normal @ light
    shadow = np.minimum.reduce(
        [(_distance(p + light * far) / far * 4.0 + 0.2).clip(0, 1) for far in (0.1, 0.25, 0.5)]
    )
    # What is near to other surfaces gets less of the sky.
    hollow = (0.4 + 0.6 * _distance(p + 0.16 * normal) / 0.16).clip(0.35, 1)
    shine = ((normal @ (light - ray) / np.linalg.norm(light - ray)).clip(0, 1)) ** 24
    paint, gloss = _paint(p)
    # Light goes a little way under the skin: shadows begin softly, and red.
    soft = ((facing[:, None] + (0.35, 0.22, 0.18)) / 1.3).clip(0, 1)
    lit = 0.36 * hollow[:, None] + 0.78 * soft * (0.25 + 0.75 * shadow[:, None])
    color: Array = paint * lit + 255 * (gloss * shine * shadow)[:, None]
    return color


def _paint(p: Array) -> tuple[Array, Array]:
    """The color of a place, and how much it shines."""
    x, y, z = p[:, 0], p[:, 1], p[:, 2]
    side = np.abs(x)
    color = np.empty_like(p)
    color[:] = (226, 176, 148)
    gloss = np.full(len(p), 0.10)

    def lay(part: Array, over: Place, shine: float = 0.1) -> None:
        part = part.clip(0, 1)
        color[:] += (np.array(over) - color) * part[:, None]
        gloss[:] += (shine - gloss) * part

    # A little uneven, as skin is.
    uneven = np.sin(9 * x + 3 * np.sin(7 * y)) * np.sin(8 * y + 4 * z) + np.sin(23 * x + 19 * y + z)
    color[:] *= (1 + 0.012 * uneven)[:, None]
    front = z > -0.2
    lay(0.30 * np.exp(-(((side - 0.55) / 0.25) ** 2) - ((y - 0.62) / 0.25) ** 2), (214, 130, 112))
    inside = np.where(
        y < 1.165,
        1 - (x / 0.37) ** 2 - ((y - 1.165) / 0.115) ** 2,
        1 - (x / 0.36) ** 2 - ((y - 1.165) / 0.155) ** 2,
    )
    lay(np.where(front, 5 * inside, 0), (186, 96, 92), 0.16)
    line = np.exp(-(((y - 1.165 + 0.02 * (1 - (x / 0.3) ** 2)) / 0.016) ** 2))
    lay(np.where(front & (side < 0.36), line, 0), (84, 34, 34), 0.0)
    nostrils = np.exp(-(((side - 0.09) / 0.04) ** 2) - ((y - 0.755) / 0.022) ** 2)
    lay(np.where(z > 0.5, nostrils, 0), (96, 48, 40), 0.0)
    arch = -0.34 - 0.05 * (1 - ((side - 0.5) / 0.26) ** 2)
    brow = 1.6 * np.exp(-(((y - arch) / 0.034) ** 2) - ((side - 0.48) / 0.26) ** 8)
    lay(np.where(front, brow, 0), (72, 50, 38), 0.02)
    on_hair = np.abs(_ball(p, *_HAIR)) < 0.02
    hair = on_hair * (24 * (0.03 - _before_hair(p))).clip(0, 1)
    lay(hair, (82, 56, 38), 0.09)
    strands = np.sin(150 * x + 20 * z) + np.sin(97 * x - 31 * y) + np.sin(61 * z + 23 * y)
    color[:] *= (1 + 0.03 * hair * strands)[:, None]
    lay(8 * (y - 2.45), (70, 84, 112), 0.02)
    for eye in _EYES:
        off = p - eye
        on = np.abs(np.sqrt((off**2).sum(axis=1)) - _EYE) < 0.01
        u = off[:, 0] / 0.235
        bow = (1 - u**2).clip(0, 1)
        open_ = np.minimum(off[:, 1] + 0.118 * bow, 0.088 * bow - off[:, 1])
        white = on & (off[:, 2] > 0)
        around = np.hypot(off[:, 0], off[:, 1] + 0.004)
        lay(np.where(white, 60 * open_, 0), (236, 230, 224), 0.3)
        lay(np.where(white & (open_ > 0), 40 * (0.108 - around), 0), (88, 74, 52), 0.5)
        lay(np.where(white & (open_ > 0), 40 * (0.048 - around), 0), (18, 14, 12), 0.6)
        lid = np.exp(-((off[:, 1] + 0.122 * bow) ** 2) / 0.014**2) * (bow > 0.02)
        lay(np.where(white, lid, 0), (52, 34, 28), 0.0)
        spark = np.hypot(off[:, 0] + 0.035, off[:, 1] + 0.045)
        lay(np.where(white & (open_ > 0), 50 * (0.022 - spark), 0), (255, 255, 255), 0.0)
    return color, gloss


if __name__ == "__main__":
    for name, degrees in (("turned", 35.0), ("profile", -90.0)):
        file = Path(__file__).with_name(f"{name}.jpg")
        turned_head(degrees).save(file, quality=88)
