"""Streams through the blocking face."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import parhelion as ph
from parhelion import sync

PICTURES = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(6)]


@pytest.fixture(autouse=True)
def _no_source_left():
    yield
    for thread in threading.enumerate():
        if thread.name == "parhelion-source":
            thread.join(5)
            assert not thread.is_alive()


def test_what_is_sent_comes_back_and_then_the_loop_ends():
    with sync.connect("mirage_v2", stream=PICTURES, fps=100) as session:
        received = [(frame.input_id, frame.data.mean()) for frame in session.frames()]
        assert received
        for input_id, mean in received:
            assert abs(mean - 20 * input_id) < 3
        assert session.is_connected()
        with pytest.raises(ph.InvalidStateError, match="has ended"):
            session.recv()
        assert session.transform(PICTURES[1]).data.mean() == pytest.approx(20, abs=3)


def test_a_source_that_raises_raises_where_its_frames_are_read():
    def items():
        yield from PICTURES[:3]
        raise RuntimeError("no more film")

    with sync.connect("mirage_v2", stream=items(), fps=100) as session:
        with pytest.raises(ph.SourceError, match="no more film"):
            list(session.frames())
        with pytest.raises(ph.SourceError, match="no more film"):
            session.recv(timeout=20)
        assert session.is_connected()


def test_a_stream_that_cannot_be_opened_is_an_error_of_connect():
    with pytest.raises(ph.SourceError, match="No such file"):
        sync.connect("mirage_v2", stream="/no/such/film.mp4")
