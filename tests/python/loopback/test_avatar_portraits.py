"""Portraits that are odd, missing or none, through a real service: what is seen of each, whether it
speaks, and what is said."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

import parhelion as ph
from drawing import drawn_portrait
from watching import (
    MOUTH,
    PATIENCE,
    RATE,
    Notes,
    is_color,
    is_portrait,
    long_vowel,
    opening,
    playing,
    png,
    speaks,
    until_settled,
    until_shown,
)

GREY = [119, 119, 119]
RED = [200, 40, 30]
NOBODY = np.full((300, 400, 3), RED, np.uint8)


def two_faces() -> bytes:
    both = Image.new("RGB", (1200, 720))
    both.paste(drawn_portrait(), (0, 0))
    both.paste(drawn_portrait(unit=0.13), (600, 0))
    return png(both)


def cut_out() -> bytes:
    """Without its background, as a face is cut out of a photograph."""
    pixels = np.array(drawn_portrait().convert("RGBA"))
    pixels[np.all(pixels[:, :, :3] == (0x9F, 0xB8, 0xC8), axis=2), 3] = 0
    return png(Image.fromarray(pixels))


def large() -> bytes:
    return png(drawn_portrait().resize((4000, 4800), Image.Resampling.NEAREST), compress_level=1)


# What is given, and where its mouth is seen, open, in the frame.
FACES: dict[str, tuple[Callable[[], Any], tuple[int, int]]] = {
    "64 x 64": (lambda: png(drawn_portrait(64, 64, unit=0.2)), (640, 500)),
    "grey": (lambda: png(drawn_portrait().convert("L")), MOUTH),
    "alpha": (cut_out, MOUTH),
    "at the edge": (lambda: png(drawn_portrait(900, 720, at=(0.12, 0.42))), (463, 440)),
    "at the top": (lambda: png(drawn_portrait(at=(0.5, 0.15))), (640, 275)),
    "wide": (lambda: png(drawn_portrait(1600, 500, at=(0.3, 0.4))), (640, 440)),
    "large": (large, MOUTH),
    "two": (two_faces, (350, 440)),
}


async def test_faces_of_every_kind_speak_where_they_are(client):
    for name, (image, place) in FACES.items():
        state = ph.InitialState("calm", image())
        async with client.realtime.connect(
            model="live_avatar", initial_state=state, timeout=PATIENCE
        ) as session:
            notes = Notes(session)
            await until_settled(session)
            try:
                await speaks(session, place)
            except asyncio.TimeoutError:
                pytest.fail(f"{name}: no mouth at {place}; {notes.texts}")
            assert not any("no face" in text for text in notes.texts), f"{name}: {notes.texts}"
            if name == "two":
                assert "the largest speaks" in await notes.until("several faces")


# How a picture is stored that is turned so when it is shown: the values of EXIF's Orientation.
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


async def test_a_photograph_is_upright_however_it_was_held(avatar):
    """All eight ways, each on a ground of its own, and with a mark on its left."""
    notes = Notes(avatar)
    grounds = [
        "#9fb8c8",
        "#c8a0a0",
        "#a0c8a0",
        "#c8c890",
        "#90c8c8",
        "#c890c8",
        "#b0b0b0",
        "#d8d0c0",
    ]
    for (orientation, stored), ground in zip(TURNS.items(), grounds, strict=True):
        drawn = drawn_portrait(background=ground)
        drawn.paste("#203040", (0, 0, 90, 160))
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = io.BytesIO()
        held = drawn if stored is None else drawn.transpose(stored)
        held.save(content, "JPEG", quality=92, exif=exif)
        await avatar.set_image(content.getvalue(), prompt="calm")
        color = [int(ground[at : at + 2], 16) for at in (1, 3, 5)]
        frame = await until_shown(
            avatar, lambda data, color=color: is_color(data, (900, 60), color)
        )
        assert is_color(frame.data, (370, 60), [0x20, 0x30, 0x40]), f"orientation {orientation}"
        if orientation in (3, 6, 8):  # as cameras are held
            await speaks(avatar)
    assert not any("no face" in text for text in notes.texts), notes.texts


async def stays_as_it_is(session: ph.RealTimeClient) -> None:
    """A voice is heard and comes back, and nothing of the picture moves."""
    still = await session.recv(timeout=PATIENCE)
    assert still.capture_time is not None
    async with playing(session, long_vowel(), RATE):
        while True:
            sound = await session.remote_stream.recv_audio(timeout=PATIENCE)
            if np.abs(sound.data).max() > 3000:
                break
        assert sound.capture_time is not None
        until = sound.capture_time + 0.3
        while True:
            frame = await session.recv(timeout=PATIENCE)
            off = np.abs(frame.data.astype(int) - still.data).max()
            assert off < 12, off
            assert frame.capture_time is not None
            if frame.capture_time > until:
                break
    assert session.is_connected()


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(NOBODY, id="nobody"),
        pytest.param(np.full((1, 1, 3), RED, np.uint8), id="one pixel"),
        pytest.param(np.full((8000, 1, 3), RED, np.uint8), id="a thread"),
        pytest.param(np.full((1, 8000, 3), RED, np.uint8), id="a line"),
    ],
)
async def test_a_picture_without_a_face_is_a_still(avatar, picture):
    notes = Notes(avatar)
    await avatar.set_image(picture)
    await until_shown(avatar, lambda data: is_color(data, (640, 360), RED))
    said = await notes.until("no face was found")
    assert "shown as a still" in said
    assert "use a picture in which both eyes and the mouth of a face are seen, or a profile" in said
    await until_settled(avatar)
    await stays_as_it_is(avatar)
    # Clearing it leads back to the card.
    await avatar.set_image(None)
    await until_shown(avatar, lambda data: is_color(data, (640, 360), GREY))


async def test_only_half_a_face_does_not_speak(avatar):
    notes = Notes(avatar)
    await avatar.set_image(png(drawn_portrait(900, 720, at=(0.03, 0.42))))
    await notes.until("no face was found")
    await until_shown(avatar, lambda data: is_color(data, (1000, 360), [0x9F, 0xB8, 0xC8]))
    await until_settled(avatar)
    await stays_as_it_is(avatar)


async def test_without_a_portrait_there_is_a_card_that_says_how_to_have_one(avatar):
    notes = Notes(avatar)
    await until_shown(avatar, lambda data: np.abs(data.astype(int) - GREY).max() < 12)
    await stays_as_it_is(avatar)
    said = await notes.until("there is none")
    assert "set_image()" in said
    assert notes.texts == [said], "it is said once"
    await avatar.set_image(png(drawn_portrait()))
    await until_shown(avatar, is_portrait)
    await until_settled(avatar)
    await speaks(avatar)


BROKEN: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "8000 x 8000": (
        lambda: png(Image.new("L", (8000, 8000)), compress_level=1),
        ["8192 x 8192 and 50331648 pixels", "got 8000 x 8000", "make it smaller"],
    ),
    "8000 x 8000 pixels": (
        lambda: np.zeros((8000, 8000), np.uint8),
        ["33177600 pixels", "got 8000x8000", "make it smaller"],
    ),
    "truncated": (lambda: png(drawn_portrait())[:9000], ["PNG file of 9000 bytes", "again"]),
    "empty": (lambda: b"", ["1 to 20971520 bytes", "got 0", "make it anew"]),
    "no picture": (lambda: b"hello", ["PNG, JPEG or WebP", "got 5 bytes", "pass its pixels"]),
    "too long": (lambda: bytes(21 << 20), ["20971520 bytes", "got 22020096", "smaller"]),
}


async def test_a_picture_that_is_refused_leaves_the_one_that_speaks(avatar):
    await avatar.set_image(png(drawn_portrait()), prompt="calm")
    await until_shown(avatar, is_portrait)
    async with playing(avatar, long_vowel(), RATE):
        await until_shown(avatar, lambda data: opening(data) > 120)
        for name, (image, says) in BROKEN.items():
            with pytest.raises(ph.InvalidInputError) as refused:
                await avatar.set_image(image())
            text = str(refused.value)
            assert all(part in text for part in says), f"{name}: {text}"
        frame = await until_shown(avatar, lambda data: opening(data) > 120)
        assert is_portrait(frame.data)


async def test_a_new_picture_without_a_face_is_shown_and_says_so_to_whoever_speaks(relay, record):
    """What was asked for is what is seen, now and after the connection has come back: the portrait
    before is not kept beside the state that the service has acknowledged."""
    async with relay(lambda message: [message]) as (url, key):
        client = ph.Client(key, base_url=url)
        state = ph.InitialState("calm", png(drawn_portrait()))
        async with client.realtime.connect(
            model="live_avatar", initial_state=state, timeout=PATIENCE
        ) as session:
            notes, events = Notes(session), record(session)
            async with playing(session, long_vowel(), RATE):
                await until_shown(session, lambda data: opening(data) > 120)
                await session.set_image(NOBODY)
                await notes.until("no face was found")
                await until_shown(session, lambda data: is_color(data, (640, 360), RED))
            await until_settled(session)
            await stays_as_it_is(session)
            relay.drop_all()
            await events.until(lambda seen: "reconnecting" in seen.states)
            await events.until(lambda seen: seen.states[-1] in ("connected", "generating"))
            await until_shown(session, lambda data: is_color(data, (640, 360), RED))
            # The portrait speaks again as soon as it is given again.
            await session.set_image(png(drawn_portrait()))
            await until_shown(session, is_portrait)
            await until_settled(session)
            await speaks(session)


async def test_of_many_portraits_at_once_the_last_is_seen(avatar):
    """Looking at one takes a while: those that wait are passed over."""
    for shade in range(40):
        await avatar.set_image(np.full((720, 600, 3), 60 + 4 * shade, np.uint8))
    await avatar.set_image(png(drawn_portrait()))
    await until_shown(avatar, is_portrait)
    await until_settled(avatar)
    await speaks(avatar)
