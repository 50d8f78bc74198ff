"""The embedded service, for callers that wait on their own thread."""

from __future__ import annotations

import parhelion.server

__all__ = ["LocalServer", "Server"]


class LocalServer(parhelion.server.LocalServer):
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

    # The same service: only what is awaited there waits here.

    def start(self) -> None:  # type: ignore[override]
        """Starts serving.

        Raises:
            InvalidOptionsError: The port is taken, or the address is not this machine's.
            InvalidStateError: It runs already.
        """
        self._core.start_blocking()

    def close(self) -> None:  # type: ignore[override]
        """Ends all sessions and frees the port. May be called again; returns within a second."""
        self._core.close_blocking()


Server = LocalServer
