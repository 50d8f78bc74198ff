"""Watching the session of somebody else, for callers that wait on their own thread."""

from __future__ import annotations

from parhelion.sync.session import Session

__all__ = ["Subscription"]


class Subscription(Session):
    """Watches the session of somebody else; made by ``client.realtime.subscribe()``.

    It has what the publisher gets back, and can change nothing. When the publisher's session ends
    it ends too, with a :class:`SessionEndedError`; a publisher that has to connect anew gets
    another session, and those who watch it another token. A connection that is lost comes back by
    itself.

    Any thread may call anything, as for :class:`RealTimeClient`.
    """
