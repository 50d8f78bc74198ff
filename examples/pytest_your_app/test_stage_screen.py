"""The screen's loop has no event loop, and neither have its tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

import parhelion as ph
from parhelion.testing import SyncRealTimeClients, moving_frames, read_stamp
from stage_screen import run

Picture = npt.NDArray[np.uint8]


def nowhere(picture: Picture) -> None:
    """Shows a picture to nobody."""


@pytest.fixture
def client(realtime_server: ph.LocalServer) -> ph.sync.Client:
    return ph.sync.Client(realtime_server.api_key, base_url=realtime_server.url)


def camera(count: int, before: Callable[[int], object] | None = None) -> Iterator[Picture]:
    """Sixty pictures a second. Calls ``before`` with the number of each."""
    for number, picture in enumerate(moving_frames(count, 640, 360)):
        if before is not None:
            before(number)
        yield picture
        time.sleep(1 / 60)


def test_the_screen_shows_the_evening(client: ph.sync.Client) -> None:
    shown: list[Picture] = []
    evening = run(camera(40), shown.append, client)
    assert (evening.styled, evening.plain, evening.errors) == (40, 0, [])
    numbers = [read_stamp(picture) for picture in shown]
    assert None not in numbers
    # Every picture is the newest there was: never an older one after a newer.
    assert numbers == sorted(numbers, key=lambda number: -1 if number is None else number)


def test_a_bad_network_is_hardly_seen(
    client: ph.sync.Client, realtime_server: ph.LocalServer
) -> None:
    realtime_server.faults.packets(loss=0.05, burst=3, delay=0.01, jitter=0.01, seed=7)
    shown: list[Picture] = []
    evening = run(camera(60), shown.append, client, patience=10)
    assert evening.styled == 60
    assert len({read_stamp(picture) for picture in shown}) > 5


def test_the_first_picture_may_be_spoiled(
    client: ph.sync.Client, realtime_server: ph.LocalServer
) -> None:
    realtime_server.faults.crash_model(times=1)
    evening = run(camera(5), nowhere, client)
    assert (evening.styled, evening.plain, evening.over) == (4, 1, False)
    assert [error.code for error in evening.errors] == ["MODEL_FAILED"]


def test_credits_that_run_out_end_the_evening(
    client: ph.sync.Client, realtime_server: ph.LocalServer
) -> None:
    def before(number: int) -> None:
        if number == 10:
            realtime_server.faults.exhaust_credits()

    evening = run(camera(600, before), nowhere, client)
    assert evening.over
    assert isinstance(evening.errors[-1], ph.SessionEndedError)
    assert 10 <= evening.styled < 600


def test_a_key_that_has_expired_before_it_began(
    client: ph.sync.Client, realtime_server: ph.LocalServer
) -> None:
    with realtime_server.faults.expire_key(), pytest.raises(ph.InvalidApiKeyError):
        run(camera(1), nowhere, client)


def test_a_session_of_one_s_own_beside_the_application(
    client: ph.sync.Client, sync_realtime_client: SyncRealTimeClients
) -> None:
    """What the screen shows is what the service makes of it."""
    first = next(camera(1))
    expected = sync_realtime_client("mirage_v2", prompt="comic").process(first)
    shown: list[Picture] = []
    run(camera(1), shown.append, client, style="comic")
    assert np.abs(shown[0].astype(int) - expected).mean() < 3
