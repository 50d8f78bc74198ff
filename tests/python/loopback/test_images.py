"""Reference images: every kind arrives as the picture that it is, and in the order of the calls."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

import parhelion as ph
from parhelion import changes

MODEL = ph.ModelDefinition("viewer", 25, 64, 48)
# Soft, so that a JPEG keeps it, with every corner different.
LEVELS = np.linspace(30, 220, 24).astype(np.uint8)
PICTURE = np.stack(
    [
        np.broadcast_to(LEVELS[:16, None], (16, 24)),
        np.broadcast_to(LEVELS[None], (16, 24)),
        np.full((16, 24), 90, np.uint8),
    ],
    axis=-1,
)


def encoded(kind: str = "PNG", picture: Any = PICTURE, **options: Any) -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, kind, **options)
    return file.getvalue()


PNG = encoded()
OTHER = encoded(picture=PICTURE[::-1, ::-1].copy())


class Viewer:
    """What a model saw last: its prompt and its image."""

    def __init__(self, session: ph.RealTimeClient, seen: list[tuple[Any, Any]]) -> None:
        self.session = session
        self._seen = seen

    async def look(self) -> tuple[str | None, Any]:
        await self.session.transform(np.zeros((48, 64, 3), np.uint8))
        return self._seen[-1]

    async def image(self) -> Any:
        return (await self.look())[1]


@pytest.fixture
def seen(server: ph.LocalServer) -> list[tuple[Any, Any]]:
    """Prompt and image of every frame that the model ``viewer`` saw."""
    seen: list[tuple[Any, Any]] = []

    @server.model("viewer")
    def viewer(frame: Any, context: ph.ModelContext) -> Any:
        seen.append((context.prompt, context.image))
        return frame

    return seen


@pytest.fixture
async def viewer(client, seen) -> Any:
    async with client.realtime.connect(model=MODEL) as session:
        yield Viewer(session, seen)


def same(got: Any, want: Any, tolerance: int = 0) -> bool:
    return got.shape == want.shape and int(np.abs(got.astype(int) - want).max()) <= tolerance


TRANSPARENT = np.dstack([PICTURE, np.full((16, 24), 128, np.uint8)])
ON_WHITE = ((PICTURE.astype(int) * 128 + 255 * 127 + 127) // 255).astype(np.uint8)
GRAY = np.repeat(PICTURE[..., :1], 3, axis=-1)
PALETTE = Image.fromarray(PICTURE).quantize(64)


def turned(kind: str) -> Any:
    """A photograph that is stored lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(kind, np.rot90(PICTURE).copy(), exif=exif, **QUALITY.get(kind, {}))


QUALITY = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}

KINDS: dict[str, tuple[Callable[[], Any], Any, int]] = {
    "PNG": (lambda: PNG, PICTURE, 0),
    "JPEG": (lambda: encoded("JPEG", **QUALITY["JPEG"]), PICTURE, 4),
    "progressive JPEG": (lambda: encoded("JPEG", progressive=True, quality=98), PICTURE, 12),
    "WebP": (lambda: encoded("WEBP", lossless=True), PICTURE, 0),
    "animated WebP": (
        lambda: encoded(
            "WEBP", save_all=True, append_images=[Image.fromarray(GRAY)], lossless=True
        ),
        PICTURE,
        0,
    ),
    "bytearray": (lambda: bytearray(PNG), PICTURE, 0),
    "memoryview": (lambda: memoryview(PNG), PICTURE, 0),
    "data URL": (
        lambda: f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        PICTURE,
        0,
    ),
    "base64": (lambda: base64.b64encode(PNG).decode(), PICTURE, 0),
    "RGB array": (lambda: PICTURE, PICTURE, 0),
    "array with strides": (lambda: PICTURE[::-1, ::-1], PICTURE[::-1, ::-1], 0),
    "RGBA array": (lambda: TRANSPARENT, ON_WHITE, 0),
    "gray array": (lambda: PICTURE[..., 0], GRAY, 0),
    "one pixel": (lambda: PICTURE[:1, :1], PICTURE[:1, :1], 0),
    "BGR frame": (lambda: ph.Frame(PICTURE[..., ::-1].copy(), format="bgr24"), PICTURE, 0),
    "BGRA frame": (
        lambda: ph.Frame(TRANSPARENT[..., [2, 1, 0, 3]].copy(), format="bgra"),
        ON_WHITE,
        0,
    ),
    "PIL": (lambda: Image.fromarray(PICTURE), PICTURE, 0),
    "PIL with alpha": (lambda: Image.fromarray(TRANSPARENT), ON_WHITE, 0),
    "PIL palette": (lambda: PALETTE, np.asarray(PALETTE.convert("RGB")), 0),
    "PIL gray": (lambda: Image.fromarray(PICTURE[..., 0]), GRAY, 0),
    "PIL 16 bits": (
        lambda: Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257),
        GRAY,
        0,
    ),
    "PIL CMYK": (lambda: Image.fromarray(PICTURE).convert("CMYK"), PICTURE, 2),
    "turned JPEG": (lambda: turned("JPEG"), PICTURE, 4),
    "turned PNG": (lambda: turned("PNG"), PICTURE, 0),
    "turned WebP": (lambda: turned("WEBP"), PICTURE, 0),
    "turned PIL": (lambda: Image.open(io.BytesIO(turned("JPEG"))), PICTURE, 4),
    "palette PNG": (lambda: encoded(picture=PALETTE), np.asarray(PALETTE.convert("RGB")), 0),
    "16-bit PNG": (
        lambda: encoded(picture=Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257)),
        GRAY,
        0,
    ),
    "CMYK JPEG": (
        lambda: encoded("JPEG", Image.fromarray(PICTURE).convert("CMYK"), quality=98),
        PICTURE,
        8,
    ),
    "transparent PNG": (lambda: encoded(picture=TRANSPARENT), ON_WHITE, 0),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_arrives_as_the_picture_that_it_is(viewer, kind):
    make, want, tolerance = KINDS[kind]
    await viewer.session.set_image(make())
    got = await viewer.image()
    assert same(got, want, tolerance), got[:2, :2]


async def test_a_path_as_text_and_as_an_object(viewer, tmp_path):
    for index, kind in enumerate([str, lambda path: path]):
        path = tmp_path / f"{index} ☀.png"
        path.write_bytes([PNG, OTHER][index])
        await viewer.session.set_image(kind(path))
        assert same(await viewer.image(), PICTURE[::-1, ::-1] if index else PICTURE)


@pytest.mark.parametrize("kind", ["PNG", "RGB array", "PIL", "data URL", "BGR frame"])
async def test_a_session_can_start_with_every_kind(client, seen, kind):
    make, want, tolerance = KINDS[kind]
    state = ph.InitialState(prompt="noir", image=make())
    async with client.realtime.connect(model=MODEL, initial_state=state) as session:
        prompt, image = await Viewer(session, seen).look()
    assert prompt == "noir"
    assert same(image, want, tolerance)


async def test_left_alone_and_cleared_are_different(viewer):
    session = viewer.session
    await session.set(prompt="one", image=PNG)
    steps: list[tuple[dict[str, Any], str | None, Any]] = [
        ({"prompt": "two"}, "two", PICTURE),
        ({"image": OTHER}, "two", PICTURE[::-1, ::-1]),
        ({"image": None}, "two", None),
        ({"image": PNG, "prompt": None}, None, PICTURE),
        ({"prompt": ph.Prompt("three")}, "three", PICTURE),
        ({"prompt": None}, None, PICTURE),
        ({"prompt": "four", "image": ph.UNSET}, "four", PICTURE),
        ({"prompt": ph.UNSET, "image": None}, "four", None),
        ({"prompt": None, "image": None}, None, None),
    ]
    for change, prompt, image in steps:
        await session.set(**change)
        seen = await viewer.look()
        assert seen[0] == prompt, change
        assert seen[1] is None if image is None else same(seen[1], image), change
    await session.set_image(PNG, prompt="five")
    assert (await viewer.look())[0] == "five"
    await session.set_image(None)
    assert await viewer.look() == ("five", None)
    await session.set_image(PNG, prompt=None)
    assert (await viewer.look())[0] is None


async def test_what_goes_over_the_wire(relay, seen):
    """The service is told of an image when one is set, cleared or has to stay; of nothing else."""
    said: list[dict[str, Any]] = []

    def listen(message):
        return [message]

    async with relay(listen, said.append) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model=MODEL) as session:
            said.clear()
            await session.set(prompt="noir", enhance=False)
            await session.set(image=PNG)
            await session.set(prompt=None)
            await session.set(image=None)
            await session.set_image(PNG, prompt=ph.Prompt("a", enhance=False))
            await session.set(prompt=None, image=None)
    image = base64.b64encode(PNG).decode()
    wanted: list[dict[str, Any]] = [
        {"type": "prompt", "prompt": "noir", "enhance_prompt": False},
        {"type": "set_image", "image_data": image},
        {"type": "set_image", "image_data": image, "prompt": None},
        {"type": "set_image", "image_data": None},
        {"type": "set_image", "image_data": image, "prompt": "a", "enhance_prompt": False},
        {"type": "set_image", "image_data": None, "prompt": None},
    ]
    sent = [message for message in said if message["type"] in ("prompt", "set_image")]
    assert len({message.pop("request_id") for message in sent}) == len(wanted)
    assert sent == wanted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "got neither"),
        ({"prompt": ph.UNSET, "image": ph.UNSET}, "got neither"),
        ({"prompt": ""}, "blank"),
        ({"prompt": " \n"}, "blank"),
        ({"prompt": "x" * 10_001}, "10000 characters, got 10001"),
        ({"prompt": "\ud800"}, "lone surrogate"),
        ({"prompt": 3}, "expected str, got int"),
        ({"prompt": b"noir"}, "expected str, got bytes"),
        ({"prompt": ("noir", True)}, "expected str, got tuple"),
        ({"prompt": "a", "enhance": "false"}, "enhance: expected bool, got str"),
        ({"prompt": "a", "enhance": None}, "enhance: expected bool, got NoneType"),
        ({"prompt": "a", "timeout": 0}, "timeout: expected seconds above 0, got 0"),
        ({"prompt": "a", "timeout": -1}, "timeout"),
        ({"prompt": "a", "timeout": float("nan")}, "timeout"),
        ({"prompt": "a", "timeout": float("inf")}, "timeout"),
        ({"prompt": "a", "timeout": "3"}, "timeout: expected seconds above 0, got str"),
        ({"prompt": "a", "timeout": True}, "timeout"),
        ({"prompt": "a", "timeout": None}, "timeout"),
        ({"image": 3}, "got int"),
        ({"image": b""}, "got 0"),
        ({"image": b"GIF89a"}, "a GIF"),
        ({"image": PNG[:-1]}, "truncated"),
        ({"image": "no/such/file"}, "cannot be read"),
        ({"image": PICTURE.astype(float)}, "float64"),
        ({"prompt": "a", "image": "no/such/file"}, "cannot be read"),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_a_bad_change_costs_nothing(viewer, change, says):
    session = viewer.session
    await session.set(prompt="before", image=PNG)
    with pytest.raises(ph.InvalidInputError, match=says) as caught:
        await session.set(**change)
    assert caught.value.operation == "set"
    assert session.is_connected()
    prompt, image = await viewer.look()
    assert prompt == "before"
    assert same(image, PICTURE)


async def test_set_image_wants_an_image_and_a_prompt_for_enhance(session, viewer):
    with pytest.raises(ph.InvalidInputError, match="UNSET"):
        await viewer.session.set_image(ph.UNSET)
    for prompt in (ph.UNSET, None):
        with pytest.raises(ph.InvalidInputError, match="enhance: expected a prompt"):
            await viewer.session.set_image(PNG, prompt=prompt, enhance=True)
    with pytest.raises(
        ph.InvalidInputError, match="'mirage_v2' takes no reference image"
    ) as caught:
        await session.set_image(PNG)
    assert "accepts_image=True" in caught.value.hint
    # There is nothing to ignore.
    await session.set_image(None, prompt="noir", enhance=False)


async def test_an_image_that_the_service_refuses_leaves_the_one_before(viewer):
    """Its header is right: only who decodes it finds out."""
    broken = bytearray(
        encoded(picture=np.random.default_rng(1).integers(0, 255, (99, 99, 3), "u1"))
    )
    broken[len(broken) // 2] ^= 0xFF
    session = viewer.session
    await session.set(prompt="before", image=PNG)
    with pytest.raises(ph.ServerError, match="damaged") as caught:
        await session.set(prompt="after", image=broken)
    assert not caught.value.retryable
    assert session.is_connected()
    prompt, image = await viewer.look()
    assert prompt == "before"
    assert same(image, PICTURE)


async def test_an_array_is_taken_as_it_was_when_the_call_was_made(viewer):
    array = PICTURE.copy()
    changing = asyncio.ensure_future(viewer.session.set_image(array))
    await asyncio.sleep(0)
    array[:] = 0
    await changing
    assert same(await viewer.image(), PICTURE)


@pytest.fixture
def slow_reading(monkeypatch) -> Iterator[threading.Event]:
    """Reading a path called ``slow`` waits for the event."""
    go_on = threading.Event()
    read = changes.source_of

    def source_of(image, operation):
        if str(image).endswith("slow"):
            assert go_on.wait(30)
        return read(image, operation)

    monkeypatch.setattr(changes, "source_of", source_of)
    yield go_on
    go_on.set()


async def test_the_last_call_wins_not_the_slowest(viewer, slow_reading, tmp_path):
    slow = tmp_path / "slow"
    slow.write_bytes(PNG)
    session = viewer.session
    first = asyncio.ensure_future(session.set(prompt="first", image=slow))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(session.set_image(OTHER))
    third = asyncio.ensure_future(session.set_prompt("third"))
    done, _ = await asyncio.wait({first, second, third}, timeout=0.2)
    assert not done
    slow_reading.set()
    await asyncio.gather(first, second, third)
    prompt, image = await viewer.look()
    assert prompt == "third"
    assert same(image, PICTURE[::-1, ::-1])


async def test_a_prompt_does_not_wait_for_an_image_alone(viewer, slow_reading, tmp_path):
    slow = tmp_path / "slow"
    slow.write_bytes(PNG)
    image = asyncio.ensure_future(viewer.session.set_image(slow))
    await asyncio.sleep(0)
    await viewer.session.set_prompt("at once", timeout=5)
    assert not image.done()
    slow_reading.set()
    await image
    prompt, shown = await viewer.look()
    assert prompt == "at once"
    assert same(shown, PICTURE)


async def test_a_failure_or_a_cancellation_holds_nobody_up(viewer, slow_reading, tmp_path):
    session = viewer.session
    bad = asyncio.ensure_future(session.set_image(tmp_path / "missing slow"))
    await asyncio.sleep(0)
    given_up = asyncio.ensure_future(session.set_image(tmp_path / "other slow"))
    last = asyncio.ensure_future(session.set_image(OTHER))
    await asyncio.sleep(0)
    given_up.cancel()
    slow_reading.set()
    await last
    with pytest.raises(ph.InvalidInputError, match="cannot be read"):
        await bad
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert same(await viewer.image(), PICTURE[::-1, ::-1])


async def test_an_image_that_is_not_ready_in_time(viewer, slow_reading, tmp_path):
    session = viewer.session
    slow = tmp_path / "slow"
    first = asyncio.ensure_future(session.set_image(slow, timeout=0.2))
    await asyncio.sleep(0)
    with pytest.raises(ph.ConnectTimeoutError, match="earlier call") as caught:
        await session.set_image(OTHER, timeout=0.05)
    assert caught.value.operation == "set_image"
    with pytest.raises(ph.ConnectTimeoutError, match="not ready in time"):
        await first
    await session.set_image(OTHER)


async def test_disconnecting_ends_the_wait(viewer, slow_reading, tmp_path):
    waiting = asyncio.ensure_future(viewer.session.set_image(tmp_path / "slow"))
    await asyncio.sleep(0)
    await viewer.session.disconnect()
    with pytest.raises(ph.DisconnectedError) as caught:
        await asyncio.wait_for(waiting, 5)
    assert caught.value.operation == "set_image"
    with pytest.raises(ph.InvalidStateError):
        await viewer.session.set(prompt="noir")


async def test_equal_changes_at_once_are_all_answered(viewer):
    session = viewer.session
    calls = [session.set_prompt("noir") for _ in range(8)]
    calls += [session.set(prompt="noir", image=PNG) for _ in range(8)]
    calls += [session.set_image(PNG) for _ in range(8)]
    await asyncio.gather(*calls)
    prompt, image = await viewer.look()
    assert prompt == "noir"
    assert same(image, PICTURE)


async def test_of_equal_prompts_each_gets_its_own_answer(relay, seen):
    """The second of three is refused; old services do not echo the number of a request."""
    acks = []

    def refuse_second(message):
        message.pop("request_id", None)
        if message["type"] == "prompt_ack":
            acks.append(message)
            if len(acks) == 2:
                message |= {"success": False, "error": "not this time"}
        return [message]

    async with (
        relay(refuse_second) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model=MODEL) as session,
    ):
        calls = (session.set_prompt("noir") for _ in range(3))
        first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert first is None
    assert third is None
    assert isinstance(second, ph.ServerError)
    assert "not this time" in str(second)


async def test_a_reconnect_brings_prompt_and_image_into_force_again(record):
    seen: list[tuple[Any, Any]] = []

    def viewer(frame, context):
        seen.append((context.prompt, context.image))
        return frame

    first = ph.LocalServer(api_key="a key for both")
    first.model("viewer")(viewer)
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    state = ph.InitialState("before", OTHER)
    async with client.realtime.connect(model=MODEL, initial_state=state) as session:
        events = record(session)
        await session.set(prompt="after", image=PNG)
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        second = ph.LocalServer(port=port, api_key="a key for both")
        second.model("viewer")(viewer)
        async with second:
            await events.until(lambda seen: seen.states.count("connected") == 1)
            seen.clear()
            prompt, image = await Viewer(session, seen).look()
            assert prompt == "after"
            assert same(image, PICTURE)
            await session.disconnect()


async def test_a_large_picture_goes_through_without_stopping_the_loop(viewer):
    """Noise of 4K: the PNG would have 24 MB, so it goes as JPEG."""
    noise = np.random.default_rng(5).integers(0, 256, (2160, 3840, 3), np.uint8)
    longest = 0.0
    changing = asyncio.ensure_future(viewer.session.set_image(noise))
    began = time.monotonic()
    while not changing.done():
        await asyncio.sleep(0.001)
        longest, began = max(longest, time.monotonic() - began), time.monotonic()
    await changing
    assert longest < 0.2
    image = await viewer.image()
    assert image.shape == noise.shape
    assert np.abs(image[::8, ::8].astype(int) - noise[::8, ::8]).mean() < 12


async def test_the_blocking_face_does_the_same(server, seen):
    client = ph.sync.Client(server.api_key, base_url=server.url)

    def program() -> None:
        state = ph.InitialState("first", PNG)
        with client.realtime.connect(model=MODEL, initial_state=state) as session:
            frame = np.zeros((48, 64, 3), np.uint8)
            session.transform(frame)
            session.set(prompt="second")
            session.transform(frame)
            session.set_image(PICTURE[::-1], prompt=None)
            session.transform(frame)
            for change in ({}, {"image": 3}, {"prompt": "a", "timeout": "x"}, {"prompt": " "}):
                with pytest.raises(ph.InvalidInputError):
                    session.set(**change)
            session.set_image(None)
            session.transform(frame)

    await asyncio.to_thread(program)
    assert [prompt for prompt, _ in seen] == ["first", "second", None, None]
    assert same(seen[1][1], PICTURE)
    assert same(seen[2][1], PICTURE[::-1])
    assert seen[3][1] is None
