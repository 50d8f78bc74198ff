"""Real-time video transformation over WebRTC: numpy frames in, transformed numpy frames out."""

from __future__ import annotations

import warnings

from parhelion import errors
from parhelion._core import build_info
from parhelion.client import Client, IceServer, InitialState, Prompt, RealTime, create_client
from parhelion.errors import *  # noqa: F403 - the module's __all__ is the list
from parhelion.events import ConnectionState, EventName
from parhelion.frames import Frame, PixelFormat
from parhelion.models import ModelDefinition, Models
from parhelion.realtime import RealTimeClient
from parhelion.server import LocalServer, ModelContext, Server
from parhelion.statistics import Drop, Percentiles, Stats

__version__: str = build_info()["version"]

__all__ = [
    "Client",
    "ConnectionState",
    "Drop",
    "EventName",
    "Frame",
    "IceServer",
    "InitialState",
    "LocalServer",
    "ModelContext",
    "ModelDefinition",
    "Models",
    "Percentiles",
    "PixelFormat",
    "Prompt",
    "RealTime",
    "RealTimeClient",
    "Server",
    "Stats",
    "__version__",
    "build_info",
    "create_client",
    *errors.__all__,
]

if build_info()["profile"] == "debug":
    warnings.warn(
        "parhelion was built without optimisation and is many times slower than it should be; "
        "build it with `maturin develop --release`",
        RuntimeWarning,
        stacklevel=2,
    )
