"""Landmarks that are given, through a real service: what speaks, and what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import parhelion as ph
from drawing import drawn_portrait
from parhelion import portrait
from vowel import RATE, vowel

MARKS = ph.Landmarks(
    left_eye=(242, 302),
    right_eye=(358, 302),
    mouth_left=(252, 436),
    mouth_right=(348, 436),
    chin=(300, 520),
)


def mask() -> Image.Image:
    """Eyes and a mouth on planks, as bright as the wood: who looks for light and dark sees none."""
    y, x = np.mgrid[0:720, 0:600]
    red = 150.0 + 30 * (x // 40 % 2)
    wood = np.stack([red, 0.7 * red, 0.45 * red], axis=2)
    bright = wood @ [0.299, 0.587, 0.114]
    paint = np.stack([0.62 * bright, 1.18 * bright, 1.06 * bright], axis=2)

    def oval(cx: float, cy: float, rx: float, ry: float) -> Any:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1

    painted = oval(242, 302, 34, 18) | oval(358, 302, 34, 18) | oval(300, 436, 48, 8)
    return Image.fromarray(np.where(painted[..., None], paint, wood).clip(0, 255).astype(np.uint8))


async def shown(session: ph.RealTimeClient, pictures: int = 20) -> Any:
    """A picture after the portrait has faded in."""
    frame = None
    for _ in range(pictures):
        frame = await session.recv(timeout=20)
    assert frame is not None
    return frame.data.astype(np.int16)


async def changes(session: ph.RealTimeClient) -> Any:
    """How much each pixel differs at the most while a vowel is heard from when it was silent."""
    first = await shown(session, 5)
    most = np.zeros(first.shape[:2], np.int16)
    playing = asyncio.ensure_future(session.play_audio(vowel(0.8), rate=RATE))
    while not playing.done():
        frame = await session.recv(timeout=20)
        most = np.maximum(most, np.abs(frame.data - first).max(axis=2))
    await playing
    return most


async def until_face(session: ph.RealTimeClient) -> None:
    """The portrait is there: the card before it is grey."""

    async def look() -> None:
        while True:
            r, g, b = (int(level) for level in (await session.recv(timeout=20)).data[330, 640])
            if r > g + 15 > b:
                return

    await asyncio.wait_for(look(), 20)


async def test_a_drawing_without_a_face_speaks_where_it_is_told_to(avatar):
    notes: list[str] = []
    news = asyncio.Event()

    def note(name: str, data: dict[str, Any]) -> None:
        if name == "prompt":
            notes.append(data["message"])
            news.set()

    avatar.on("diagnostic", note)
    await avatar.set_image(mask(), prompt="calm")
    await until_face(avatar)
    while not any("no face was found" in text for text in notes):
        news.clear()
        await asyncio.wait_for(news.wait(), 20)
    assert "give landmarks" in notes[-1]
    await shown(avatar)
    still = await changes(avatar)
    notes.clear()
    await avatar.set_image(mask(), landmarks=MARKS)
    await shown(avatar)
    speaks = await changes(avatar)
    # The eyes are at 0.385 of the height, the mouth 1.15 of their distance of 119 pixels below.
    mouth = (slice(405, 460), slice(600, 680))
    assert still[mouth].mean() < 6, "it has no mouth yet"
    assert speaks[mouth].mean() > 40
    for beside in (speaks[:, :180], speaks[:, -180:]):
        assert beside.mean() < 2
    assert "no face" not in notes[-1]


async def test_a_profile_speaks_where_it_is_told_to(avatar):
    file = Path(__file__).parents[2] / "portraits" / "profile.jpg"
    # Before a ground of its own colors, in which no outline is found.
    y, x = np.mgrid[0:600, 0:480]
    pixels = np.asarray(Image.open(file)).copy()
    bars = (x // 12 + y // 12) % 2 == 0
    pixels[bars & (x < 140)] = (226, 176, 148)
    assert portrait.look(pixels).landmarks is None
    marks = ph.Landmarks(
        right_eye=(206, 240), mouth_left=(166, 378), mouth_right=(185, 381), chin=(200, 472)
    )
    await avatar.set_image(pixels, landmarks=marks, prompt="calm")
    await shown(avatar)
    speaks = await changes(avatar)
    # The eye is at 0.385 of the height and in the middle, the mouth 143 pixels below.
    assert speaks[400:480, 570:650].mean() > 15
    assert speaks[:, :180].mean() < 2


async def test_landmarks_come_back_with_their_image(relay, record):
    """And stay when the prompt changes; another image comes without them."""
    messages: list[dict[str, Any]] = []

    def hear(message: dict[str, Any]) -> None:
        if message["type"] in ("set_image", "prompt"):
            messages.append(message)

    expected = {
        "left_eye": [242.0, 302.0],
        "right_eye": [358.0, 302.0],
        "mouth_left": [252.0, 436.0],
        "mouth_right": [348.0, 436.0],
        "chin": [300.0, 520.0],
    }
    state = ph.InitialState("calm", mask(), MARKS)
    async with relay(lambda message: [message], hear) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="live_avatar", initial_state=state) as session:
            assert messages[-1]["landmarks"] == expected
            await session.set(prompt="smile")
            events = record(session)
            relay.drop_all()
            await events.until(lambda seen: "connected" in seen.states)
            assert messages[-1]["landmarks"] == expected
            assert messages[-1]["prompt"] == "smile"
            await until_face(session)
            await shown(session)
            assert (await changes(session))[405:460, 600:680].mean() > 40
            moved = dataclasses.replace(MARKS, chin=(300, 530))
            await session.set(image=mask(), landmarks=moved)
            assert messages[-1]["landmarks"] == expected | {"chin": [300.0, 530.0]}
            await session.set_image(mask())
            assert "landmarks" not in messages[-1]


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        (dataclasses.replace(MARKS, chin=(300, 721)), "chin: expected a place in the picture of"),
        (ph.Landmarks((-9, 302), (200, 302)), "left_eye: .* 600 x 720 pixels, got -9, 302"),
        ((1, 2), "landmarks: expected Landmarks or None, got tuple"),
        ({"left_eye": (1, 2)}, "landmarks: expected Landmarks or None, got dict"),
    ],
)
async def test_landmarks_that_do_not_fit_are_never_sent(relay, marks, says):
    kinds: list[str] = []
    async with relay(lambda message: [message], lambda message: kinds.append(message["type"])) as (
        url,
        key,
    ):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="live_avatar") as session:
            before = kinds.count("set_image")
            for image in (mask(), np.asarray(mask())):
                with pytest.raises(ph.InvalidInputError, match=says) as caught:
                    await session.set_image(image, landmarks=marks)
                assert caught.value.operation == "set_image"
            for change in ({"prompt": "calm"}, {"image": None}):
                with pytest.raises(ph.InvalidInputError, match="landmarks: expected"):
                    await session.set(landmarks=MARKS, **change)
            assert kinds.count("set_image") == before
            assert "prompt" not in kinds
        state = ph.InitialState(None, mask(), marks)
        with pytest.raises(ph.InvalidInputError, match=says):
            await client.realtime.connect(model="live_avatar", initial_state=state)


async def test_a_model_that_looks_for_no_face_is_told_none(client):
    state = ph.InitialState(None, mask(), MARKS)
    with pytest.raises(ph.InvalidInputError, match="'lucy_2_rt' looks for no face"):
        await client.realtime.connect(model="lucy_2_rt", initial_state=state)
    with pytest.raises(ph.InvalidInputError, match="expected the image beside them"):
        await client.realtime.connect(
            model="live_avatar", initial_state=ph.InitialState(landmarks=MARKS)
        )
    async with client.realtime.connect(model="lucy_2_rt") as session:
        with pytest.raises(ph.InvalidInputError, match="use live_avatar"):
            await session.set_image(mask(), landmarks=MARKS)


async def test_the_service_looks_at_them_too(client):
    """What a client lets pass that does not look."""
    model = dataclasses.replace(client.models.realtime("lucy_2_rt"), accepts_audio=True)
    async with client.realtime.connect(model=model, audio=False) as session:
        with pytest.raises(ph.ServerError, match="the model looks for no face in its image"):
            await session.set_image(mask(), landmarks=MARKS)


async def test_places_are_those_of_the_picture_as_it_is_shown(avatar):
    """Of a photograph that was taken upright and stored lying."""
    drawn = drawn_portrait()
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    drawn.rotate(90, expand=True).save(content, "JPEG", quality=92, exif=exif)
    marks = ph.Landmarks((242, 302), (358, 302), chin=(300, 526))
    await avatar.set_image(content.getvalue(), landmarks=marks, prompt="calm")
    await until_face(avatar)
    await shown(avatar)
    speaks = await changes(avatar)
    assert speaks[400:470, 600:680].mean() > 25
    assert speaks[:, :180].mean() < 2
    # Below the 600 rows that are stored.
    low = ph.Landmarks((270, 620), (330, 620), chin=(300, 715))
    await avatar.set_image(content.getvalue(), landmarks=low)
    with pytest.raises(ph.InvalidInputError, match="picture of 720 x 600 pixels"):
        await avatar.set_image(np.zeros((600, 720, 3), np.uint8), landmarks=low)
