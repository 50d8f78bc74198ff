"""The two faces, asyncio and blocking, are one interface."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import parhelion as ph

# What one face has and the other has not.
ONLY_BLOCKING = {
    "connect": "a session in one call, with a local service: for scripts and notebooks",
    "RealTimeClient.process": "for capture loops, which have no await",
    "RealTimeClient.__enter__": "with",
    "RealTimeClient.__exit__": "with",
    "Subscription.__enter__": "with",
    "Subscription.__exit__": "with",
}
ONLY_ASYNCIO = {
    "RealTimeClient.__aenter__": "async with",
    "RealTimeClient.__aexit__": "async with",
    "Subscription.__aenter__": "async with",
    "Subscription.__aexit__": "async with",
}
# Texts that have to differ, because the faces do.
OTHER_WORDS = {
    "RealTimeClient": "which threads and loops may call it",
    "RealTimeClient.on": "where handlers run, and until when they are in time",
    "RealTime.connect": "whether it is awaited",
    "RealTime.subscribe": "whether it is awaited",
    "Subscription": "which threads and loops may call it",
    "Subscription.on": "where handlers run, and until when they are in time",
    "RemoteStream": "which threads may read",
}
# What is told in the words of the face: an annotation of asyncio, and the one here.
RETURNS = {
    "Connecting": "RealTimeClient",
    "Subscribing": "Subscription",
    "AsyncIterator[Frame]": "Iterator[Frame]",
    "AsyncIterator[AudioFrame]": "Iterator[AudioFrame]",
}


def same_names(one: object, other: object) -> Iterator[str]:
    """The classes of both faces that are not one object."""
    for name in sorted(set(ph.__all__) & set(ph.sync.__all__)):
        if getattr(one, name) is not getattr(other, name) and name != "__version__":
            yield name


PAIRS = list(same_names(ph, ph.sync))
CLASSES = [name for name in PAIRS if inspect.isclass(getattr(ph, name)) and name != "Server"]


def public(cls: type) -> set[str]:
    own = set(dir(cls)) - set(dir(object))
    special = {"__enter__", "__exit__", "__aenter__", "__aexit__", "__aiter__", "__iter__"}
    return {name for name in own if not name.startswith("_") or name in special}


def members() -> list[str]:
    return [
        f"{name}.{member}"
        for name in CLASSES
        for member in sorted(public(getattr(ph, name)) & public(getattr(ph.sync, name)))
        if not member.startswith("_")
    ]


def test_server_is_the_other_name_here_too():
    assert ph.sync.Server is ph.sync.LocalServer


def both(path: str) -> tuple[Any, Any]:
    """The two objects of that path; of a class each is looked up without binding it."""
    found = []
    for thing in (ph, ph.sync):
        for part in path.split("."):
            thing = inspect.getattr_static(thing, part)
        found.append(thing)
    return found[0], found[1]


def returned(function: Any) -> str:
    annotation = str(inspect.signature(function).return_annotation)
    return RETURNS.get(annotation, annotation)


def arguments(function: Any) -> dict[str, str]:
    """What the documentation says of each argument."""
    text = (inspect.getdoc(function) or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.split(r"^    (\w+): ", text, flags=re.MULTILINE)
    return {
        name: " ".join(words.split()) for name, words in zip(found[1::2], found[2::2], strict=True)
    }


def test_the_same_names():
    assert set(ph.sync.__all__) - set(ph.__all__) == {
        name for name in ONLY_BLOCKING if "." not in name
    }
    assert set(ph.__all__) <= set(ph.sync.__all__)
    for name in ph.sync.__all__:
        assert getattr(ph.sync, name) is not None


def test_only_what_waits_is_doubled():
    assert set(PAIRS) == {
        "Client",
        "LocalServer",
        "RealTime",
        "RealTimeClient",
        "RemoteStream",
        "Server",
        "Subscription",
        "Tokens",
        "create_client",
    }


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_members(name):
    asyncio_face, blocking = (public(cls) for cls in both(name))
    only = {path for path in ONLY_BLOCKING if path.startswith(f"{name}.")}
    assert {f"{name}.{member}" for member in blocking - asyncio_face} == only
    only = {path for path in ONLY_ASYNCIO if path.startswith(f"{name}.")}
    assert {f"{name}.{member}" for member in asyncio_face - blocking} == only


def test_what_a_client_has():
    one = ph.Client("key", base_url="ws://localhost:9")
    other = ph.sync.Client("key", base_url="ws://localhost:9")
    shown = [{name for name in vars(client) if not name.startswith("_")} for client in (one, other)]
    assert shown[0] == shown[1]
    assert repr(one) == repr(other)
    assert one.base_url == other.base_url


@pytest.mark.parametrize("path", [*members(), *PAIRS])
def test_the_same_parameters(path):
    one, other = both(path)
    if isinstance(one, property):
        assert isinstance(other, property)
        one, other = one.fget, other.fget
    if inspect.isclass(one) and path != "Client":
        return  # made by the package
    signatures = [inspect.signature(function) for function in (one, other)]
    kinds = [
        [(p.name, p.kind, p.default) for p in signature.parameters.values()]
        for signature in signatures
    ]
    assert kinds[0] == kinds[1]
    assert returned(one) == returned(other)
    assert not inspect.iscoroutinefunction(other)
    assert not inspect.isasyncgenfunction(other)
    annotations = [
        {p.name: p.annotation for p in signature.parameters.values()} for signature in signatures
    ]
    assert annotations[0] == annotations[1]


@pytest.mark.parametrize("path", [*members(), *PAIRS])
def test_the_same_documentation(path):
    texts = [inspect.getdoc(thing) for thing in both(path)]
    assert texts[0]
    if path in OTHER_WORDS:
        assert texts[0] != texts[1], "this is no exception any more"
        # The first words, the arguments and the errors are the same all the same.
        first = [text.split(",")[0].split(".")[0] for text in texts]
        assert first[0] == first[1]
        for mark in ("Args:", "===="):  # the arguments, and the table of events
            parts = [text.partition(mark)[2] for text in texts]
            assert parts[0] == parts[1]
    else:
        assert texts[0] == texts[1]


def test_one_call_takes_what_connect_takes():
    connect = inspect.signature(ph.sync.RealTime.connect).parameters
    shortcut = inspect.signature(ph.sync.connect).parameters
    assert set(connect) - set(shortcut) == {"self", "initial_state"}
    assert set(shortcut) - set(connect) == {
        "prompt",
        "image",
        "landmarks",
        "api_key",
        "base_url",
    }
    for name in set(connect) & set(shortcut):
        assert connect[name].default == shortcut[name].default
        assert connect[name].annotation == shortcut[name].annotation
    said = [arguments(function) for function in (ph.sync.RealTime.connect, ph.sync.connect)]
    for name in set(connect) & set(shortcut) - {"model"}:
        assert said[0][name] == said[1][name]


def test_the_exceptions_are_exceptions():
    paths = {*ONLY_ASYNCIO, *ONLY_BLOCKING}
    assert paths.isdisjoint(members())
    assert set(OTHER_WORDS) <= {*members(), *PAIRS}
