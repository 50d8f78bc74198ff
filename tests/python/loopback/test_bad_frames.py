"""Frames that are none, on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import parhelion as ph


def huge(height: int, width: int) -> np.ndarray:
    """Many pixels over the memory of one."""
    return np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (np.zeros((0, 320, 3), np.uint8), "0"),
        (np.zeros((240, 0, 3), np.uint8), "0"),
        (np.zeros((0, 0, 3), np.uint8), "0"),
        (huge(20_000, 20_000), "8192"),
        (huge(8193, 16), "8192"),
        (as_strided(np.zeros(3, np.uint8), (1 << 33, 1, 3), (0, 0, 1)), "8192"),
        (np.zeros((240, 320, 3), np.float32), "float32"),
        (np.zeros((240, 320, 3), np.float64), "uint8"),
        (np.zeros((240, 320, 3), np.int8), "int8"),
        (np.zeros((240, 320, 3), bool), "bool"),
        (np.zeros((240, 320, 3), object), "object"),
        (np.zeros((240, 320), np.uint8), "(240, 320)"),
        (np.zeros(320, np.uint8), "(320,)"),
        (np.zeros((), np.uint8), "()"),
        (np.zeros((1, 240, 320, 3), np.uint8), "(1, 240, 320, 3)"),
        (np.zeros((3, 240, 320), np.uint8), "(3, 240, 320)"),
        (np.zeros((240, 320, 4), np.uint8), "format="),
        (None, "uint8"),
        ("a picture", "uint8"),
        ([[[1, 2, 3]]], "uint8"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "dtype", value),
)
async def test_what_cannot_be_sent_is_refused_and_costs_nothing(session, picture, frame, says):
    with pytest.raises(ph.InvalidInputError) as caught:
        session.send(frame)
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.code, error.operation) == ("INVALID_INPUT", "send")
    assert says in str(error)
    assert session.stats().frames_sent == 0
    assert (await session.transform(picture())).input_id == 0


async def test_the_shape_has_to_fit_the_format(session):
    for format, shape in [
        ("rgba", (240, 320, 3)),
        ("gray", (240, 320, 3)),
        ("i420", (240, 320, 3)),
        ("i420", (361, 320)),
        ("i420", (360, 321)),
    ]:
        with pytest.raises(ph.InvalidInputError, match=r"expected|even"):
            session.send(np.zeros(shape, np.uint8), format=format)


async def test_an_unknown_format(session, client):
    with pytest.raises(ph.InvalidInputError, match="bgr24"):
        session.send(np.zeros((240, 320, 3), np.uint8), format="yuv")
    with pytest.raises(ph.ParhelionError, match="bgr24") as caught:
        await client.realtime.connect(model="mirage", format="yuv")
    assert caught.value.operation == "connect"
    assert isinstance(caught.value, ValueError)


async def test_a_picture_larger_than_the_codec_takes_is_told(session, picture):
    """3840 x 2160 is the most; larger ones must not be lost in silence."""
    with pytest.raises(ph.InvalidInputError, match="3840"):
        await session.transform(huge(2176, 4096), timeout=5)
    assert (await session.transform(picture())).shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (None, "NoneType"),
        (7, "int"),
        ("text", "str"),
        ([[[1, 2, 3]]], "list"),
        (np.zeros((24, 32, 3), np.float32), "float32"),
        (np.zeros((24, 32), np.uint8), "(24, 32)"),
        (np.zeros((24, 32, 4), np.uint8), "(24, 32, 4)"),
        (np.zeros((0, 32, 3), np.uint8), "empty"),
        (np.zeros((), np.uint8), "()"),
        (huge(20_000, 20_000), "8192"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_a_model_that_returns_no_frame(server, client, record, picture, made, says):
    server.model("mine")(lambda frame, context: made if context.index == 0 else frame)
    async with client.realtime.connect(model=ph.ModelDefinition("mine", 25, 32, 24)) as session:
        events = record(session)
        with pytest.raises(ph.ModelFailedError) as caught:
            await session.transform(picture(32, 24))
        assert caught.value.code == "MODEL_FAILED"
        assert "mine" in str(caught.value)
        assert says in str(caught.value)
        assert "(H, W, 3)" in str(caught.value)
        assert events.of("error") == [caught.value]
        # The session is as good as before.
        assert (await session.transform(picture(32, 24))).shape == (24, 32, 3)
        assert session.get_connection_state() == "generating"


@pytest.mark.parametrize(
    "raised", [ValueError("no such colour"), SystemExit(3), KeyboardInterrupt()]
)
async def test_a_model_that_raises(server, client, record, picture, raised, caplog):
    @server.model("mine")
    def mine(frame, context):
        if context.index == 0:
            raise raised
        return frame

    async with client.realtime.connect(model=ph.ModelDefinition("mine", 25, 32, 24)) as session:
        events = record(session)
        with pytest.raises(ph.ModelFailedError, match=type(raised).__name__) as caught:
            await session.transform(picture(32, 24))
        assert str(raised) in str(caught.value)
        assert [error.code for error in events.of("error")] == ["MODEL_FAILED"]
        assert (await session.transform(picture(32, 24))).input_id == 1
    if isinstance(raised, Exception):
        assert "no such colour" in caplog.text
        assert "Traceback" in caplog.text
    caplog.clear()


async def test_a_class_whose_constructor_raises_is_told(server, client, record, picture):
    @server.model("broken")
    class Broken:
        def __init__(self):
            raise OSError("the weights are missing")

        def __call__(self, frame, context):
            return frame

    model = ph.ModelDefinition("broken", 25, 32, 24)
    with pytest.raises(ph.ParhelionError, match="the weights are missing"):
        async with client.realtime.connect(model=model, attempts=0, timeout=10) as session:
            await session.transform(picture(32, 24), timeout=5)
