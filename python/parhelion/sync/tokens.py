"""Tokens for clients, for callers that wait on their own thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import parhelion.client
from parhelion.sync.background import background
from parhelion.tokens import Token

__all__ = ["Tokens"]

# Asking keeps its time limit by itself; the loop counts as blocked this much later.
_LIMIT = 35.0


class Tokens:
    """Makes tokens for clients; found as ``client.tokens``."""

    def __init__(self, client: parhelion.client.Client) -> None:
        self._tokens = client.tokens

    def create(
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
        return background().run(
            "tokens.create",
            lambda: self._tokens.create(
                expires_in=expires_in,
                allowed_models=allowed_models,
                allowed_origins=allowed_origins,
                max_session_duration=max_session_duration,
                max_sessions=max_sessions,
                metadata=metadata,
            ),
            _LIMIT,
        )
