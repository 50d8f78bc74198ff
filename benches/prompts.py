"""What a change of prompt costs while video flows: ``roundtrip.py --case prompt``.

The prompt changes once a second. Frames sent shortly before and after a change are set against
those of the rest of each second: none may be lost, none may be late.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psutil

from content import FPS, Content
from exchange import Options, Session
from measure import percentiles
from parhelion_peer import connect

_EACH_SECONDS = 1.0
# A frame that was sent within this time of a change could suffer from it.
_BEFORE_SECONDS, _AFTER_SECONDS = 0.1, 0.3
_DRAIN_SECONDS = 2.0


async def measure(
    endpoint: dict[str, Any], options: Options, _processes: dict[str, psutil.Process]
) -> dict[str, Any]:
    """Changes the prompt once a second for ``options.seconds``."""
    link = connect(endpoint, options.bitrate)
    session = Session(link, Content.open(Path(options.content)))
    await session.start()
    try:
        await asyncio.sleep(options.warmup)
        session.skipped = 0
        begin, changes, acknowledged = session.counter, [], []
        for number in range(max(1, round(options.seconds / _EACH_SECONDS))):
            # At another moment of the frame interval each time.
            await asyncio.sleep(_EACH_SECONDS + (number % 7) / 7 / FPS)
            called = time.perf_counter()
            await link.set_prompt(f"prompt number {number}")
            changes.append(called)
            acknowledged.append(time.perf_counter() - called)
        await asyncio.sleep(_EACH_SECONDS)
        end = session.counter
        await asyncio.sleep(_DRAIN_SECONDS)
    finally:
        await session.stop()
    return {
        "changes": len(changes),
        "acknowledged_ms": percentiles(acknowledged),
        "late_ticks_skipped": session.skipped,
        **_compared(session, range(begin, end), changes),
    }


def _compared(session: Session, counters: range, changes: list[float]) -> dict[str, Any]:
    def near(counter: int) -> bool:
        sent = session.sent_at[counter]
        return any(-_BEFORE_SECONDS < sent - at < _AFTER_SECONDS for at in changes)

    ages: dict[int, float] = {}
    for counter, age in session.returned:
        ages.setdefault(counter, age)
    groups = {"near_a_change": [], "between": []}  # type: dict[str, list[int]]
    for counter in counters:
        groups["near_a_change" if near(counter) else "between"].append(counter)
    quiet = percentiles([ages[one] for one in groups["between"] if one in ages])
    late = (quiet["p99"] / 1000 if quiet else 0.0) + 1 / FPS
    return {
        "late_means_longer_than_ms": round(late * 1000, 2),
        "frames": {
            name: {
                "sent": len(group),
                "lost": sum(one not in ages for one in group),
                "late": sum(bool(ages.get(one, 0.0) > late) for one in group),
                "latency_ms": percentiles([ages[one] for one in group if one in ages]),
            }
            for name, group in groups.items()
        },
    }
