"""A model that is driven by sound, as the official SDKs that have one use it: no video of theirs,
a reference image, silence all the time and clips between."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import pytest
from PIL import Image

RED = [200, 40, 60]
PITCH = 440
SECONDS = 1.0


def address(server):
    return {"url": server.url, "key": server.api_key}


@pytest.fixture(scope="module")
def portrait():
    """A picture of one colour, as base64."""
    content = io.BytesIO()
    Image.fromarray(np.full((72, 128, 3), RED, np.uint8)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


@pytest.fixture(scope="module")
def clip():
    """A second of a tone at a quarter of full scale, as base64. At 48 kHz: the Python SDK puts what
    lies behind its buffers between the samples when it has to resample."""
    n = np.arange(int(48_000 * SECONDS))
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        samples = 0.25 * 32767 * np.sin(2 * np.pi * PITCH * n / 48_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return base64.b64encode(content.getvalue()).decode()


async def test_the_python_sdk_sees_its_image_and_hears_its_clip(server, avatar_sdk, portrait, clip):
    connected = await avatar_sdk.call("connect", **address(server), image=portrait)
    assert connected["session_id"]
    seen = await avatar_sdk.call("see", colour=RED)
    assert seen["matched"], seen
    assert seen["size"] == [1280, 720]
    for _ in range(2):
        played = await avatar_sdk.call("play", content=clip)
        # It returns when its last block has been sent.
        assert (
            played["took"] > SECONDS - 0.05
        )  # as long as it sounds; how much longer is the machine's
        assert played["seconds"] == pytest.approx(SECONDS, abs=0.1)
        assert played["pitch"] == pytest.approx(PITCH, abs=5)
        # It spreads one channel over two with 3 dB less on each.
        assert played["level"] == pytest.approx(0.25 / 2**0.5, rel=0.1)
        assert played["silence"] < 0.01


async def test_the_javascript_sdk_sees_its_image_and_hears_its_clip(
    server, js_sdk, start_page, portrait, clip
):
    page = await start_page("sdk.html")
    connected = await page.call(
        "connect", **address(server), model="live_avatar", media="none", image=portrait
    )
    assert connected["offered"] == ["video", "audio"]
    seen = await page.call("see", colour=RED, frames=5)
    assert seen["matched"], seen
    assert seen["size"] == [1280, 720]
    played = await page.call("play_and_hear", content=clip)
    assert played["took"] > SECONDS - 0.05  # as long as it sounds; how much longer is the machine's
    assert played["pitch"] == pytest.approx(PITCH, abs=12)
    assert played["loud"] == pytest.approx(SECONDS, abs=0.35)
    assert not played["loud_at_the_end"]
