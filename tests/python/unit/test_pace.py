"""When the pictures of a stream go out."""

from __future__ import annotations

import pytest

from parhelion.sources.pace import Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pictures_go_at_their_rate():
    clock = Clock()
    pace = Pace(25, clock)
    for _ in range(3):
        wait = pace.wait()
        clock.now += wait
    assert clock.now == pytest.approx(100.08)


def test_a_picture_that_is_a_little_late_delays_none():
    clock = Clock()
    pace = Pace(25, clock)
    pace.wait()
    clock.now += 0.07  # due 0.04 after the first
    assert pace.wait() == 0
    assert pace.wait() == pytest.approx(0.01)


def test_a_source_that_was_stuck_does_not_catch_up_in_a_burst():
    clock = Clock()
    pace = Pace(25, clock)
    pace.wait()
    clock.now += 5
    assert pace.wait() == 0
    assert pace.wait() == pytest.approx(0.04)


def test_the_times_of_a_file_are_kept_unless_they_jump():
    clock = Clock()
    pace = Pace(25, clock)
    waits = []
    for position in (0.0, 0.1, 0.15, 60.0, 0.0):
        wait = pace.wait(position)
        waits.append(round(wait, 6))
        clock.now += wait
    assert waits == [0.0, 0.1, 0.05, 0.04, 0.04]


def test_a_camera_that_is_too_fast_loses_every_other_picture():
    clock = Clock()
    pace = Pace(15, clock)
    allowed = []
    for _ in range(30):
        allowed.append(pace.allows())
        clock.now += 1 / 30
    assert sum(allowed) == 15


def test_a_camera_that_is_as_fast_as_asked_for_loses_none_to_jitter():
    clock = Clock()
    pace = Pace(30, clock)
    for number in range(60):
        clock.now = 100 + number / 30 + (0.01 if number % 2 else 0)
        assert pace.allows()
