"""Frames that are sent as in a mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import parhelion as ph
from parhelion import _core
from parhelion.sources.iterables import IterableSource

MODEL = ph.ModelDefinition("plain", 25, 64, 48)
FORMATS = _core.pixel_formats()


@pytest.fixture
def seen(server: ph.LocalServer) -> list[Any]:
    """What reaches the model, as RGB."""
    seen: list[Any] = []

    @server.model("plain")
    def plain(frame: Any, context: ph.ModelContext) -> Any:
        seen.append(frame.copy())
        return frame

    return seen


def in_format(rgb: Any, format: str) -> Any:
    return _core.convert(rgb, "rgb24", format)


@pytest.mark.parametrize("format", FORMATS)
async def test_every_format_is_turned_on_its_way_out_and_not_back(
    client, seen, picture, difference, format
):
    rgb = picture(64, 48)
    frame = in_format(rgb, format)
    async with client.realtime.connect(model=MODEL, format=format, mirror=True) as session:
        back = await session.transform(frame)
    gray = np.repeat(in_format(rgb, "gray")[..., None], 3, axis=-1) if format == "gray" else rgb
    assert difference(seen[0], gray[:, ::-1]) < 6
    assert difference(seen[0], gray) > 15
    # The model gave back what it got, and nobody has turned it.
    assert back.data.shape == frame.shape
    shown = _core.convert(back.data, format, "rgb24")
    assert difference(shown, gray[:, ::-1]) < 6


@pytest.mark.parametrize("size", [(63, 47), (1, 1), (65, 48), (64, 47)])
async def test_odd_sizes_are_turned_too(client, seen, picture, difference, size):
    width, height = size
    rgb = picture(width, height)
    async with client.realtime.connect(model=MODEL, mirror=True) as session:
        back = await session.transform(rgb)
    assert back.data.shape == rgb.shape
    assert difference(back, rgb[:, ::-1]) < 8


async def test_any_strides_are_turned(client, seen, picture, difference):
    rgb = picture(128, 96)
    async with client.realtime.connect(model=MODEL, mirror=True) as session:
        for view in (rgb[::2, ::2], rgb[:, ::-1], rgb[::-1], rgb[..., ::-1], rgb[8:72, 16:80]):
            await session.transform(view)
            assert difference(seen[-1], view[:, ::-1]) < 6


@pytest.mark.parametrize("mirror", [False, "auto"])
async def test_without_a_camera_nothing_is_turned(client, seen, picture, difference, mirror):
    rgb = picture(64, 48)
    async with client.realtime.connect(model=MODEL, mirror=mirror) as session:
        await session.transform(rgb)
    assert difference(seen[0], rgb) < 6
    async with client.realtime.connect([rgb] * 3, model=MODEL, mirror=mirror) as session:
        async for frame in session.frames():
            assert difference(frame, rgb) < 6


@pytest.mark.parametrize("camera", [True, False])
async def test_a_camera_is_a_mirror(client, seen, picture, difference, monkeypatch, camera):
    rgb = picture(64, 48)
    monkeypatch.setattr(IterableSource, "is_camera", camera)
    async with client.realtime.connect(iter([rgb] * 5), model=MODEL, mirror="auto") as session:
        frame = await session.recv(timeout=20)
    assert difference(frame, rgb[:, ::-1] if camera else rgb) < 6


@pytest.mark.parametrize("mirror", [None, 1, 0, "yes", "AUTO", np.True_])
async def test_other_values_are_refused(client, mirror):
    with pytest.raises(ph.InvalidOptionsError, match="mirror: expected True, False or 'auto'"):
        client.realtime.connect(model=MODEL, mirror=mirror)
