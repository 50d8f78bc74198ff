"""Every style on every clip that the tests carry: none is like another, none is blank."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLIPS = {"carphone_pristine.mp4": 30, "bigbuckbunny.mp4": 60, "bikes.mp4": 140}
PAGE = Path(__file__).parents[3] / "docs" / "models.md"
SIZE = (320, 176)
# Levels of 255 by which two styles differ on average, at the least.
MARGIN = 8.0


def styles() -> list[str]:
    """The styles that the page lists."""
    found = re.findall(r"^\| ([\w ]+) \| (?:medium|look)", PAGE.read_text(), re.MULTILINE)
    assert len(found) > 50
    return found


def frame_of(clip: Path, number: int) -> np.ndarray:
    """One frame of a clip."""
    av = pytest.importorskip("av")
    with av.open(str(clip)) as container:
        frame = next(itertools.islice(container.decode(video=0), number, None))
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return np.asarray(image.resize(SIZE, Image.Resampling.LANCZOS))


@pytest.mark.parametrize("name", CLIPS)
async def test_styles_differ_on_every_clip(client, clip, difference, name):
    frame = frame_of(clip.with_name(name), CLIPS[name])
    shown = {"the clip": frame}
    async with client.realtime.connect(model="mirage_v2", max_bitrate=8_000_000) as session:
        for style in styles():
            # From nothing: the first look is there at once.
            await session.set(prompt=None)
            await session.transform(frame)
            await session.set_prompt(style, enhance=False)
            shown[style] = np.asarray(await session.transform(frame)).copy()
    for style, picture in shown.items():
        levels = picture.astype(int).mean(2)
        assert levels.std() > 8, f"{style} is flat"
        assert 8 < levels.mean() < 247, f"{style} is blank"
    pairs = itertools.combinations(shown, 2)
    alike = [
        f"{one} and {other}: {apart:.1f}"
        for one, other in pairs
        if (apart := difference(shown[one], shown[other])) < MARGIN
    ]
    assert not alike
