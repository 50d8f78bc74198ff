"""For tests of programs that use a real-time service: a service to break, frames to recognise.

With pytest the fixtures ``realtime_server``, ``realtime_client`` and ``sync_realtime_client`` are
there once this package is installed; ``pytest --fixtures`` tells about them. What is here works
with any test framework.
"""

from __future__ import annotations

from parhelion.faults import Direction, Fault, FaultRecord, Faults, PacketCounts, Stage
from parhelion.testing.clients import RealTimeClients, SyncRealTimeClients
from parhelion.testing.events import EventLog
from parhelion.testing.frames import (
    gradient,
    moving_frames,
    noise,
    read_stamp,
    stamped_frame,
    write_stamp,
)

__all__ = [
    "Direction",
    "EventLog",
    "Fault",
    "FaultRecord",
    "Faults",
    "PacketCounts",
    "RealTimeClients",
    "Stage",
    "SyncRealTimeClients",
    "gradient",
    "moving_frames",
    "noise",
    "read_stamp",
    "stamped_frame",
    "write_stamp",
]
