"""Sound as objects, without a session."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import parhelion as ph
from parhelion.sources.sound import AsyncSoundSource, SoundLane, SoundSource


def frame(**values):
    return ph.AudioFrame(np.arange(1920, dtype=np.int16).reshape(960, 2), **values)


def test_a_frame_is_an_array_with_times():
    one = frame(capture_time=1.5, received_at=1.6)
    assert (one.samples, one.channels, one.rate, one.duration) == (960, 2, 48_000, 0.02)
    assert np.asarray(one) is one.data
    assert np.array(one, dtype=np.float32).dtype == np.float32
    assert np.array(one) is not one.data
    assert "960x2" in repr(one)
    assert "capture_time=1.5" in repr(one)


def test_a_frame_does_not_become_another_type_without_a_copy():
    with pytest.raises(ValueError, match="without a copy"):
        frame().__array__(np.float32, copy=False)


def sizes(source):
    return [(len(sound.samples), sound.rate) for sound in source.pictures()]


def test_long_items_go_in_pieces_of_a_tenth_of_a_second():
    items = [np.zeros(10_000, np.int16), (np.zeros((900, 2), np.int16), 8000), frame()]
    assert sizes(SoundSource(items)) == [
        (4800, 48_000),
        (4800, 48_000),
        (400, 48_000),
        (800, 8000),
        (100, 8000),
        (960, 48_000),
    ]


async def test_so_they_do_if_they_come_asynchronously():
    async def items():
        yield np.zeros(5000, np.int16)
        await asyncio.sleep(0)
        yield frame()

    pieces = [sound async for sound in AsyncSoundSource(items()).pictures()]
    assert [len(sound.samples) for sound in pieces] == [4800, 200, 960]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("text", "got str"),
        (None, "got NoneType"),
        (3.0, "array of samples"),
        ((np.zeros(4, np.int16), 48_000, 1), "tuple of 3"),
        ((np.zeros(4, np.int16), 10), "8000 to 192000"),
    ],
)
def test_an_item_that_is_no_sound_is_named(item, expected):
    with pytest.raises(ph.InvalidInputError, match=expected):
        sizes(SoundSource([item]))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_source_that_is_ready_is_sent_as_fast_as_it_sounds():
    clock = Clock()
    lane = SoundLane(clock)
    pieces = list(SoundSource([np.zeros(48_000, np.int16)]).pictures())
    for piece in pieces:
        clock.now += lane.delay(piece)
    # The last of a second is sent 0.1 s before its time.
    assert clock.now == pytest.approx(100.8)


def test_a_microphone_is_never_kept_waiting_and_a_late_one_does_not_burst():
    clock = Clock()
    lane = SoundLane(clock)
    piece = next(iter(SoundSource([np.zeros(4800, np.int16)]).pictures()))
    for _ in range(20):
        assert lane.delay(piece) == 0
        clock.now += 0.1
    clock.now += 5
    delays = [lane.delay(piece) for _ in range(5)]
    assert delays == pytest.approx([0, 0, 0.1, 0.2, 0.3], abs=1e-6)
