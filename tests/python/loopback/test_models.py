"""The models of the service, and models of one's own."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from PIL import Image

import parhelion as ph

SMALL = {"fps": 25, "width": 64, "height": 48}
LOOKS = [
    "vivid", "anime", "oil painting", "watercolour", "pencil sketch", "noir", "pixel art", "neon",
    "cinematic", "comic", "vintage film", "thermal",
]  # fmt: skip
# One look fades into the next for this long, in seconds.
FADE = 0.3


def definition(name: str) -> ph.ModelDefinition:
    return ph.ModelDefinition(name, **SMALL)


async def test_a_prompt_changes_the_picture(session, picture, difference):
    sent = picture()
    unchanged = await session.transform(sent)
    await session.set_prompt("black and white film noir")
    changed = await session.transform(sent)
    assert difference(unchanged, sent) < 3
    assert difference(changed, sent) > 10
    red, green, blue = np.asarray(changed).astype(int).mean((0, 1))
    assert max(red, green, blue) - min(red, green, blue) < 4


async def test_the_first_frame_has_the_initial_prompt_already(client, picture):
    state = ph.InitialState(prompt=ph.Prompt("noir"))
    async with client.realtime.connect(model="mirage_v2", initial_state=state) as session:
        pixels = np.asarray(await session.transform(picture())).astype(int)
    assert np.ptp(pixels.mean((0, 1))) < 4


async def test_each_look_differs_from_every_other(session, picture, difference):
    sent = picture()
    seen = {"unchanged": np.asarray(await session.transform(sent)).copy()}
    for look in LOOKS:
        await session.set_prompt(look, enhance=False)
        seen[look] = await faded(session, sent)
    names = list(seen)
    alike = [
        (one, other)
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if difference(seen[one], seen[other]) < 1.5
    ]
    assert not alike


async def faded(session, sent):
    """The picture when the newest look is there wholly."""
    await session.transform(sent)
    await asyncio.sleep(FADE)
    return np.asarray(await session.transform(sent)).copy()


async def test_one_look_fades_into_the_next(session, picture, difference):
    sent = picture()
    await session.set_prompt("noir", enhance=False)
    old = await faded(session, sent)
    await session.set_prompt("thermal", enhance=False)
    began = asyncio.get_running_loop().time()
    shown = [await session.transform(sent)]
    while asyncio.get_running_loop().time() - began < 1.5 * FADE:
        shown.append(await session.transform(sent))
    new = np.asarray(shown[-1])
    way = difference(old, new)
    # No frame is without a look, and none jumps: what is shown lies between the two.
    for frame in shown:
        assert difference(frame, old) + difference(frame, new) < way + 6
        assert difference(frame, sent) > 10
    assert difference(await faded(session, sent), new) < 3


async def test_what_became_of_a_prompt_is_told(session, picture):
    told = []
    session.on("diagnostic", lambda name, data: told.append(data) if name == "prompt" else None)

    async def reported(prompt, *, enhance):
        told.clear()
        await session.set_prompt(prompt, enhance=enhance)
        while not told:
            await session.transform(picture())
        return told[-1]

    plain = await reported("oil painting of a zorblax without grain", enhance=False)
    assert plain["applied"] == ["oil painting"]
    assert plain["unknown"] == ["zorblax"]
    assert plain["refused"] == ["grain"]
    assert plain["added"] == []
    assert "zorblax" in plain["message"]
    fuller = await reported("oil painting", enhance=True)
    assert fuller["unknown"] == []
    assert fuller["added"]
    strange = await reported("日本", enhance=True)
    assert strange["neutral"]
    assert not strange["truncated"]
    assert (await reported("noir " * 1500, enhance=False))["truncated"]


@pytest.mark.parametrize("name", ["mirage", "mirage_v2", "lucy_v2v_720p_rt", "lucy_2_rt", "lucy-2"])
async def test_every_model_of_the_catalog_answers(client, picture, name):
    async with client.realtime.connect(model=name) as session:
        assert (await session.transform(picture())).shape == (240, 320, 3)


def meadow() -> np.ndarray:
    """A blue sky over green grass."""
    frame = np.empty((240, 320, 3), np.uint8)
    frame[:120] = (130, 180, 235)
    frame[120:] = (80, 150, 50)
    return frame


async def test_an_instruction_changes_its_part_and_no_other(client, difference):
    state = ph.InitialState(prompt=ph.Prompt("make the grass red"))
    async with client.realtime.connect(model="lucy_v2v_720p_rt", initial_state=state) as session:
        out = np.asarray(await session.transform(meadow()))
    red, green, _ = out[180:220].astype(int).mean((0, 1))
    assert red > green + 60
    assert difference(out[20:100], meadow()[20:100]) < 3


IMAGES = {
    "one pixel": Image.new("RGB", (1, 1), (200, 60, 40)),
    "a line": Image.new("RGB", (8192, 1), (200, 60, 40)),
    "half transparent": Image.new("RGBA", (40, 30), (145, 0, 0, 255 * 3 // 4)),
    "CMYK": Image.new("CMYK", (40, 30), (55, 195, 215, 0)),
    "gray": Image.new("L", (40, 30), 90),
    "16 bits": Image.new("I;16", (40, 30), 90 * 257),
}


@pytest.mark.parametrize("kind", IMAGES)
async def test_the_picture_takes_the_look_of_an_image_of_any_kind(client, difference, kind):
    image = IMAGES[kind]
    state = ph.InitialState(image=image)
    async with client.realtime.connect(model="lucy_2_rt", initial_state=state) as session:
        out = np.asarray(await session.transform(meadow())).astype(int).mean((0, 1))
        wanted = [90, 90, 90] if image.mode in ("L", "I;16") else [200, 60, 40]
        assert np.abs(out - wanted).max() < 35, out
        await session.set_image(None)
        assert difference(await session.transform(meadow()), meadow()) < 3


async def test_an_image_beyond_the_limits_is_refused_and_the_look_stays(client, difference):
    state = ph.InitialState(image=IMAGES["gray"])
    async with client.realtime.connect(model="lucy_2_rt", initial_state=state) as session:
        before = np.asarray(await session.transform(meadow())).copy()
        with pytest.raises(ph.InvalidInputError, match="8192"):
            await session.set_image(np.zeros((1, 20_000, 3), np.uint8))
        assert difference(await session.transform(meadow()), before) < 2


async def test_a_function_becomes_a_model(server, client, picture, difference):
    @server.model("inverted", **SMALL)
    def inverted(frame, context):
        assert frame.shape == (48, 64, 3)
        assert frame.dtype == np.uint8
        assert frame.flags.writeable
        assert frame.flags.c_contiguous
        return 255 - frame

    assert "inverted" in server.model_names()
    async with client.realtime.connect(model=definition("inverted")) as session:
        sent = picture(64, 48)
        assert difference(await session.transform(sent), 255 - sent) < 4


async def test_a_model_may_keep_the_frame_and_write_to_it(server, client, picture):
    kept = []

    @server.model("keeper", **SMALL)
    def keeper(frame, context):
        kept.append(frame)
        frame[...] = context.index * 40
        return frame

    async with client.realtime.connect(model=definition("keeper")) as session:
        for _ in range(5):
            await session.transform(picture(64, 48))
    assert [int(frame.max()) for frame in kept] == [0, 40, 80, 120, 160]
    assert [int(frame.min()) for frame in kept] == [0, 40, 80, 120, 160]


async def test_a_model_knows_its_session(server, client, picture):
    seen = []

    @server.model("curious", **SMALL)
    def curious(frame, context):
        context.state["count"] = context.state.get("count", 0) + 1
        seen.append((context.prompt, context.enhance, context.index, context.capture_time))
        seen.append(context)
        return frame

    async with client.realtime.connect(model=definition("curious")) as session:
        frame = await session.transform(picture(64, 48))
        await session.set_prompt("later", enhance=False)
        await session.transform(picture(64, 48))
        (first, context, second, same) = seen
        assert context is same
        assert context.session_id == session.session_id
        assert context.model == "curious"
        assert context.image is None
        assert context.state == {"count": 2}
        assert first[:3] == (None, False, 0)
        assert second[:3] == ("later", False, 1)
        assert first[3] == pytest.approx(frame.capture_time, abs=1e-6)


async def test_a_model_gets_the_reference_image(server, client, picture, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    file = tmp_path / "red.png"
    image_module.new("RGB", (5, 3), (255, 0, 0)).save(file)
    seen = []

    @server.model("dresser", **SMALL)
    def dresser(frame, context):
        seen.append(context.image)
        return frame

    for image in (file, str(file), file.read_bytes()):
        state = ph.InitialState(image=image)
        async with client.realtime.connect(
            model=definition("dresser"), initial_state=state
        ) as session:
            await session.transform(picture(64, 48))
    assert [image.shape for image in seen] == [(3, 5, 3)] * 3
    assert all((image == [255, 0, 0]).all() for image in seen)


async def test_a_class_is_made_for_each_session(server, client, picture):
    made = []

    @server.model("counter", **SMALL)
    class Counter:
        def __init__(self):
            made.append(self)
            self.calls = 0

        def __call__(self, frame, context):
            self.calls += 1
            return frame

    assert isinstance(Counter, type)
    async with (
        client.realtime.connect(model=definition("counter")) as one,
        client.realtime.connect(model=definition("counter")) as other,
    ):
        await one.transform(picture(64, 48))
        await one.transform(picture(64, 48))
        await other.transform(picture(64, 48))
    assert sorted(counter.calls for counter in made) == [1, 2]


@pytest.mark.parametrize("size", [(24, 32), (96, 128), (47, 63), (1, 1), (50, 64)])
async def test_a_model_may_return_another_size(server, client, picture, size):
    server.model("resizer", **SMALL)(lambda frame, context: np.full((*size, 3), 120, np.uint8))
    async with client.realtime.connect(model=definition("resizer")) as session:
        frame = await session.transform(picture(64, 48))
        # A size of the model's own comes back as the codec has it: even, and at least 16.
        even = tuple(max(16, side + side % 2) for side in size)
        assert frame.shape[:2] in (size, even)
        assert np.abs(frame.data.astype(int) - 120).max() < 6


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[::-1, ::-1],
        lambda frame: frame[..., ::-1],
        np.asfortranarray,
        lambda frame: frame[::2, ::2],
        lambda frame: np.broadcast_to(frame[:1, :1], frame.shape),
    ],
    ids=["turned", "channels reversed", "Fortran order", "every second", "broadcast"],
)
async def test_a_model_may_return_any_strides(server, client, picture, difference, change):
    server.model("strided", **SMALL)(lambda frame, context: change(frame))
    async with client.realtime.connect(model=definition("strided")) as session:
        sent = picture(64, 48)
        assert difference(await session.transform(sent), change(sent)) < 4


async def test_two_models_at_once_do_not_mix(server, client, picture):
    server.model("dark", **SMALL)(lambda frame, context: frame // 8)
    server.model("light", **SMALL)(lambda frame, context: 255 - frame // 8)
    async with (
        client.realtime.connect(model=definition("dark")) as dark,
        client.realtime.connect(model=definition("light")) as light,
    ):
        assert dark.session_id != light.session_id
        assert server.active_sessions == 2
        for _ in range(10):
            shadow, shine = await asyncio.gather(
                dark.transform(picture(64, 48)), light.transform(picture(64, 48))
            )
            assert shadow.data.mean() < 60
            assert shine.data.mean() > 195


async def test_a_model_that_is_stuck_hurts_no_other_session(server, client, picture):
    entered, go_on = threading.Event(), threading.Event()

    @server.model("stuck", **SMALL)
    def stuck(frame, context):
        entered.set()
        go_on.wait(60)
        return frame

    try:
        async with (
            client.realtime.connect(model=definition("stuck")) as slow,
            client.realtime.connect(model="mirage_v2") as quick,
        ):
            slow.send(picture(64, 48))
            assert await asyncio.to_thread(entered.wait, 20)
            for _ in range(10):
                await quick.transform(picture(64, 48))
            newest = [slow.send(picture(64, 48)) for _ in range(10)][-1]
            await quick.transform(picture(64, 48))
            go_on.set()
            received = -1
            while received < newest:
                received = (await slow.recv(timeout=20)).input_id
            assert received == newest
    finally:
        go_on.set()


async def test_a_session_ends_in_time_although_its_model_is_stuck(server, client, picture):
    entered, go_on = threading.Event(), threading.Event()

    @server.model("stuck", **SMALL)
    def stuck(frame, context):
        entered.set()
        go_on.wait(60)
        return frame

    try:
        session = await client.realtime.connect(model=definition("stuck"))
        session.send(picture(64, 48))
        assert await asyncio.to_thread(entered.wait, 20)
        await asyncio.wait_for(session.disconnect(), 10)
        await asyncio.wait_for(server.close(), 10)
    finally:
        go_on.set()


async def test_a_replaced_model_is_for_new_sessions(server, client, picture):
    server.model("mine", **SMALL)(lambda frame, context: frame * 0 + 30)
    async with client.realtime.connect(model=definition("mine")) as old:
        await old.transform(picture(64, 48))
        server.model("mine", **SMALL)(lambda frame, context: frame * 0 + 220)
        async with client.realtime.connect(model=definition("mine")) as new:
            assert (await new.transform(picture(64, 48))).data.mean() > 200
        assert (await old.transform(picture(64, 48))).data.mean() < 50


async def test_a_failure_long_over_does_not_come_back_at_the_end(server, client, record):
    fail = True

    @server.model("moody", **SMALL)
    def moody(frame, context):
        if fail:
            raise ValueError("not today")
        return frame

    async with client.realtime.connect(model=definition("moody")) as session:
        seen = record(session)
        picture = np.full((48, 64, 3), 90, np.uint8)
        with pytest.raises(ph.ModelFailedError, match="not today"):
            await session.transform(picture)
        await seen.until(lambda seen: seen.of("error"))
        fail = False
        await session.transform(picture)
        frames = session.frames()
        await session.disconnect()
        assert [frame async for frame in frames if frame.input_id is None] == []
