"""An aiortc peer without any SDK against our service: what other and older clients do."""

from __future__ import annotations

import pytest

CYAN = [0, 255, 255]
VIDEO = [["video", "sendrecv"]]
NOTHING = {"prompt": None, "enhance": False, "image": None}
OTHER = {"prompt": "other", "enhance": True, "image": None}


def address(server):
    return {"url": server.url, "key": server.api_key}


async def test_an_offer_may_be_the_first_message(server, probe, plain):
    await plain.call("open_socket", **address(server))
    answered = await plain.call("offer", kinds=VIDEO)
    assert answered["state"] == "connected"
    (video,) = answered["answer"]
    assert video["direction"] == "sendrecv"
    assert set(video["codecs"]) <= {"H264", "rtx"}
    assert video["candidates"] > 0, "all candidates are in the answer"
    assert (await plain.call("see", colour=CYAN, frames=10))["matched"]
    assert await probe.next_state() == NOTHING
    # Such clients send their first prompt when the connection is up.
    await plain.call("send", message={"type": "prompt", "prompt": "other", "enhance_prompt": True})
    acknowledged = await plain.call("until_message", kind="prompt_ack")
    assert acknowledged["prompt"] == "other"
    assert acknowledged["success"] is True
    assert await probe.next_state() == OTHER


async def test_the_messages_come_in_the_order_that_clients_rely_on(server, plain):
    await plain.call("open_socket", **address(server))
    first = await plain.call("next_message")
    assert first["type"] == "session_id"
    assert first["session_id"].replace("-", "").isalnum()
    assert first["server_ip"] == "127.0.0.1"
    assert first["server_port"] > 0
    await plain.call("send", message={"type": "set_image", "image_data": None, "prompt": None})
    second = await plain.call("next_message")
    assert second["type"] == "set_image_ack"
    assert second["success"] is True
    assert second.get("error") is None
    # Fails on anything but the answer, a candidate before it above all.
    await plain.call("offer", kinds=VIDEO)
    assert (await plain.call("next_message"))["type"] == "generation_started"
    tick = await plain.call("next_message")
    assert tick["type"] == "generation_tick"
    assert isinstance(tick["seconds"], int), "an SDK drops a tick that is no whole number"
    assert server.end_session(first["session_id"], "insufficient_credits")
    ended = await plain.call("until_message", kind="generation_ended")
    assert ended["reason"] == "insufficient_credits"
    assert isinstance(ended["seconds"], int)
    assert await plain.call("next_message") == {"type": "CLOSE", "code": 1000}
    assert await plain.call("types_heard") == [
        "answer",
        "generation_ended",
        "generation_started",
        "generation_tick",
        "session_id",
        "set_image_ack",
    ]


# Sound goes back where it comes from; who sends none has none to hear.
ANSWERED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "inactive"}


@pytest.mark.parametrize("audio", ANSWERED)
async def test_audio_before_the_video_is_not_in_its_way(server, plain, audio):
    await plain.call("open_socket", **address(server))
    answered = await plain.call("offer", kinds=[["audio", audio], *VIDEO])
    assert answered["state"] == "connected"
    first, second = answered["answer"]
    assert first["kind"] == "audio"
    assert first["direction"] == ANSWERED[audio]
    assert second["direction"] == "sendrecv"
    assert (await plain.call("see", colour=CYAN, frames=10))["matched"]


async def test_video_that_only_goes_to_the_client_is_answered(server, plain):
    await plain.call("open_socket", **address(server), model="live_avatar")
    answered = await plain.call("offer", kinds=[["video", "recvonly"], ["audio", "sendrecv"]])
    assert answered["state"] == "connected"
    video, audio = answered["answer"]
    assert video["direction"] == "sendonly"
    assert video["accepted"]
    assert audio["direction"] == "sendrecv"
    assert (await plain.call("until_message", kind="generation_started"))["type"] != "CLOSE"


async def test_candidates_may_come_after_the_offer(server, plain):
    await plain.call("open_socket", **address(server))
    answered = await plain.call("offer", kinds=VIDEO, trickle=True)
    assert answered["candidates"] > 0
    assert answered["state"] == "connected"
    assert (await plain.call("see", colour=CYAN, frames=10))["matched"]


async def test_a_second_offer_replaces_the_connection(server, probe, plain):
    await plain.call("open_socket", **address(server))
    await plain.call("send", message={"type": "prompt", "prompt": "other", "enhance_prompt": True})
    for _ in range(2):
        assert (await plain.call("offer", kinds=VIDEO))["state"] == "connected"
        assert (await plain.call("until_message", kind="generation_started"))["type"] != "CLOSE"
        assert (await plain.call("see", colour=CYAN, frames=10))["matched"]
    # One session, which keeps its state.
    assert server.active_sessions == 1
    assert await probe.next_state() == OTHER


@pytest.mark.parametrize("path", ["/v1/avatar-live/stream", "/v1/live_avatar/stream"])
async def test_the_old_paths_lead_to_the_service(server, plain, path):
    await plain.call("open_socket", **address(server), path=path)
    assert (await plain.call("next_message"))["type"] == "session_id"


async def test_messages_of_other_versions_are_passed_over(server, probe, plain):
    await plain.call("open_socket", **address(server))
    await plain.call("send", message={"type": "switch_camera", "rotateY": 2})
    await plain.call("send", message={"type": "from_the_future", "value": [1, 2]})
    # As iOS writes it: without image_data.
    await plain.call("send", message={"type": "set_image", "prompt": "ios"})
    assert (await plain.call("until_message", kind="set_image_ack"))["success"] is True
    await plain.call("offer", kinds=VIDEO)
    assert (await probe.next_state())["prompt"] == "ios"
    # As Android writes it: without prompt, which leaves the prompt as it is.
    await plain.call("send", message={"type": "set_image", "image_data": None})
    assert (await plain.call("until_message", kind="set_image_ack"))["success"] is True
    assert (await plain.call("see", colour=CYAN, frames=5))["matched"]


async def test_a_wrong_key_is_told_before_the_close(server, plain):
    await plain.call("open_socket", url=server.url, key="wrong")
    refused = await plain.call("next_message")
    assert refused["type"] == "error"
    assert "invalid api key" in refused["error"].lower()
    assert await plain.call("next_message") == {"type": "CLOSE", "code": 1008}
