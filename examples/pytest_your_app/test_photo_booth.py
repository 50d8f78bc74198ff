"""The booth, on good days and on bad ones. Nothing here sleeps: every wait is for an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

import parhelion as ph
from parhelion.testing import EventLog, RealTimeClients, moving_frames, read_stamp, stamped_frame
from photo_booth import BoothError, PhotoBooth, Picture

Make = Callable[..., PhotoBooth]


def face(number: int = 0) -> Picture:
    return stamped_frame(number, 640, 360)


def events(booth: PhotoBooth) -> EventLog:
    assert booth.session is not None
    return EventLog(booth.session)


async def test_a_picture_is_taken_in_the_style(booth: Make) -> None:
    async with booth() as open_booth:
        picture = await open_booth.snap(face(7))
    assert read_stamp(picture) == 7
    assert np.abs(picture.astype(int) - face(7)).mean() > 10
    assert open_booth.status == "closed"


async def test_a_new_style_is_in_force_at_once(
    booth: Make, realtime_client: RealTimeClients
) -> None:
    reference = await realtime_client("mirage_v2", prompt="noir")
    expected = (await reference.transform(face())).data
    async with booth() as open_booth:
        assert await open_booth.change_style("noir")
        picture = await open_booth.snap(face())
    assert np.abs(picture.astype(int) - expected).mean() < 3


async def test_a_full_service_is_tried_again(booth: Make, realtime_server: ph.LocalServer) -> None:
    refusal = realtime_server.faults.refuse(times=1)
    async with booth() as open_booth:
        assert open_booth.status == "live"
    assert refusal.hits == 1


async def test_a_service_that_stays_full_is_told(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    realtime_server.faults.refuse()
    with pytest.raises(BoothError, match="busy"):
        await booth(patience=0.5).open()


async def test_a_lost_acknowledgement_is_not_the_end(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth(answer_within=0.5) as open_booth:
        with realtime_server.faults.drop_acknowledgements(times=1) as lost:
            assert await open_booth.change_style("noir")
        assert lost.hits == 1
        assert open_booth.style == "noir"


async def test_a_service_that_never_answers_keeps_the_style(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth(answer_within=0.2) as open_booth:
        with realtime_server.faults.stall("acknowledgement"):
            assert not await open_booth.change_style("noir")
        assert open_booth.style == "anime"
        assert "try again" in open_booth.text


async def test_five_percent_of_packets_lost(booth: Make, realtime_server: ph.LocalServer) -> None:
    seen: list[int] = []
    async with booth() as open_booth:
        realtime_server.faults.packets(loss=0.05, jitter=0.005, seed=7)
        for camera in moving_frames(60, 640, 360, first=1):
            number = read_stamp(open_booth.preview(camera))
            assert number is not None
            seen.append(number)
            await asyncio.sleep(1 / 60)  # the camera's own pace
        assert read_stamp(await open_booth.snap(face(999))) == 999
    counts = realtime_server.faults.packet_counts("to_client")
    assert counts.lost > 0
    assert len(set(seen)) > 5, seen


async def test_a_spoiled_picture_is_taken_again(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth() as open_booth:
        crash = realtime_server.faults.crash_model(times=1)
        assert read_stamp(await open_booth.snap(face(3))) == 3
        assert crash.hits == 1
        assert open_booth.spoiled == 1


async def test_a_model_that_hangs(booth: Make, realtime_server: ph.LocalServer) -> None:
    async with booth(answer_within=0.3) as open_booth:
        with realtime_server.faults.freeze_model(), pytest.raises(BoothError, match="try again"):
            await open_booth.snap(face(3))
        assert open_booth.status == "live"
        assert read_stamp(await open_booth.snap(face(4))) == 4


async def test_a_service_that_restarts_is_waited_for(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth() as open_booth:
        log = events(open_booth)
        assert await open_booth.change_style("noir")
        before = await open_booth.snap(face())
        with realtime_server.faults.stall("handshake") as stall:
            realtime_server.faults.close(1012, "restarting")
            await stall.struck()
            await log.until(lambda log: "reconnecting" in log.states)
            assert open_booth.status == "one moment"
            # The screen shows the camera meanwhile.
            assert read_stamp(open_booth.preview(face(5))) == 5
        await log.until("generating")
        assert open_booth.status == "live"
        after = await open_booth.snap(face())
        assert np.abs(after.astype(int) - before).mean() < 3


async def test_credits_that_run_out_close_the_booth(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth() as open_booth:
        log = events(open_booth)
        with realtime_server.faults.exhaust_credits() as broke:
            await log.until("disconnected")
            assert open_booth.status == "out of order"
            assert "credits" in open_booth.text
            assert read_stamp(open_booth.preview(face(5))) == 5
            with pytest.raises(BoothError, match="credits"):
                await open_booth.snap(face())
            # Nobody hammered the service.
            assert broke.hits == 0
        assert log.of("generation_ended") == ["insufficient_credits"]


async def test_an_expired_key_is_told_to_the_operator(
    booth: Make, realtime_server: ph.LocalServer
) -> None:
    async with booth() as open_booth:
        log = events(open_booth)
        realtime_server.faults.expire_key(end_sessions=True)
        await log.until("disconnected")
        assert "renew the key" in open_booth.text
    with pytest.raises(BoothError, match="renew the key"):
        await booth().open()


@pytest.mark.realtime_server(max_sessions=1, max_queue=0)
async def test_one_booth_too_many(booth: Make) -> None:
    async with booth():
        with pytest.raises(BoothError, match="busy"):
            await booth(patience=0.5).open()
    async with booth():
        pass
