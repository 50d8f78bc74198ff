"""Prompts: acknowledged, refused, brought into force again."""

from __future__ import annotations

import asyncio
import json

import pytest

import parhelion as ph


async def test_every_frame_after_set_prompt_is_made_with_it(server, client, picture):
    prompts = []

    @server.model("listener")
    def listener(frame, context):
        prompts.append((context.prompt, context.enhance))
        return frame

    model = ph.ModelDefinition("listener", 25, 64, 48)
    state = ph.InitialState(prompt=ph.Prompt("first", enhance=False))
    async with client.realtime.connect(model=model, initial_state=state) as session:
        await session.transform(picture(64, 48))
        for number in range(5):
            await session.set_prompt(f"prompt {number}", enhance=number % 2 == 0)
            await session.transform(picture(64, 48))
    assert prompts == [("first", False)] + [(f"prompt {n}", n % 2 == 0) for n in range(5)]


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t", None, 7, b"noir", ["noir"]], ids=repr)
async def test_what_is_no_prompt_is_refused_and_costs_nothing(session, picture, prompt):
    with pytest.raises(ph.InvalidInputError, match="prompt: expected") as caught:
        await session.set_prompt(prompt)
    assert isinstance(caught.value, ValueError)
    assert caught.value.operation == "set_prompt"
    await session.set_prompt("noir")
    assert session.is_connected()


@pytest.mark.parametrize(
    "prompt",
    ["é漢字🦀\u200d", "x" * 10_000, '"quoted" \\ \n\0 <b>', " noir ", "\U0001d52b"],
    ids=["unicode", "long", "escapes", "spaces", "beyond the BMP"],
)
async def test_any_text_reaches_the_model_as_it_is(server, client, picture, prompt):
    seen = []
    server.model("reader")(lambda frame, context: (seen.append(context.prompt), frame)[1])
    model = ph.ModelDefinition("reader", 25, 64, 48)
    async with client.realtime.connect(model=model) as session:
        await session.set_prompt(prompt)
        await session.transform(picture(64, 48))
    assert seen == [prompt]


async def test_a_text_that_is_no_unicode_is_refused(session):
    with pytest.raises(ph.InvalidInputError, match="prompt"):
        await session.set_prompt("\ud800")
    await session.set_prompt("noir")


async def test_a_prompt_that_is_too_long_for_the_service_leaves_the_old_one_in_force(
    session, record, picture, difference
):
    await session.set_prompt("thermal")
    expected = (await session.transform(picture())).data.copy()
    events = record(session)
    with pytest.raises(ph.ParhelionError, match="10000 characters") as caught:
        await session.set_prompt("noir " * 4000)
    assert caught.value.operation == "set_prompt"
    assert difference(await session.transform(picture()), expected) < 3
    assert "reconnecting" not in events.states


async def test_equal_prompts_at_once_are_all_answered(session):
    await asyncio.gather(*(session.set_prompt("noir") for _ in range(10)))


async def test_of_many_prompts_at_once_the_last_is_in_force(server, client, picture):
    seen = []
    server.model("reader")(lambda frame, context: (seen.append(context.prompt), frame)[1])
    model = ph.ModelDefinition("reader", 25, 64, 48)
    async with client.realtime.connect(model=model) as session:
        for _ in range(20):
            await asyncio.gather(*(session.set_prompt(f"prompt {n}") for n in range(8)))
            await session.transform(picture(64, 48))
    assert seen == ["prompt 7"] * 20


async def test_after_the_end_there_is_no_prompt_to_set(session):
    await session.disconnect()
    with pytest.raises(ph.InvalidStateError) as caught:
        await session.set_prompt("noir")
    assert caught.value.operation == "set_prompt"


async def test_a_prompt_that_is_never_acknowledged(relay, picture):
    lost = []

    def lose(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "lost":
            lost.append(message)
            return []
        return [message]

    async with relay(lose) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="mirage_v2") as session:
            with pytest.raises(ph.ConnectTimeoutError, match="acknowledge") as caught:
                await session.set_prompt("lost", timeout=0.2)
            assert caught.value.operation == "set_prompt"
            assert isinstance(caught.value, TimeoutError)
            assert lost
            # The next one is not taken for it.
            await session.set_prompt("noir")
            assert (await session.transform(picture())).input_id == 0


async def test_an_acknowledgement_with_another_text_is_not_ours(relay):
    def alter(message):
        if message["type"] == "prompt_ack":
            other = {"prompt": message["prompt"] + "!", "request_id": None}
            return [{name: value for name, value in (message | other).items() if value is not None}]
        return [message]

    async with (
        relay(alter) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model="mirage_v2") as session,
    ):
        with pytest.raises(ph.ConnectTimeoutError):
            await session.set_prompt("noir", timeout=0.2)


@pytest.mark.parametrize("timeout", [-1.0, float("nan")])
async def test_a_timeout_that_is_none(session, timeout):
    with pytest.raises(ph.InvalidInputError, match="timeout"):
        await session.set_prompt("noir", timeout=timeout)
    await session.set_prompt("noir")


async def test_an_initial_image_that_is_none_is_refused(client):
    for image, says in [(b"", "1 to"), (b"no image", "PNG, JPEG or WebP"), ("no/file", "read")]:
        state = ph.InitialState(image=image)
        with pytest.raises(ph.ParhelionError, match=says) as caught:
            await client.realtime.connect(
                model="lucy_2_rt", initial_state=state, attempts=0, timeout=20
            )
        assert caught.value.operation == "connect"


async def test_a_prompt_that_the_service_refuses(fake_service):
    async def behave(peer):
        while True:
            message = json.loads(await peer.recv())
            if message["type"] == "prompt":
                refusal = {
                    "type": "prompt_ack",
                    "prompt": message["prompt"],
                    "success": False,
                    "error": "the prompt breaks a rule",
                }
                await peer.send(json.dumps(refusal))

    async with fake_service(behave) as service:
        client = ph.Client("key", base_url=service.url)
        state = ph.InitialState(prompt=ph.Prompt("forbidden"))
        with pytest.raises(ph.ServerError, match="breaks a rule") as caught:
            await client.realtime.connect(model="mirage_v2", initial_state=state)
        assert service.connections == 1
    assert not caught.value.retryable
