"""What is checked before there is a connection."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

import parhelion as ph
from parhelion import _core

KEY = "a-key-that-no-text-may-show"


@pytest.fixture
def client(monkeypatch) -> ph.Client:
    monkeypatch.delenv("DECART_API_KEY", raising=False)
    return ph.Client(KEY, base_url="ws://127.0.0.1:9")


@pytest.mark.parametrize("key", [None, "", "   "])
def test_without_a_key_it_says_how_to_go_on(monkeypatch, key):
    monkeypatch.delenv("DECART_API_KEY", raising=False)
    with pytest.raises(ph.InvalidApiKeyError, match="DECART_API_KEY") as caught:
        ph.Client(key)
    assert "LocalServer" in caught.value.hint


def test_the_key_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DECART_API_KEY", KEY)
    assert ph.Client().base_url == "wss://api3.decart.ai"
    assert ph.create_client(base_url="ws://here").base_url == "ws://here"
    monkeypatch.setenv("DECART_API_KEY", "  ")
    with pytest.raises(ph.InvalidApiKeyError):
        ph.Client()


def test_no_repr_shows_a_secret(client):
    server = ph.LocalServer(api_key=KEY)
    relay = ph.IceServer("turn:relay:3478", username="user", credential=KEY)
    for thing in (client, client.realtime, client.models, server, relay):
        assert KEY not in repr(thing)
        assert KEY not in str(thing)


def test_random_keys_differ():
    assert ph.LocalServer().api_key != ph.LocalServer().api_key


@pytest.mark.parametrize("text", ["", "  ", None, 3, b"noir"])
def test_a_prompt_is_text(text):
    with pytest.raises(ph.InvalidInputError, match="prompt: expected"):
        ph.Prompt(text)


def generate():
    yield np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"model": None}, ph.InvalidInputError, "NoneType"),
        ({"model": "nonsense"}, ph.ModelNotFoundError, "nonsense"),
        ({"stream": 1.5}, ph.InvalidInputError, "float"),
        ({"stream": True}, ph.InvalidInputError, "bool"),
        ({"stream": -1}, ph.InvalidInputError, "index of a camera"),
        ({"stream": ""}, ph.InvalidInputError, "a path or a URL"),
        ({"stream": "a\0b"}, ph.InvalidInputError, "a path or a URL"),
        ({"stream": b"bytes"}, ph.InvalidInputError, "bytes"),
        ({"stream": {}}, ph.InvalidInputError, "dict"),
        ({"stream": np.zeros((4, 4, 3), np.uint8)}, ph.InvalidInputError, "transform"),
        ({"stream": np.zeros((4, 4), np.uint8)}, ph.InvalidInputError, "4 axes"),
        (
            {"stream": np.zeros((4, 4), np.uint8), "format": "gray"},
            ph.InvalidInputError,
            "transform",
        ),
        ({"stream": ph.Frame(np.zeros((4, 4, 3), np.uint8))}, ph.InvalidInputError, "transform"),
        ({"stream": generate}, ph.InvalidInputError, r"call it: generate\(\)"),
        ({"stream": list}, ph.InvalidInputError, "type"),
        ({"fps": 25}, ph.InvalidOptionsError, "without a video stream"),
        ({"stream": [], "fps": 0}, ph.InvalidOptionsError, "above 0"),
        ({"stream": [], "fps": -1}, ph.InvalidOptionsError, "above 0"),
        ({"stream": [], "fps": float("nan")}, ph.InvalidOptionsError, "nan"),
        ({"stream": [], "fps": 1001}, ph.InvalidOptionsError, "1000"),
        ({"stream": [], "fps": "25"}, ph.InvalidOptionsError, "'25'"),
        ({"max_bitrate": 99_999}, ph.InvalidOptionsError, "100000"),
        ({"max_bitrate": 50_000_001}, ph.InvalidOptionsError, "50000000"),
        ({"max_bitrate": 1e6}, ph.InvalidOptionsError, "int"),
        ({"stats_interval": 0.05}, ph.InvalidOptionsError, "0.1 to 60.0 seconds or None"),
        ({"stats_interval": 61}, ph.InvalidOptionsError, "0.1 to 60.0"),
        ({"stats_interval": float("nan")}, ph.InvalidOptionsError, "0.1 to 60.0"),
        ({"stats_interval": "1"}, ph.InvalidOptionsError, "0.1 to 60.0"),
        ({"stats_interval": True}, ph.InvalidOptionsError, "0.1 to 60.0"),
        ({"flow": "newest"}, ph.InvalidOptionsError, "'latest', 'all', 'wait'"),
        ({"flow": ["latest"]}, ph.InvalidOptionsError, "'latest', 'all', 'wait'"),
        ({"attempts": -1}, ph.InvalidOptionsError, "0 to 100"),
        ({"attempts": 101}, ph.InvalidOptionsError, "0 to 100"),
        ({"timeout": 0}, ph.InvalidOptionsError, "above 0"),
        ({"timeout": -1}, ph.InvalidOptionsError, "above 0"),
        ({"timeout": float("nan")}, ph.InvalidOptionsError, "nan"),
        ({"resolution": "4k"}, ph.InvalidOptionsError, "1080p"),
        ({"initial_state": ph.InitialState(image=b"")}, ph.InvalidInputError, "1 to"),
        ({"initial_state": ph.InitialState(image=3)}, ph.InvalidInputError, "int"),
        ({"initial_state": ph.InitialState(image="/no/file")}, ph.InvalidInputError, "read"),
        ({"initial_state": ph.InitialState(image="x" * 9999)}, ph.InvalidInputError, "read"),
        ({"initial_state": ph.InitialState(image="a\0b")}, ph.InvalidInputError, "read"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_options_are_checked_before_anything_is_opened(client, options, error, says):
    with pytest.raises(error, match=says) as caught:
        client.realtime.connect(**({"model": "mirage_v2"} | options))
    assert isinstance(caught.value, ValueError)


def test_a_large_image_is_refused_before_it_is_sent(client):
    image = bytes(20 * 1024 * 1024 + 1)
    with pytest.raises(ph.InvalidInputError, match="20971520"):
        client.realtime.connect(model="mirage_v2", initial_state=ph.InitialState(image=image))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"port": -1}, "65535"),
        ({"port": 65536}, "65535"),
        ({"port": "80"}, "65535"),
        ({"max_sessions": 0}, "at least 1"),
        ({"max_session_duration": -1.0}, "above 0"),
        ({"max_session_duration": float("nan")}, "above 0"),
    ],
)
def test_options_of_the_server_are_checked(options, says):
    with pytest.raises(ValueError, match=says) as caught:
        ph.LocalServer(**options)
    assert isinstance(caught.value, ph.ParhelionError)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "m", "fps": 0},
        {"name": "m", "fps": float("nan")},
        {"name": "m", "width": 0},
        {"name": "m", "height": -1},
    ],
)
def test_models_are_checked_when_they_are_registered(arguments):
    with pytest.raises(ph.InvalidInputError):
        ph.LocalServer().model(**arguments)


def test_a_model_must_be_callable():
    with pytest.raises(ph.InvalidInputError, match="function or a class"):
        ph.LocalServer().model("mine")("not callable")


def test_the_catalog(client):
    names = [model.name for model in client.models.list()]
    assert names == ["mirage", "mirage_v2", "lucy_v2v_720p_rt", "lucy_2_rt", "live_avatar"]
    model = client.models.realtime("mirage_v2")
    assert (model.fps, model.width, model.height) == (22, 1280, 704)
    assert model.url_path == "/v1/stream"
    assert client.models.realtime("lucy_2_rt").accepts_image


def test_another_name_of_a_model_stays_what_was_asked_for(client):
    for alias, target in _core.model_aliases():
        model = client.models.realtime(alias)
        original = client.models.realtime(target)
        assert model.name == alias
        assert (model.fps, model.width, model.height) == (
            original.fps,
            original.width,
            original.height,
        )


def test_definitions_are_values(client):
    model = client.models.realtime("mirage")
    assert model == client.models.realtime("mirage")
    assert pickle.loads(pickle.dumps(model)) == model
    assert hash(model) == hash(client.models.realtime("mirage"))
    with pytest.raises(AttributeError):
        model.fps = 3


def test_statistics_are_ready_for_json():
    values = dict.fromkeys(ph.Stats.__dataclass_fields__, 0)
    values |= {
        "round_trip_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0, "samples": 4},
        "drops": [("output", "displaced", 5)],
        "network_rtt_ms": None,
        "sent_size": (320, 240),
        "received_size": (320, 240),
        "quality": ("fair", "loss", True),
        "queues": {"output": 2},
        "service": dict.fromkeys(ph.ServiceStats.__dataclass_fields__, 0)
        | {"drops": [("model", "displaced", 1)], "queues": {"model": 1}},
    }
    stats = ph.Stats._from_core(copy.deepcopy(values))
    assert stats.drops == [ph.Drop("output", "displaced", 5)]
    assert stats.round_trip_ms.p95 == 2.0
    plain = json.loads(json.dumps(stats.to_dict(), allow_nan=False))
    assert plain["drops"] == [{"place": "output", "reason": "displaced", "frames": 5}]
    assert plain["round_trip_ms"]["samples"] == 4
    assert plain["quality"] == {"level": "fair", "limiting_factor": "loss", "warming_up": True}
    assert plain["queues"] == {"output": 2}
    assert plain["service"]["drops"] == [{"place": "model", "reason": "displaced", "frames": 1}]
    assert plain["service"]["queues"] == {"model": 1}
    assert set(plain) == set(values)


def test_the_build_tells_how_it_was_made():
    info = ph.build_info()
    assert info["version"] == ph.__version__
    assert info["profile"] == "release"
    assert info["codec"] == "openh264"
    json.dumps(info)
