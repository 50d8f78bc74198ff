"""The models of the real-time API."""

from __future__ import annotations

import dataclasses
import re

from parhelion import _core
from parhelion.errors import InvalidInputError, ModelNotFoundError

__all__ = ["ModelDefinition", "Models"]

# Of a picture, as the core takes it.
_MAX_SIDE = 8192
_MAX_FPS = 1000
# Segments without a dot alone, so that no path leads elsewhere than it seems to.
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~%!$&'()*+,;=:@-]+)+/?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class ModelDefinition:
    """One model: of the catalog, or of a service of your own.

    Frame rate and size are what the model was made for; other frames are accepted.

    Raises:
        InvalidInputError: The name is blank or cannot be printed; the frame rate is not above 0 and
            up to 1000; a side is no whole number from 1 to 8192; the path has more than a path.
    """

    name: str
    """The name that goes to the service."""
    fps: float
    """Frames per second."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    url_path: str = "/v1/stream"
    """Path of the control socket on the service: starts with ``/``, and has no query."""
    accepts_image: bool = True
    """Whether a reference image changes the result."""
    accepts_audio: bool = False
    """Whether audio drives the model."""

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InvalidInputError(
                f"name: expected a printable str that is not blank, got {name!r}"
            )
        numbers = (self.fps, self.width, self.height)
        if not (_is_rate(self.fps) and _is_side(self.width) and _is_side(self.height)):
            raise InvalidInputError(
                f"model {name!r}: expected fps, width and height above 0, fps up to {_MAX_FPS}, "
                f"the sides whole and up to {_MAX_SIDE}, got {', '.join(map(repr, numbers))}"
            )
        path = self.url_path
        if not isinstance(path, str) or _PATH.fullmatch(path) is None:
            raise InvalidInputError(
                f"url_path: expected a path that starts with /, without a query, got {path!r}",
                hint="the host belongs into base_url of the client, and the model's name is sent "
                "with it",
            )
        for flag in ("accepts_image", "accepts_audio"):
            value = getattr(self, flag)
            if not isinstance(value, bool):
                raise InvalidInputError(f"{flag}: expected bool, got {type(value).__name__}")


def _is_rate(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _MAX_FPS


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_SIDE


class Models:
    """The catalog of the real-time API.

    ``mirage``, ``mirage_v2``, ``lucy_v2v_720p_rt``, ``lucy_2_rt``, ``live_avatar``, and the later
    names of the same models.
    """

    def __init__(self) -> None:
        self._models = {values["name"]: ModelDefinition(**values) for values in _core.models()}
        self._aliases = dict(_core.model_aliases())

    def realtime(self, name: str) -> ModelDefinition:
        """The model of that name, or of the model that it is another name for.

        Raises:
            ModelNotFoundError: The name is not in the catalog; the text lists what is.
            InvalidInputError: The name is no str.
        """
        if not isinstance(name, str):
            raise InvalidInputError(
                f"model: expected str, got {type(name).__name__}", operation="realtime"
            )
        model = self._models.get(self._aliases.get(name, name))
        if model is None:
            raise ModelNotFoundError(
                f"unknown model {name!r}; expected one of {', '.join(self._models)}",
                hint="for a model of your own pass a ModelDefinition",
            )
        return dataclasses.replace(model, name=name)

    def list(self) -> list[ModelDefinition]:
        """All models of the catalog."""
        return [*self._models.values()]
