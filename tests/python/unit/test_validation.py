"""What the official clients let through, and what no service could make sense of."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import parhelion as ph

MODEL = ph.ModelDefinition("mine", 25, 64, 48)
NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture(params=[ph, ph.sync], ids=["asyncio", "blocking"])
def face(request):
    return request.param


def refused(error: type[Exception], says: str, call) -> ph.ParhelionError:
    with pytest.raises(error, match=says) as caught:
        call()
    assert isinstance(caught.value, ph.ParhelionError)
    assert len(str(caught.value)) < 500
    return caught.value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t"}, "name"),
        ({"name": None}, "name"),
        ({"name": b"mine"}, "name"),
        ({"name": "a\ud800"}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"fps": 0}, "fps"),
        ({"fps": -25}, "fps"),
        ({"fps": NAN}, "nan"),
        ({"fps": INFINITE}, "inf"),
        ({"fps": 1001}, "1001"),
        ({"fps": "25"}, "fps"),
        ({"fps": True}, "True"),
        ({"fps": None}, "None"),
        ({"width": 0}, "width"),
        ({"width": -1}, "width"),
        ({"width": 64.0}, "64.0"),
        ({"width": True}, "True"),
        ({"width": 8193}, "8193"),
        ({"height": "48"}, "height"),
        ({"height": 1 << 80}, "8192"),
        ({"url_path": ""}, "url_path"),
        ({"url_path": "v1/stream"}, "url_path: expected a path that starts with /"),
        ({"url_path": "/v1/stream?model=other"}, "url_path"),
        ({"url_path": "/v1/stream#top"}, "url_path"),
        ({"url_path": "/v1 stream"}, "url_path"),
        ({"url_path": "/v1\n"}, "url_path"),
        ({"url_path": "//elsewhere.example/v1"}, "url_path"),
        ({"url_path": "/\\elsewhere.example"}, "url_path"),
        ({"url_path": "/v1/../admin"}, "url_path"),
        ({"url_path": "/\ud800"}, "url_path"),
        ({"url_path": None}, "url_path"),
        ({"url_path": "wss://elsewhere.example/v1"}, "url_path"),
        ({"accepts_image": "no"}, "accepts_image: expected bool, got str"),
        ({"accepts_audio": 1}, "accepts_audio: expected bool, got int"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_model_of_ones_own(change, says):
    refused(ph.InvalidInputError, says, lambda: dataclasses.replace(MODEL, **change))


def test_a_model_of_ones_own_may_be_unusual():
    model = ph.ModelDefinition(
        "Größe/1 ☀", 23.976, 1, 8192, url_path="/a/b-c_d.e~f%20g/", accepts_image=False
    )
    assert model == dataclasses.replace(model)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"api_key": ""}, ph.InvalidApiKeyError, "no API key"),
        ({"api_key": " \n"}, ph.InvalidApiKeyError, "no API key"),
        ({"api_key": b"key"}, ph.InvalidInputError, "bytes"),
        ({"api_key": 3}, ph.InvalidInputError, "int"),
        ({"api_key": "k\ud800"}, ph.InvalidApiKeyError, "printable"),
        ({"base_url": 3}, ph.InvalidInputError, "int"),
        ({"base_url": b"ws://h"}, ph.InvalidInputError, "bytes"),
        ({"base_url": "ws://h\ud800"}, ph.InvalidInputError, "printable"),
        ({"ca_file": 3}, ph.InvalidInputError, "ca_file"),
        ({"integration": 3}, ph.InvalidInputError, "integration"),
        ({"integration": "a\r\nx: b"}, ph.InvalidInputError, "integration"),
        ({"allow_private_image_urls": "false"}, ph.InvalidInputError, "expected bool, got str"),
        ({"allow_private_image_urls": None}, ph.InvalidInputError, "expected bool"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_client(face, options, error, says):
    refused(error, says, lambda: face.Client(**({"api_key": "key"} | options)))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"model": None}, ph.InvalidInputError, "NoneType"),
        ({"model": {"name": "mine"}}, ph.InvalidInputError, "dict"),
        ({"model": ""}, ph.ModelNotFoundError, "expected one of"),
        ({"initial_state": {"prompt": {"text": "a"}}}, ph.InvalidInputError, "got dict"),
        ({"initial_state": "noir"}, ph.InvalidInputError, "got str"),
        ({"initial_state": False}, ph.InvalidInputError, "got bool"),
        ({"resolution": "480p"}, ph.InvalidOptionsError, "720p or 1080p"),
        ({"resolution": 720}, ph.InvalidOptionsError, "got 720"),
        ({"resolution": "720P"}, ph.InvalidOptionsError, "720P"),
        ({"resolution": ""}, ph.InvalidOptionsError, "''"),
        ({"resolution": ["720p"]}, ph.InvalidOptionsError, "720p"),
        ({"resolution": np.zeros(3)}, ph.InvalidOptionsError, "resolution"),
        ({"mirror": np.zeros(3)}, ph.InvalidOptionsError, "mirror"),
        ({"mirror": "front"}, ph.InvalidOptionsError, "mirror"),
        ({"timeout": NAN}, ph.InvalidOptionsError, "nan"),
        ({"timeout": INFINITE}, ph.InvalidOptionsError, "inf"),
        ({"timeout": True}, ph.InvalidOptionsError, "bool"),
        ({"timeout": "5"}, ph.InvalidOptionsError, "str"),
        ({"timeout": None}, ph.InvalidOptionsError, "NoneType"),
        ({"attempts": True}, ph.InvalidOptionsError, "True"),
        ({"attempts": 1.0}, ph.InvalidOptionsError, "1.0"),
        ({"attempts": 1.5}, ph.InvalidOptionsError, "1.5"),
        ({"max_bitrate": "1000000"}, ph.InvalidOptionsError, "int"),
        ({"max_bitrate": NAN}, ph.InvalidOptionsError, "nan"),
        ({"fps": True, "stream": []}, ph.InvalidOptionsError, "fps"),
        ({"fps": INFINITE, "stream": []}, ph.InvalidOptionsError, "fps"),
        ({"fps": "25", "stream": []}, ph.InvalidOptionsError, "fps"),
        ({"format": "rgb"}, ph.InvalidInputError, "rgb24"),
        ({"format": None}, ph.InvalidInputError, "format"),
        ({"on_remote_stream": 3}, ph.InvalidInputError, "callable"),
        ({"customize_offer": "sdp"}, ph.InvalidInputError, "callable"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_connect_says_so_at_once(face, options, error, says):
    client = face.Client("key", base_url="ws://127.0.0.1:9")
    options = {"model": MODEL} | options
    caught = refused(error, says, lambda: client.realtime.connect(**options))
    assert isinstance(caught, ValueError)


def test_numbers_of_numpy_are_numbers():
    """Nothing is found wrong with them, and nothing is opened before it is awaited."""
    client = ph.Client("key", base_url="ws://127.0.0.1:9")
    client.realtime.connect(
        model=MODEL,
        attempts=np.int64(0),
        max_bitrate=np.int32(1_000_000),
        timeout=np.float64(1),
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ph.Prompt(None), "prompt: expected str, got NoneType"),
        (lambda: ph.Prompt(""), "blank"),
        (lambda: ph.Prompt("\u2003"), "blank"),
        (lambda: ph.Prompt("x" * 10_001), "10000 characters, got 10001"),
        (lambda: ph.Prompt("a\udc80"), "lone surrogate at 1"),
        (lambda: ph.Prompt("a", "no"), "enhance: expected bool"),
        (lambda: ph.Prompt("a", 1), "enhance: expected bool"),
    ],
)
def test_a_prompt(call, says):
    refused(ph.InvalidInputError, says, call)


def test_the_longest_prompt_counts_characters_not_bytes():
    assert len(ph.Prompt("🦀" * 10_000).text) == 10_000
    assert ph.Prompt("a\0b").text == "a\0b"
    assert ph.Prompt("a", np.bool_(False)).enhance is False
