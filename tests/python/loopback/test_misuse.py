"""Calls that are wrong: the same error in both faces, which says what to do."""

from __future__ import annotations

import asyncio
import inspect
import math
import operator
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest

import parhelion as ph

PICTURE = np.full((48, 64, 3), 90, np.uint8)
RAGGED = [[1, 2], [3]]


class Stubborn:
    """An array, until one asks for it."""

    def __array__(self, *_, **__):
        raise RuntimeError("not today")


# Of a session: a name, and calls of it that are wrong.
SESSION: dict[str, list[dict[str, Any]]] = {
    "send": [
        {"frame": None},
        {"frame": "a picture"},
        {"frame": object()},
        {"frame": RAGGED},
        {"frame": Stubborn()},
        {"frame": PICTURE[..., 0]},
        {"frame": PICTURE.astype(np.float32)},
        {"frame": PICTURE, "format": "yuv"},
        {"frame": PICTURE, "format": 3},
        {"frame": PICTURE, "format": ["rgb24"]},
        {"frame": PICTURE, "timestamp": "now"},
        {"frame": PICTURE, "timestamp": [1.0]},
    ],
    "transform": [
        {"frame": RAGGED},
        {"frame": PICTURE, "format": "yuv"},
        {"frame": PICTURE, "timeout": 0},
        {"frame": PICTURE, "timeout": -1},
        {"frame": PICTURE, "timeout": math.nan},
        {"frame": PICTURE, "timeout": math.inf},
        {"frame": PICTURE, "timeout": None},
        {"frame": PICTURE, "timeout": "soon"},
    ],
    "recv": [
        {"timeout": -1},
        {"timeout": math.nan},
        {"timeout": "soon"},
        {"timeout": True},
        {"timeout": [1]},
    ],
    "set_prompt": [
        {"prompt": None},
        {"prompt": 3},
        {"prompt": b"noir"},
        {"prompt": ""},
        {"prompt": " \n"},
        {"prompt": "\ud800"},
        {"prompt": "noir", "enhance": "no"},
        {"prompt": "noir", "timeout": 0},
        {"prompt": "noir", "timeout": -1},
        {"prompt": "noir", "timeout": math.nan},
        {"prompt": "noir", "timeout": math.inf},
        {"prompt": "noir", "timeout": None},
        {"prompt": "noir", "timeout": "soon"},
    ],
    "set": [
        {},
        {"prompt": 3},
        {"prompt": ""},
        {"prompt": "x" * 10_001},
        {"prompt": "noir", "enhance": 1},
        {"prompt": "noir", "timeout": 0},
        {"prompt": "noir", "timeout": None},
    ],
    "set_image": [
        {"image": None, "prompt": 3},
        {"image": None, "enhance": True},
        {"image": None, "timeout": "soon"},
        {"image": 3},
        {"image": b"no picture"},
        {"image": "/no/such/file.png"},
    ],
    "play_audio": [{"audio": b"no sound"}, {"audio": PICTURE, "rate": "high"}],
    "send_audio": [
        {"samples": None},
        {"samples": "la"},
        {"samples": np.zeros(480, np.float64)},
        {"samples": np.zeros((2, 2, 2), np.int16)},
        {"samples": np.zeros(480, np.int16), "rate": 1},
        {"samples": np.zeros(480, np.int16), "rate": "high"},
        {"samples": np.zeros(480, np.int16), "rate": None},
    ],
    "remote_stream.recv_audio": [{"timeout": -1}, {"timeout": "soon"}],
    "on": [
        {"event": "frames", "handler": print},
        {"event": 3, "handler": print},
        {"event": [], "handler": print},
        {"event": "frame", "handler": None},
        {"event": "frame", "handler": "print"},
    ],
    "once": [{"event": "frames", "handler": print}, {"event": "frame", "handler": 3}],
    "off": [{"event": "frames", "handler": print}],
}

# Of connect(); what is wrong is found before anything is opened.
CONNECT: list[dict[str, Any]] = [
    {"model": None},
    {"model": 3},
    {"model": "nonsense"},
    {"stream": 1.5},
    {"stream": RAGGED[0], "fps": 0},
    {"on_remote_stream": 3},
    {"initial_state": "noir"},
    {"initial_state": {"prompt": "noir"}},
    {"format": "yuv"},
    {"format": 3},
    {"resolution": "4k"},
    {"resolution": 720},
    {"fps": 25},
    {"max_bitrate": 3.5e6},
    {"max_bitrate": "3000000"},
    {"max_bitrate": True},
    {"max_bitrate": 1},
    {"min_bitrate": None},
    {"min_bitrate": 49_999},
    {"start_bitrate": "fast"},
    {"start_bitrate": 60_000},
    {"flow": "slow"},
    {"flow": None},
    {"flow": 3},
    {"timeout": 0},
    {"timeout": math.nan},
    {"timeout": math.inf},
    {"timeout": None},
    {"timeout": "soon"},
    {"attempts": -1},
    {"attempts": True},
    {"attempts": 1.5},
    {"retry": 5},
    {"retry": ph.RetryPolicy(attempts=1), "attempts": 1},
    {"ice_servers": 3},
    {"ice_servers": "stun:host:3478"},
    {"ice_servers": ["stun:host:3478"]},
]

# Of subscribe(), which is given a token that opens nothing.
SUBSCRIBE: list[dict[str, Any]] = [
    {"token": None},
    {"token": 3},
    {"token": ""},
    {"token": "not a token"},
    {"on_remote_stream": 3},
    {"format": "yuv"},
    {"flow": "slow"},
    {"timeout": 0},
    {"timeout": "soon"},
    {"attempts": -1},
    {"ice_servers": ["stun:host:3478"]},
]

TOKENS: list[dict[str, Any]] = [
    {"expires_in": 0},
    {"expires_in": 3601},
    {"expires_in": "60"},
    {"expires_in": True},
    {"allowed_models": "mirage"},
    {"allowed_models": []},
    {"allowed_models": [3]},
    {"allowed_origins": ["no origin"]},
    {"max_session_duration": 0},
    {"max_session_duration": "long"},
    {"max_sessions": 0},
    {"metadata": 3},
    {"metadata": {"a": object()}},
]

CLIENT: list[dict[str, Any]] = [
    {"api_key": ""},
    {"api_key": "  "},
    {"api_key": 3},
    {"api_key": b"key"},
    {"api_key": "key", "base_url": 3},
    {"api_key": "key", "ca_file": 3},
    {"api_key": "key", "integration": 3},
]

SERVER: list[dict[str, Any]] = [
    {"host": 3},
    {"host": ""},
    {"port": -1},
    {"port": "80"},
    {"port": True},
    {"port": 8080.0},
    {"api_key": 3},
    {"api_key": ""},
    {"max_sessions": 0},
    {"max_sessions": "many"},
    {"max_queue": -1},
    {"max_viewers": 1.5},
    {"viewer_token_lifetime": 0},
    {"viewer_token_lifetime": "long"},
    {"max_bitrate": 1},
    {"min_bitrate": None},
    {"min_bitrate": 49_999},
    {"start_bitrate": "fast"},
    {"start_bitrate": 60_000},
    {"max_bitrate": None},
    {"min_bitrate": 1},
    {"min_bitrate": "50000"},
    {"start_bitrate": 1.5},
    {"start_bitrate": 4_000_000},
    {"max_session_duration": 0},
    {"max_session_duration": math.nan},
    {"max_session_duration": "long"},
    {"ice_servers": None},
    {"ice_servers": ["stun:host:3478"]},
]

VALUES: dict[str, list[dict[str, Any]]] = {
    "Prompt": [{"text": 3}, {"text": ""}, {"text": "noir", "enhance": "no"}],
    "InitialState": [{"prompt": 3}],
    "IceServer": [
        {"urls": "host"},
        {"urls": "http://host"},
        {"urls": []},
        {"urls": [3]},
        {"urls": 3},
        {"urls": "turn:host", "username": 3},
        {"urls": "turn:host", "credential": 3},
    ],
    "ModelDefinition": [
        {"name": "", "fps": 25, "width": 64, "height": 48},
        {"name": 3, "fps": 25, "width": 64, "height": 48},
        {"name": "mine", "fps": "25", "width": 64, "height": 48},
        {"name": "mine", "fps": math.inf, "width": 64, "height": 48},
        {"name": "mine", "fps": 25, "width": 64.5, "height": 48},
        {"name": "mine", "fps": 25, "width": 64, "height": 2**40},
    ],
}


def described(error: BaseException) -> tuple[Any, ...]:
    """All that an error says, after a look at what every error must have."""
    assert isinstance(error, ph.ParhelionError), f"{type(error).__name__}: {error}"
    text = str(error)
    assert error.hint or "expected" in text or "must be" in text, f"what to do? {text}"
    return type(error), error.code, error.operation, error.retryable, error.hint, text


def is_thermal(frame: ph.Frame) -> bool:
    """Whether the picture was made with the prompt ``thermal``."""
    return bool(np.abs(np.asarray(frame).astype(int) - PICTURE).mean() > 20)


async def awaited(result: Any) -> Any:
    """What becomes of a call in the asyncio face."""
    if inspect.isasyncgen(result):
        return await anext(result)
    return await result if inspect.isawaitable(result) else result


def waited(result: Any) -> Any:
    """What becomes of a call in the blocking face."""
    return next(result) if inspect.isgenerator(result) else result


async def errors(
    call: Callable[[Any], Any], one: ph.RealTimeClient, other: ph.sync.RealTimeClient
) -> list[tuple[Any, ...]]:
    """What the same call raises in both faces."""
    with pytest.raises(BaseException) as first:  # noqa: PT011 - looked at below
        await awaited(call(one))
    with pytest.raises(BaseException) as second:  # noqa: PT011 - looked at below
        await asyncio.to_thread(lambda: waited(call(other)))
    return [described(caught.value) for caught in (first, second)]


@pytest.fixture
async def sessions(server) -> AsyncIterator[tuple[ph.RealTimeClient, ph.sync.RealTimeClient]]:
    """A session of each face, with the same service."""
    where = {"api_key": server.api_key, "base_url": server.url}
    client = ph.sync.Client(**where)
    how = {"model": "mirage_v2", "audio": True, "timeout": 20}
    blocking = await asyncio.to_thread(client.realtime.connect, **how)
    async with ph.Client(**where).realtime.connect(**how) as session:
        yield session, blocking
    await asyncio.to_thread(blocking.disconnect)


@pytest.mark.parametrize("name", SESSION)
async def test_wrong_arguments_of_a_session(sessions, name):
    one, other = sessions
    await one.set_prompt("thermal")
    await asyncio.to_thread(other.set_prompt, "thermal")
    for arguments in SESSION[name]:
        said = await errors(
            lambda session, arguments=arguments: operator.attrgetter(name)(session)(**arguments),
            one,
            other,
        )
        assert said[0] == said[1], arguments
        assert issubclass(said[0][0], ValueError), arguments
        # A transform is told of a wrong frame by send().
        assert said[0][2] in {name.split(".")[-1], "send", "on"}, arguments
    # Nothing is lost: not the session, not the prompt.
    results = [
        await one.transform(PICTURE, timeout=20),
        await asyncio.to_thread(other.transform, PICTURE, timeout=20),
    ]
    for frame in results:
        assert is_thermal(frame)


async def test_wrong_arguments_of_connect(server):
    where = {"api_key": server.api_key, "base_url": server.url}
    one, other = ph.Client(**where), ph.sync.Client(**where)
    for arguments in CONNECT:
        said = await errors(
            lambda client, arguments=arguments: client.realtime.connect(
                **{"model": "mirage_v2", **arguments}
            ),
            one,
            other,
        )
        assert said[0] == said[1], arguments
        assert issubclass(said[0][0], ValueError), arguments
    assert server.active_sessions == 0


async def test_wrong_arguments_of_subscribe(server, session):
    where = {"api_key": server.api_key, "base_url": server.url}
    one, other = ph.Client(**where), ph.sync.Client(**where)
    for arguments in SUBSCRIBE:
        arguments = {"token": session.subscribe_token, "attempts": 0, **arguments}
        said = await errors(
            lambda client, arguments=arguments: client.realtime.subscribe(**arguments), one, other
        )
        assert said[0] == said[1], arguments
        assert issubclass(said[0][0], ValueError), arguments
    assert server.active_sessions == 1


async def test_wrong_arguments_of_tokens(server):
    where = {"api_key": server.api_key, "base_url": server.url}
    one, other = ph.Client(**where), ph.sync.Client(**where)
    for arguments in TOKENS:
        said = await errors(
            lambda client, arguments=arguments: client.tokens.create(**arguments), one, other
        )
        assert said[0] == said[1], arguments


@pytest.mark.parametrize(("name", "cases"), [("Client", CLIENT), ("LocalServer", SERVER)])
def test_wrong_arguments_of_what_comes_first(name, cases, monkeypatch):
    monkeypatch.delenv("DECART_API_KEY", raising=False)
    for arguments in cases:
        said = []
        for face in (ph, ph.sync):
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - looked at below
                getattr(face, name)(**arguments)
            said.append(described(caught.value))
        assert said[0] == said[1], arguments


@pytest.mark.parametrize("name", VALUES)
def test_wrong_arguments_of_values(name):
    for arguments in VALUES[name]:
        with pytest.raises(ph.InvalidInputError) as caught:
            getattr(ph, name)(**arguments)
        assert described(caught.value), arguments


def test_wrong_models_of_a_service():
    server = ph.LocalServer()
    for arguments in VALUES["ModelDefinition"]:
        with pytest.raises(ph.InvalidInputError):
            server.model(**arguments)
    for model in (None, 3, "negative"):
        with pytest.raises(ph.InvalidInputError, match="function or a class"):
            server.model("mine")(model)


def test_wrong_formats_of_a_frame():
    frame = ph.Frame(PICTURE)
    for format in ("yuv", 3, None, ["rgb24"]):
        with pytest.raises(ph.InvalidInputError, match="bgr24") as caught:
            frame.to(format)
        assert described(caught.value)


AFTER_THE_END: dict[str, Callable[[Any], Any]] = {
    "send": lambda session: session.send(PICTURE),
    "recv": lambda session: session.recv(),
    "recv with a timeout": lambda session: session.recv(timeout=1),
    "transform": lambda session: session.transform(PICTURE),
    "set_prompt": lambda session: session.set_prompt("noir"),
    "remote stream": lambda session: session.remote_stream.recv(),
    "set": lambda session: session.set(prompt=None),
    "set_image": lambda session: session.set_image(None),
    "drain": lambda session: session.drain(),
    "send_audio": lambda session: session.send_audio(np.zeros(480, np.int16)),
    "recv_audio": lambda session: session.remote_stream.recv_audio(),
    "audio": lambda session: session.remote_stream.recv_audio(timeout=1),
}


async def test_calls_after_the_end(sessions):
    one, other = sessions
    await one.disconnect()
    await asyncio.to_thread(other.disconnect)
    # Sound that has come can still be had.
    _ = [sound async for sound in one.remote_stream.audio_frames()]
    await asyncio.to_thread(lambda: list(other.remote_stream.audio_frames()))
    for name, call in AFTER_THE_END.items():
        said = await errors(call, one, other)
        assert said[0] == said[1], name
        assert issubclass(said[0][0], ph.InvalidStateError), name
        assert "connect()" in said[0][4], "the hint"
    assert [frame async for frame in one.frames()] == list(other.frames()) == []
    for session in sessions:
        assert session.stats().frames_sent == 0
        assert session.get_connection_state() == "disconnected"
        assert not session.is_connected()
    # These are no mistakes, however late they come.
    await one.disconnect()
    other.disconnect()
    for session in sessions:
        session.on("error", print)
        session.off("error", print)


async def test_calls_of_a_session_that_the_service_has_ended(server, sessions, record):
    one, other = sessions
    events, ended = record(one), threading.Event()
    other.on("connection_change", lambda state: state == "disconnected" and ended.set())
    for session in sessions:
        assert server.end_session(session.session_id, "insufficient_credits")
    await events.until(lambda seen: "disconnected" in seen.states)
    assert await asyncio.to_thread(ended.wait, 20)
    for call in (AFTER_THE_END["recv"], AFTER_THE_END["recv with a timeout"]):
        said = await errors(call, one, other)
        assert said[0] == said[1]
    said = await errors(lambda session: session.frames(), one, other)
    assert said[0] == said[1]
    assert said[0][0] is ph.SessionEndedError


async def test_calls_before_the_session_is_open(client):
    """The asyncio face only: the other one has no such time."""
    connecting = client.realtime.connect(model="mirage_v2")
    for name in ("send", "recv", "transform", "set", "set_prompt", "on", "disconnect", "stats"):
        with pytest.raises(ph.InvalidStateError) as caught:
            getattr(connecting, name)
        assert name in str(caught.value)
        assert "await" in caught.value.hint
    with pytest.raises(ph.InvalidStateError, match="async with"), connecting:
        pass
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = connecting.nothing_of_ours
    assert not hasattr(connecting, "_send")
    async with connecting as session:
        assert session.is_connected()


async def test_a_session_of_another_loop(session):
    def elsewhere() -> Iterator[ph.ParhelionError]:
        for call in (
            session.recv,
            lambda: session.recv(timeout=1),
            lambda: session.transform(PICTURE),
            lambda: anext(session.frames()),
            session.remote_stream.recv,
        ):

            async def run(call=call):
                await call()

            with pytest.raises(ph.InvalidStateError, match="another event loop") as caught:
                asyncio.run(run())
            yield caught.value

    for error in await asyncio.to_thread(lambda: list(elsewhere())):
        assert "the loop that connect() ran in" in error.hint
    # What does not wait works from everywhere, and so does the end.
    assert await asyncio.to_thread(session.send, PICTURE) == 0
    assert (await session.recv(timeout=20)).input_id == 0
    await asyncio.to_thread(lambda: asyncio.run(session.disconnect()))
    assert session.get_connection_state() == "disconnected"


async def test_a_handler_may_await_the_session(session):
    done = asyncio.get_running_loop().create_future()

    async def handler(frame):
        await session.set_prompt("thermal")
        done.set_result(await session.transform(PICTURE, timeout=20))

    session.once("frame", handler)
    session.send(PICTURE)
    frame = await asyncio.wait_for(done, 20)
    assert is_thermal(frame)


async def test_a_handler_may_end_the_session(session, record):
    events = record(session)

    async def handler(frame):
        await session.disconnect()

    session.on("frame", handler)
    session.send(PICTURE)
    await events.until(lambda seen: "disconnected" in seen.states)
    with pytest.raises(ph.DisconnectedError) as caught:
        await session.recv()
    assert caught.value.__cause__ is None


async def test_after_a_handler_that_blocks_the_loop_the_newest_frame_comes(session):
    """Frames go on without the loop, and the newest waits for it, not the oldest."""
    entered, twice = [], asyncio.Event()

    def slow(frame):
        entered.append(frame.input_id)
        if len(entered) == 2:
            twice.set()
        elif len(entered) == 1:
            for count in range(2, 22):
                deadline = time.monotonic() + 20
                while session.stats().frames_received < count:
                    session.send(PICTURE)
                    time.sleep(0.01)  # what a frame takes there and back
                    assert time.monotonic() < deadline

    session.on("frame", slow)
    session.send(PICTURE)
    await asyncio.wait_for(twice.wait(), 40)
    assert entered[0] == 0
    assert entered[1] > 15
