"""Real-time video transformation over WebRTC: numpy frames in, transformed numpy frames out."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from parhelion._core import build_info
from parhelion.audio import AudioFrame
from parhelion.client import Client, RealTime, create_client
from parhelion.errors import (
    AtCapacityError,
    CodecError,
    ConnectTimeoutError,
    DisconnectedError,
    IceError,
    InternalError,
    InvalidApiKeyError,
    InvalidBaseUrlError,
    InvalidInputError,
    InvalidOptionsError,
    InvalidStateError,
    ModelFailedError,
    ModelNotFoundError,
    ParhelionError,
    QueueFullError,
    ServerError,
    SessionEndedError,
    SignalingError,
    SourceError,
    TokenCreateError,
    WebSocketError,
)
from parhelion.events import ConnectionState, EventName
from parhelion.flow import Flow, FlowMode
from parhelion.frames import Frame, PixelFormat
from parhelion.ice import IceServer
from parhelion.images import ImageLike
from parhelion.landmarks import Landmarks
from parhelion.models import ModelDefinition, Models
from parhelion.opening import InitialState
from parhelion.prompts import Prompt
from parhelion.realtime import RealTimeClient
from parhelion.retry import RetryPolicy
from parhelion.statistics import (
    Drop,
    LimitingFactor,
    Percentiles,
    Quality,
    QualityLevel,
    RateTrend,
    ServiceStats,
    Stats,
)
from parhelion.streams import RemoteStream
from parhelion.tokens import Token, Tokens
from parhelion.unset import UNSET, Unset
from parhelion.viewer import Subscription

if TYPE_CHECKING:
    from parhelion import sync as sync
    from parhelion.server import LocalServer, ModelContext, Server
    from parhelion.sources import Media

__version__: str = build_info()["version"]

__all__ = [
    "AtCapacityError",
    "AudioFrame",
    "Client",
    "CodecError",
    "ConnectTimeoutError",
    "ConnectionState",
    "DisconnectedError",
    "Drop",
    "EventName",
    "Flow",
    "FlowMode",
    "Frame",
    "IceError",
    "IceServer",
    "ImageLike",
    "InitialState",
    "InternalError",
    "InvalidApiKeyError",
    "InvalidBaseUrlError",
    "InvalidInputError",
    "InvalidOptionsError",
    "InvalidStateError",
    "Landmarks",
    "LimitingFactor",
    "LocalServer",
    "Media",
    "ModelContext",
    "ModelDefinition",
    "ModelFailedError",
    "ModelNotFoundError",
    "Models",
    "ParhelionError",
    "Percentiles",
    "PixelFormat",
    "Prompt",
    "Quality",
    "QualityLevel",
    "RateTrend",
    "QueueFullError",
    "RealTime",
    "RealTimeClient",
    "RemoteStream",
    "RetryPolicy",
    "Server",
    "ServerError",
    "ServiceStats",
    "SessionEndedError",
    "SignalingError",
    "SourceError",
    "Stats",
    "Subscription",
    "Token",
    "TokenCreateError",
    "Tokens",
    "UNSET",
    "Unset",
    "WebSocketError",
    "build_info",
    "create_client",
    "__version__",
]

# Not needed by everybody: imported when they are first asked for.
_LATER = {
    "sync": "parhelion.sync",
    "LocalServer": "parhelion.server",
    "ModelContext": "parhelion.server",
    "Server": "parhelion.server",
    "Media": "parhelion.sources",
}


def __getattr__(name: str) -> Any:
    try:
        home = _LATER[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    module = importlib.import_module(home)
    value = module if name == "sync" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


if build_info()["profile"] == "debug":
    warnings.warn(
        "parhelion was built without optimisation and is many times slower than it should be; "
        "build it with `maturin develop --release`",
        RuntimeWarning,
        stacklevel=2,
    )
