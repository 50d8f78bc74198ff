"""Tokens for clients: what a browser gets instead of the key."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parhelion import _core
from parhelion.errors import InvalidInputError, TokenCreateError
from parhelion.keys import ask

if TYPE_CHECKING:
    from parhelion.client import Client

__all__ = ["Token", "Tokens"]

_PUBLIC_HTTP_URL = "https://api.decart.ai"
_TIMEOUT = 30.0
_MAX_LIFETIME = 3600
_MAX_ENTRIES = 20
_MAX_TEXT = 500


@dataclasses.dataclass(frozen=True)
class Token:
    """What a client may have instead of a key; it is used like one."""

    api_key: str = dataclasses.field(repr=False)
    """Begins with ``ek_``."""
    expires_at: dt.datetime
    """Until when sessions may be opened with it, in UTC; those that run then go on."""
    permissions: dict[str, Any] | None = None
    """What it is limited to: ``models`` and ``origins``, each a list. None: nothing."""
    constraints: dict[str, Any] | None = None
    """``{"realtime": {"maxSessionDuration": seconds, "maxSessions": count}}``, or None."""


class Tokens:
    """Makes tokens for clients; found as ``client.tokens``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(
        self,
        *,
        expires_in: int = 60,
        allowed_models: Sequence[str] | None = None,
        allowed_origins: Sequence[str] | None = None,
        max_session_duration: float | None = None,
        max_sessions: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Token:
        """Makes a token that opens sessions for a while, for a client that must not have the key.

        Args:
            expires_in: Seconds during which sessions may be opened with it, 1 to 3600. A session
                that runs goes on, and may come back for 30 s after its connection was lost.
            allowed_models: Names of models, 1 to 20; None: all.
            allowed_origins: Web pages that may use it, each as ``https://host`` or
                ``https://host:port``, 1 to 20; None: all, and programs.
            max_session_duration: Seconds after which the service ends a session; None: never.
            max_sessions: How many may run at once; None: any number. Services other than
                :class:`LocalServer` may ignore it.
            metadata: Anything that JSON can say, for the service's records.

        Raises:
            InvalidInputError: An argument has the wrong type or is out of range.
            TokenCreateError: The service refuses, with its reason and the HTTP ``status``; or it
                cannot be reached, and ``status`` is None.
        """
        body = _body(
            expires_in,
            allowed_models,
            allowed_origins,
            max_session_duration,
            max_sessions,
            metadata,
        )
        client = self._client
        key = await ask(client._api_key)  # noqa: SLF001 - same package
        status, answer = await _core.create_token(
            {
                "base_url": client._base_url_for_http(_PUBLIC_HTTP_URL),  # noqa: SLF001
                "api_key": key,
                "body": body,
                "timeout": _TIMEOUT,
                "ca_file": client._ca_file,  # noqa: SLF001 - same package
                "user_agent": client._user_agent,  # noqa: SLF001 - same package
            }
        )
        return _token(status, answer.replace(key, "***"))


def _body(
    expires_in: int,
    allowed_models: Sequence[str] | None,
    allowed_origins: Sequence[str] | None,
    max_session_duration: float | None,
    max_sessions: int | None,
    metadata: Mapping[str, Any] | None,
) -> str:
    body: dict[str, Any] = {}
    if not _is_int(expires_in) or not 1 <= expires_in <= _MAX_LIFETIME:
        raise _wrong("expires_in", f"an int from 1 to {_MAX_LIFETIME}", expires_in)
    body["expiresIn"] = expires_in
    if allowed_models is not None:
        body["allowedModels"] = _texts("allowed_models", allowed_models)
    if allowed_origins is not None:
        body["allowedOrigins"] = _texts("allowed_origins", allowed_origins)
    if limits := _limits(max_session_duration, max_sessions):
        body["constraints"] = {"realtime": limits}
    if metadata is not None:
        if not isinstance(metadata, Mapping):
            raise _wrong("metadata", "a dict", metadata)
        body["metadata"] = dict(metadata)
    try:
        return json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"metadata: expected what JSON can say: {error}", operation="tokens.create"
        ) from None


def _limits(max_session_duration: float | None, max_sessions: int | None) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if max_session_duration is not None:
        number = isinstance(max_session_duration, (int, float))
        if not number or isinstance(max_session_duration, bool) or not max_session_duration >= 1:
            raise _wrong("max_session_duration", "seconds from 1", max_session_duration)
        limits["maxSessionDuration"] = max_session_duration
    if max_sessions is not None:
        if not _is_int(max_sessions) or max_sessions < 1:
            raise _wrong("max_sessions", "an int from 1", max_sessions)
        limits["maxSessions"] = max_sessions
    return limits


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    entries = None if isinstance(texts, (str, bytes)) else list(texts)
    if entries is None or not all(isinstance(text, str) and text.strip() for text in entries):
        raise _wrong(name, "a list of str that are not blank", texts)
    if not 1 <= len(entries) <= _MAX_ENTRIES:
        raise InvalidInputError(
            f"{name}: expected 1 to {_MAX_ENTRIES} entries, got {len(entries)}",
            operation="tokens.create",
            hint="None allows all",
        )
    return entries


def _wrong(name: str, expected: str, got: object) -> InvalidInputError:
    return InvalidInputError(f"{name}: expected {expected}, got {got!r}", operation="tokens.create")


def _token(status: int, answer: str) -> Token:
    try:
        said = json.loads(answer)
    except ValueError:
        said = None
    if not 200 <= status < 300:
        text = None
        if isinstance(said, dict):
            text = said.get("error") or said.get("message")
        if not isinstance(text, str):
            text = answer.strip() or "no reason given"
        raise TokenCreateError(
            f"the service made no token: HTTP {status}: {text[:_MAX_TEXT]}",
            operation="tokens.create",
            retryable=status == 429 or status >= 500,
            hint="check the API key" if status in (401, 403) else None,
            status=status,
        )
    try:
        return Token(
            said["apiKey"],
            _time(said["expiresAt"]),
            said.get("permissions"),
            said.get("constraints"),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TokenCreateError(
            "the service answered with something that is no token",
            operation="tokens.create",
            hint="check base_url",
            status=status,
        ) from None


def _time(text: str) -> dt.datetime:
    """A time of ISO 8601. Python before 3.11 wants six digits of a second and no Z."""
    text = re.sub(
        r"\.(\d+)",
        lambda fraction: "." + fraction[1][:6].ljust(6, "0"),
        text.replace("Z", "+00:00"),
    )
    time = dt.datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)
