"""The embedded service: the same protocol on this machine, with models of your own."""

from __future__ import annotations

import atexit
import dataclasses
import inspect
import logging
import secrets
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import InvalidInputError, InvalidStateError
from parhelion.faults import Faults
from parhelion.ice import IceServer, ice_server_list
from parhelion.limits import checked_bitrates, checked_seconds, checked_text
from parhelion.models import ModelDefinition

__all__ = ["LocalServer", "ModelContext", "Server"]

# No limit that anybody could reach.
_MOST = 1_000_000
_MONTH = 30 * 24 * 3600

_log = logging.getLogger("parhelion.server")
_live: weakref.WeakSet[LocalServer] = weakref.WeakSet()

ModelFunction = Callable[[npt.NDArray[np.uint8], "ModelContext"], npt.NDArray[np.uint8]]
_Model = TypeVar("_Model", bound=Callable[..., Any])


@dataclasses.dataclass
class ModelContext:
    """What a model function knows besides the frame. One object lives as long as its session."""

    session_id: str
    model: str
    prompt: str | None = None
    """What the client wants the result to look like; None: unchanged."""
    enhance: bool = False
    """Whether the model may elaborate on the prompt."""
    image: npt.NDArray[np.uint8] | None = None
    """The reference image, (H, W, 3) RGB."""
    index: int = 0
    """Counts the frames that reached the model in this session, from 0."""
    capture_time: float | None = None
    """When the client sent the frame, seconds since the Unix epoch, if it said so."""
    state: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Yours, to keep things from frame to frame."""

    def _set_control(
        self, prompt: str | None, enhance: bool, image: npt.NDArray[np.uint8] | None
    ) -> None:
        self.prompt, self.enhance, self.image = prompt, enhance, image


class LocalServer:
    """A real-time service in this process, with no account and no GPU.

    Use it in ``async with`` or ``with``, or call :meth:`start` and :meth:`close`.

    Args:
        host: Address to listen on. Only ``127.0.0.1`` keeps others out.
        port: 0 lets the system choose a free one.
        api_key: What clients have to show; default is a random key.
        max_sessions: So many run at once, and more wait for a place; None: no limit. Who watches a
            session takes no place.
        max_queue: So many may wait, first come, first served, each told where it stands; more are
            refused. 0: who does not get a place at once is refused. 0 to 10_000.
        max_viewers: So many may watch one session; more are refused. 0 to 10_000.
        viewer_token_lifetime: Seconds that a ``subscribe_token`` opens a session for whoever has no
            key, 1 to 30 days; clients of this package get a new one after half of it.
        min_bitrate: Lower bound of each session's outgoing video, bits per second, 50_000 to
            50_000_000. A larger one than ``max_bitrate`` counts as that.
        start_bitrate: What it begins with, within those bounds. None: ``max_bitrate``, or 3_000_000
            if that is less.
        max_bitrate: Upper bound of each session's outgoing video, bits per second, 100_000 to
            50_000_000. Between the bounds it follows the client's network.
        max_session_duration: Seconds after which a session ends; None: never.
        ice_servers: STUN and TURN servers for clients from elsewhere.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        api_key: str | None = None,
        max_sessions: int | None = None,
        max_queue: int = 64,
        max_viewers: int = 100,
        viewer_token_lifetime: float = 3600.0,
        min_bitrate: int = 150_000,
        start_bitrate: int | None = None,
        max_bitrate: int = 3_000_000,
        max_session_duration: float | None = None,
        ice_servers: Sequence[IceServer] = (),
    ) -> None:
        checked_text("host", host, "LocalServer")
        if api_key is not None:
            checked_text("api_key", api_key, "LocalServer")
        for name, value, low, high in (
            ("port", port, 0, 65535),
            ("max_sessions", 1 if max_sessions is None else max_sessions, 1, _MOST),
            ("max_queue", max_queue, 0, 10_000),
            ("max_viewers", max_viewers, 0, 10_000),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                wanted = f"at least {low}" if high == _MOST else f"from {low} to {high}"
                raise InvalidInputError(f"{name}: expected an int {wanted}, got {value!r}")
        bitrates = checked_bitrates(min_bitrate, start_bitrate, max_bitrate, InvalidInputError)
        checked_seconds("viewer_token_lifetime", viewer_token_lifetime, "LocalServer")
        if not 1 <= viewer_token_lifetime <= _MONTH:
            raise InvalidInputError(
                f"viewer_token_lifetime: expected 1 to {_MONTH} seconds, "
                f"got {viewer_token_lifetime!r}"
            )
        if max_session_duration is not None:
            checked_seconds("max_session_duration", max_session_duration, "LocalServer")
        self.api_key = secrets.token_urlsafe(24) if api_key is None else api_key
        self._core = _core.Server(
            {
                "host": host,
                "port": port,
                "api_keys": [self.api_key],
                "max_sessions": max_sessions,
                "max_queue": max_queue,
                "max_viewers": max_viewers,
                "viewer_token_lifetime": float(viewer_token_lifetime),
                **bitrates,
                "max_session_duration": max_session_duration,
                "ice_servers": ice_server_list(ice_servers),
            }
        )
        self._own_models: dict[str, ModelDefinition] = {}
        self.faults = Faults(self._core)
        """The switches of what is to go wrong, for tests."""
        _live.add(self)

    def model(
        self, name: str, *, fps: float = 30.0, width: int = 1280, height: int = 720
    ) -> Callable[[_Model], _Model]:
        """Registers a function, or a class whose instances can be called, as a model.

        The function is called as ``function(frame, context)``, with ``frame`` an RGB array of
        shape (H, W, 3), uint8, writable and its own to keep, and returns such an array of any size
        and strides. It runs on the session's own thread: one that is slow loses frames of its
        session only, and gets the newest next. One that raises loses that frame; the client gets
        an ``error`` event of code ``MODEL_FAILED``, the log of ``parhelion.server`` the traceback.
        A class is instantiated for each session.

        Args:
            name: What clients ask for.
            fps: Frames per second the model is made for; a hint to clients.
            width: Likewise, in pixels.
            height: Likewise, in pixels.

        Raises:
            InvalidInputError: The name is blank, a number is not positive, or what is decorated
                cannot be called.
        """
        definition = ModelDefinition(name=name, fps=fps, width=width, height=height)

        def register(model: _Model) -> _Model:
            if not callable(model):
                raise InvalidInputError(
                    f"a model must be a function or a class, got {type(model).__name__}",
                    operation="model",
                )

            def make(session_id: str, name: str) -> tuple[ModelFunction, ModelContext]:
                # mypy takes what isclass() narrows to for a class of any object.
                made: Any = model() if inspect.isclass(model) else model
                function: ModelFunction = made
                return _logged(function, name), ModelContext(session_id, name)

            self._own_models[definition.name] = definition
            self._core.register(definition.name, definition.fps, width, height, make)
            return model

        return register

    async def start(self) -> None:
        """Starts serving.

        Raises:
            InvalidOptionsError: The port is taken, or the address is not this machine's.
            InvalidStateError: It runs already.
        """
        await self._core.start()

    async def close(self) -> None:
        """Ends all sessions and frees the port. May be called again; returns within a second."""
        await self._core.close()

    @property
    def url(self) -> str:
        """The ``base_url`` for a client on this machine.

        Raises:
            InvalidStateError: The server is not running.
        """
        url = self._core.url
        if url is None:
            raise InvalidStateError(
                "the server is not running",
                operation="url",
                hint="use it in `async with` or `with`, or call start()",
            )
        return url

    @property
    def active_sessions(self) -> int:
        """Sessions that are open now."""
        return self._core.active_sessions

    @property
    def waiting_sessions(self) -> int:
        """Clients that wait for a place now."""
        return self._core.waiting_sessions

    @property
    def viewers(self) -> int:
        """Those who watch a session now, all sessions together."""
        return self._core.viewers

    @property
    def session_ids(self) -> list[str]:
        """The ids of the sessions that are open now, sorted."""
        return self._core.session_ids()

    def model_names(self) -> list[str]:
        """The models that clients can ask for, sorted."""
        return self._core.model_names()

    def end_session(self, session_id: str, reason: str) -> bool:
        """Ends one session as a service does, with a reason such as ``insufficient_credits``.

        Returns whether there was such a session.
        """
        return self._core.end_session(session_id, reason)

    async def __aenter__(self) -> LocalServer:
        await self._core.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._core.close()

    def __enter__(self) -> LocalServer:
        self._core.start_blocking()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._core.close_blocking()

    def __repr__(self) -> str:
        return f"<LocalServer {self._core.url or 'stopped'}>"


Server = LocalServer


def _logged(function: ModelFunction, name: str) -> ModelFunction:
    def call(frame: npt.NDArray[np.uint8], context: ModelContext) -> npt.NDArray[np.uint8]:
        try:
            return function(frame, context)
        except Exception:
            _log.exception("model %r raised in session %s", name, context.session_id)
            raise

    return call


@atexit.register
def _close_all() -> None:
    for server in tuple(_live):
        server._core.close_blocking()  # noqa: SLF001 - same module
