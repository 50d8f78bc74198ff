"""The same interface for programs without an event loop: every call waits until it is done.

``parhelion.sync`` has the names of ``parhelion``. What is awaited there waits here on the calling
thread, with the interpreter released, so that other threads go on; Ctrl-C ends the wait. It works
in scripts, threads and notebooks, whether an event loop runs there or not: the sessions live in a
loop of their own, on a thread that the first of them starts.
"""

from __future__ import annotations

from parhelion._core import build_info
from parhelion.audio import AudioFrame
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
from parhelion.retry import RetryPolicy
from parhelion.server import ModelContext
from parhelion.sources import Media
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
from parhelion.sync.client import Client, RealTime, connect, create_client
from parhelion.sync.realtime import RealTimeClient
from parhelion.sync.server import LocalServer, Server
from parhelion.sync.streams import RemoteStream
from parhelion.sync.tokens import Tokens
from parhelion.sync.viewer import Subscription
from parhelion.tokens import Token
from parhelion.unset import UNSET, Unset

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
    "connect",
    "create_client",
    "__version__",
]
