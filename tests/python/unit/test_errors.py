"""One base class, one class for each code, and a text that says what to do."""

from __future__ import annotations

import pickle
import re

import pytest

import parhelion as ph
from parhelion import _core, errors

CODES = dict(_core.error_codes())
CLASSES = [getattr(ph, name) for name in errors.__all__]


def every_class(base: type) -> set[type]:
    return {base}.union(*(every_class(cls) for cls in base.__subclasses__()))


def test_every_class_is_exported():
    assert set(CLASSES) == every_class(ph.ParhelionError)


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_own_class(code):
    error = errors.make_error(code, "text", "connect", CODES[code], "a hint")
    assert type(error) is not ph.ParhelionError
    assert type(error).default_code == code
    assert (error.code, error.message, error.operation) == (code, "text", "connect")
    assert (error.retryable, error.hint) == (CODES[code], "a hint")
    assert type(error).default_retryable == CODES[code]


def test_no_class_has_a_code_that_the_core_does_not_know():
    assert {cls.default_code for cls in CLASSES} == set(CODES)


def test_an_unknown_code_is_kept():
    error = errors.make_error("FROM_THE_FUTURE", "text", None, True, None)
    assert type(error) is ph.ParhelionError
    assert error.code == "FROM_THE_FUTURE"


@pytest.mark.parametrize(
    "cls", sorted(every_class(ph.ParhelionError) - {ph.ParhelionError}, key=str)
)
def test_an_error_survives_pickling(cls):
    error = cls("text", operation="send", retryable=True, hint="a hint")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (ph.InvalidInputError, ValueError),
        (ph.InvalidOptionsError, ValueError),
        (ph.InvalidBaseUrlError, ValueError),
        (ph.ModelNotFoundError, ValueError),
        (ph.ConnectTimeoutError, TimeoutError),
        (ph.WebSocketError, ConnectionError),
        (ph.IceError, ConnectionError),
        (ph.SignalingError, ConnectionError),
        (ph.SessionEndedError, ConnectionError),
        (ph.DisconnectedError, ConnectionError),
        (ph.DisconnectedError, ph.InvalidStateError),
        (ph.AtCapacityError, ph.ServerError),
    ],
)
def test_the_fitting_builtin_catches_it_too(cls, builtin):
    assert issubclass(cls, builtin)
    assert issubclass(cls, ph.ParhelionError)


def test_the_text_names_the_operation_and_ends_with_the_hint():
    assert str(ph.IceError("no path")) == "no path"
    assert str(ph.IceError("no path", operation="connect")) == "connect: no path"
    assert str(ph.IceError("no path", hint="try another network")).endswith("(try another network)")


def test_the_tree_in_the_documentation_is_the_real_one():
    """Name, indent, code and builtin of each line."""
    line = re.compile(r"^ {4}([│ ]*)[├└]── (\w+) +([A-Z_]+) *(\w*)$", re.MULTILINE)
    drawn = {}
    parents = {-4: "ParhelionError"}
    for indent, name, code, builtin in line.findall(errors.__doc__):
        parents[len(indent)] = name
        drawn[name] = (parents[len(indent) - 4], code, builtin)
    real = {}
    for cls in every_class(ph.ParhelionError) - {ph.ParhelionError}:
        parent, *builtins = [base.__name__ for base in cls.__bases__]
        real[cls.__name__] = (parent, cls.default_code, builtins[0] if builtins else "")
    assert drawn == real
