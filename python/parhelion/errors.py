"""The exceptions of parhelion.

Every exception derives from :class:`ParhelionError`, and from the builtin that fits::

    ParhelionError
    ├── InvalidApiKeyError          INVALID_API_KEY
    ├── InvalidBaseUrlError         INVALID_BASE_URL          ValueError
    ├── InvalidInputError           INVALID_INPUT             ValueError
    ├── InvalidOptionsError         INVALID_OPTIONS           ValueError
    ├── ModelNotFoundError          MODEL_NOT_FOUND           ValueError
    ├── ModelFailedError            MODEL_FAILED
    ├── InvalidStateError           INVALID_STATE
    │   └── DisconnectedError       DISCONNECTED              ConnectionError
    ├── QueueFullError              QUEUE_FULL
    ├── SessionEndedError           SESSION_ENDED             ConnectionError
    ├── ServerError                 WEBRTC_SERVER_ERROR
    │   └── AtCapacityError         AT_CAPACITY
    ├── WebSocketError              WEBRTC_WEBSOCKET_ERROR    ConnectionError
    ├── IceError                    WEBRTC_ICE_ERROR          ConnectionError
    ├── SignalingError              WEBRTC_SIGNALING_ERROR    ConnectionError
    ├── ConnectTimeoutError         WEBRTC_TIMEOUT_ERROR      TimeoutError
    ├── SourceError                 SOURCE_FAILED
    ├── TokenCreateError            TOKEN_CREATE_ERROR
    ├── CodecError                  CODEC_ERROR
    └── InternalError               INTERNAL_ERROR

The ``error`` event carries the same objects that calls raise.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AtCapacityError",
    "CodecError",
    "ConnectTimeoutError",
    "DisconnectedError",
    "IceError",
    "InternalError",
    "InvalidApiKeyError",
    "InvalidBaseUrlError",
    "InvalidInputError",
    "InvalidOptionsError",
    "InvalidStateError",
    "ModelFailedError",
    "ModelNotFoundError",
    "ParhelionError",
    "QueueFullError",
    "ServerError",
    "SessionEndedError",
    "SignalingError",
    "SourceError",
    "TokenCreateError",
    "WebSocketError",
]


class ParhelionError(Exception):
    """Anything that goes wrong in parhelion.

    Attributes:
        code: Stable name of the failure, for programs.
        message: What was expected and what came, for people.
        operation: The call that failed (``connect``, ``send``, …), if known.
        retryable: Whether the same call, unchanged, can succeed later.
        hint: What to do about it, if anything can be said.
    """

    default_code: ClassVar[str] = "INTERNAL_ERROR"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        operation: str | None = None,
        retryable: bool | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.operation = operation
        self.retryable = self.default_retryable if retryable is None else retryable
        self.hint = hint

    def __str__(self) -> str:
        text = self.message
        if self.operation and not text.startswith(self.operation):
            text = f"{self.operation}: {text}"
        return f"{text} ({self.hint})" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by pickle, which knows positional arguments only.
        return (
            make_error,
            (self.code, self.message, self.operation, self.retryable, self.hint),
        )


class InvalidApiKeyError(ParhelionError):
    """There is no API key, or the service refuses it."""

    default_code = "INVALID_API_KEY"


class InvalidBaseUrlError(ParhelionError, ValueError):
    """The base URL cannot be parsed or has an unsupported scheme."""

    default_code = "INVALID_BASE_URL"


class InvalidInputError(ParhelionError, ValueError):
    """A value has the wrong type, shape, size or range."""

    default_code = "INVALID_INPUT"


class InvalidOptionsError(ParhelionError, ValueError):
    """Options contradict each other or are out of range."""

    default_code = "INVALID_OPTIONS"


class ModelNotFoundError(ParhelionError, ValueError):
    """The model is in no catalog, or the service does not serve it."""

    default_code = "MODEL_NOT_FOUND"


class ModelFailedError(ParhelionError):
    """The model raised, or returned something that is no frame."""

    default_code = "MODEL_FAILED"


class InvalidStateError(ParhelionError):
    """The call is not allowed in the present state."""

    default_code = "INVALID_STATE"


class DisconnectedError(InvalidStateError, ConnectionError):
    """The session was closed while the call was pending."""

    default_code = "DISCONNECTED"


class QueueFullError(ParhelionError):
    """There is no room for another frame, and none may be dropped; see :class:`parhelion.Flow`."""

    default_code = "QUEUE_FULL"
    default_retryable = True


class SessionEndedError(ParhelionError, ConnectionError):
    """The service ended the session for good: credits, moderation, a time limit."""

    default_code = "SESSION_ENDED"


class ServerError(ParhelionError):
    """The service reported an error of its own; its text is kept."""

    default_code = "WEBRTC_SERVER_ERROR"
    default_retryable = True


class AtCapacityError(ServerError):
    """The service has no free place at present."""

    default_code = "AT_CAPACITY"


class WebSocketError(ParhelionError, ConnectionError):
    """The control socket could not be opened, or was lost."""

    default_code = "WEBRTC_WEBSOCKET_ERROR"
    default_retryable = True


class IceError(ParhelionError, ConnectionError):
    """No network path to the service's media was found, or it was lost."""

    default_code = "WEBRTC_ICE_ERROR"
    default_retryable = True


class SignalingError(ParhelionError, ConnectionError):
    """The two ends do not understand each other: descriptions, codecs, order of messages."""

    default_code = "WEBRTC_SIGNALING_ERROR"
    default_retryable = True


class ConnectTimeoutError(ParhelionError, TimeoutError):
    """A step did not finish in time."""

    default_code = "WEBRTC_TIMEOUT_ERROR"
    default_retryable = True


class SourceError(ParhelionError):
    """The stream given to ``connect`` cannot be opened, raised, or gave something else than frames.

    ``__cause__`` is the exception that it raised, if it did.
    """

    default_code = "SOURCE_FAILED"


class TokenCreateError(ParhelionError):
    """The service made no token.

    Attributes:
        status: The HTTP status of its answer; None if there was no answer.
    """

    default_code = "TOKEN_CREATE_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        operation: str | None = None,
        retryable: bool | None = None,
        hint: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, operation=operation, retryable=retryable, hint=hint)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"status": self.status})


class CodecError(ParhelionError):
    """The video encoder or decoder failed."""

    default_code = "CODEC_ERROR"


class InternalError(ParhelionError):
    """A defect of parhelion; please report it."""

    default_code = "INTERNAL_ERROR"


def _classes(base: type[ParhelionError]) -> dict[str, type[ParhelionError]]:
    found = {}
    for cls in base.__subclasses__():
        found[cls.default_code] = cls
        found.update(_classes(cls))
    return found


_BY_CODE = _classes(ParhelionError)


def make_error(
    code: str, message: str, operation: str | None, retryable: bool, hint: str | None
) -> ParhelionError:
    """Makes the exception for an error of the Rust core."""
    cls = _BY_CODE.get(code, ParhelionError)
    return cls(message, code=code, operation=operation, retryable=retryable, hint=hint)
