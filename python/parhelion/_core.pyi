"""The Rust core. Private: the package around it is the interface."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

from parhelion.errors import ParhelionError
from parhelion.events import ConnectionState
from parhelion.frames import PixelFormat

__all__ = [
    "Faults",
    "FrameBuffer",
    "Image",
    "ImageSource",
    "Server",
    "Session",
    "build_info",
    "check_landmarks",
    "check_process",
    "convert",
    "create_token",
    "encode_png",
    "error_codes",
    "model_aliases",
    "models",
    "pixel_formats",
    "transitions",
]

def build_info() -> dict[str, Any]:
    """How this build was made: version, profile, codec."""

def check_process(operation: str) -> None:
    """Raises in a forked child of a process that has used the core: it has none of the threads."""

def models() -> list[dict[str, Any]]:
    """The models of the catalog, one dict each."""

def model_aliases() -> list[tuple[str, str]]:
    """Pairs of another name and the model it stands for."""

def error_codes() -> list[tuple[str, bool]]:
    """Pairs of an error code and whether trying again can help."""

def transitions() -> list[tuple[ConnectionState, ConnectionState]]:
    """Pairs of a connection state and one that may follow it."""

def pixel_formats() -> list[PixelFormat]:
    """The pixel formats by name."""

def check_landmarks(landmarks: dict[str, Any], operation: str) -> None:
    """Raises what is wrong with landmarks, wherever in a picture they are."""

def encode_png(array: npt.NDArray[Any], operation: str) -> bytes:
    """A picture, (H, W, 3) in RGB, as a PNG file."""

def convert(array: npt.NDArray[Any], source: str, target: str) -> npt.NDArray[np.uint8]:
    """Converts a frame to another pixel format: a new array, C-contiguous and writable."""

_Taken: TypeAlias = tuple[
    npt.NDArray[np.uint8], int | None, float | None, float | None, float | None, float
]

def create_token(options: dict[str, Any]) -> Awaitable[tuple[int, str]]:
    """Asks a service for a token. Awaitable of its answer, (status, body)."""

@final
class Faults:
    """The switchboard of one service. Methods that switch on return a number."""

    def refuse_http(self, status: int, times: int | None) -> int:
        """Answers requests with an HTTP status."""

    def refuse(self, error: str, code: int, times: int | None) -> int:
        """Accepts connections, tells them an error and closes them."""

    def stall(self, stage: str, session: str | None) -> int:
        """Lets connections get no further than a stage."""

    def acknowledgements(
        self, fate: str, seconds: float, times: int | None, session: str | None
    ) -> int:
        """Drops, duplicates or delays acknowledgements."""

    def expire_key(self) -> int:
        """Lets no key be good."""

    def exhaust_credits(self) -> int:
        """Refuses connections because they cannot be paid for."""

    def model(self, what: str, seconds: float, times: int | None, session: str | None) -> int:
        """Freezes, slows or crashes models."""

    def packets(self, conditions: dict[str, Any], way: str | None, session: str | None) -> int:
        """Sets what links do to packets."""

    def blackout(self, way: str | None, session: str | None) -> int:
        """Lets no packet pass."""

    def lift(self, number: int) -> None: ...
    def reset(self) -> None: ...
    def hits(self, number: int) -> int | None:
        """How often a switch has struck; none once it is lifted."""

    def struck(self, number: int, hits: int) -> Awaitable[None]:
        """Done when a switch has struck so often, or is lifted. Awaitable."""

    def struck_blocking(self, number: int, hits: int, seconds: float) -> bool:
        """Waits for the same on this thread. Returns whether it happened within the time."""

    def switches(self) -> list[tuple[int, str, int | None]]:
        """The switches that are set: number, words, and how often each strikes yet."""

    def history(self) -> list[tuple[float, Literal["on", "struck", "off"], str, str | None]]:
        """What happened: seconds since the Unix epoch, event, fault, session."""

    def packet_counters(self, way: str) -> dict[str, int]:
        """What has become of the packets so far, while anything was switched on."""

@final
class FrameBuffer:
    """The memory of one frame. Only ever the base of an array."""

@final
class ImageSource:
    """An image that was checked as far as it can be without waiting."""

    @staticmethod
    def file(contents: bytes, operation: str) -> ImageSource:
        """From the contents of a file. Looks at them and raises what is wrong."""

    @staticmethod
    def base64(text: str, operation: str) -> ImageSource:
        """From such contents in base64."""

    @staticmethod
    def url(text: str, operation: str) -> ImageSource:
        """From an http or https URL. It is asked for when the image is loaded."""

    @staticmethod
    def pixels(array: npt.NDArray[Any], format: str, operation: str) -> ImageSource:
        """From the pixels of an array, which are copied."""

    def decode(self, operation: str) -> npt.NDArray[np.uint8]:
        """Its pixels in RGB, as a model sees them."""

    def look(
        self, landmarks: dict[str, Any] | None, operation: str
    ) -> tuple[npt.NDArray[np.uint8], dict[str, tuple[float, float]] | None, float, int]:
        """What the local `live_avatar` takes for the face.

        The picture with it drawn over, its parts, how much it is like a face, and how many there
        are.
        """

    def load(
        self, landmarks: dict[str, Any] | None, fetch: dict[str, Any], operation: str
    ) -> Awaitable[Image]:
        """Fetches or encodes what is to be sent.

        Awaitable. Raises if landmarks are not inside of it.
        """

@final
class Image:
    """An image that is ready to be sent."""

    def __len__(self) -> int:
        """Length of what is sent, in bytes of base64."""

@final
class Session:
    """A real-time session.

    `wake` is called, from any thread, when there is something to drain or to receive; once until
    `drain` is called.
    """

    def __new__(cls, options: dict[str, Any], wake: Callable[[], object]) -> Session: ...
    def connect(self) -> Awaitable[None]:
        """Opens the session. Awaitable; raises what went wrong."""

    def update(self, change: dict[str, Any], timeout: float, operation: str) -> Awaitable[None]:
        """Changes prompt, image or both. Awaitable; done when the service has acknowledged it."""

    def disconnect(self) -> Awaitable[None]:
        """Ends the session. Awaitable; never raises."""

    def disconnect_blocking(self) -> None:
        """Ends the session and waits for it on this thread, for at most a second."""

    def abort(self) -> None:
        """Ends the session without waiting."""

    def send(
        self, array: npt.NDArray[Any], format: str | None = None, timestamp: float | None = None
    ) -> int:
        """Queues one frame and returns its id."""

    def recv(self, timeout: float | None = None) -> _Taken | None:
        """The next frame, as `try_recv` gives it; waits for it without the interpreter.

        None: the time is up, or the session is over.
        """

    def ring_for_frames(self, wanted: bool) -> None:
        """Whether `wake` is called for frames too, as it is at first.

        Turn it on before you look whether one waits already.
        """

    def room(self) -> float | None:
        """None: there is room for another frame.

        Otherwise `wake` is called when there may be some; look again after so many seconds if it
        was not.
        """

    def wait_for_room(self, timeout: float | None = None) -> bool:
        """Waits on this thread until there is room for another frame or the session is over.

        For at most `timeout` seconds (None: for ever). Whether there is room. Signals are heard
        meanwhile.
        """

    def try_recv(self) -> _Taken | None:
        """The next frame as (array, input_id, capture_time, timestamp, latency, received_at)."""

    def play_audio(self, audio: Any, rate: int | None = None) -> Awaitable[None]:
        """Plays a clip: bytes of a file, the path of one, or samples at `rate`.

        Awaitable; done when it has been sent or replaced. Cancelling it stops the clip.
        """

    def push_audio(self, samples: npt.NDArray[Any], rate: int) -> None:
        """Queues live samples."""

    def try_recv_audio(self) -> tuple[npt.NDArray[np.int16], float | None, float] | None:
        """The next block of sound as (array, capture_time, received_at), if one waits."""

    def give_offer(self, sdp: str | None, error: str | None = None) -> None:
        """Answers the event `offer_made`, which comes before each offer that is customized.

        With what is to be sent, None to leave it as it is, or the reason why there is none.
        """

    def give_key(self, key: str | None, error: str | None) -> None:
        """Answers the event `key_wanted` with a key, or with the reason why there is none.

        The event comes before each attempt of a session that was given no key.
        """

    def drain(self) -> list[tuple[Any, ...]]:
        """The events since the last call, as (name, value, ...) tuples."""

    def stats(self) -> dict[str, Any]:
        """Numbers of the session, as a dict."""

    @property
    def has_audio(self) -> bool:
        """Whether the session was opened with sound."""

    @property
    def state(self) -> ConnectionState: ...
    @property
    def ended_with(self) -> ParhelionError | None:
        """What ended the session, once it is over; none if its user did."""

    @property
    def subscribe_token(self) -> str | None:
        """What others need to watch the session, once the service has said so."""

    @property
    def session(self) -> tuple[str, str | None, int | None] | None:
        """(session_id, server_ip, server_port), once the service has said so."""

@final
class Server:
    """The embedded service. Created stopped; models are registered before or after the start."""

    def __new__(cls, options: dict[str, Any]) -> Server: ...
    def register(
        self, name: str, fps: float, width: int, height: int, make: Callable[[str, str], Any]
    ) -> None:
        """Adds a model.

        `make(session_id, name)` is called on the model's thread for each session and returns
        `(function, context)`.
        """

    def start(self) -> Awaitable[None]:
        """Binds the port and starts. Awaitable."""

    def start_blocking(self) -> None: ...
    def close(self) -> Awaitable[None]:
        """Ends all sessions and frees the port. Awaitable; returns within a second."""

    def close_blocking(self) -> None: ...
    def close_sessions(self, code: int | None, reason: str, session: str | None) -> int:
        """Cuts sessions off, or closes their sockets. Returns how many."""

    def end_sessions(self, error: str | None, reason: str, code: int, session: str | None) -> int:
        """Ends sessions for a reason, perhaps with an error before. Returns how many."""

    def session_ids(self) -> list[str]:
        """The ids of the sessions that are open, sorted."""

    @property
    def faults(self) -> Faults:
        """The switches of what goes wrong on purpose."""

    def end_session(self, session_id: str, reason: str) -> bool:
        """Ends one session with a reason, as a service does that runs out of credits."""

    def model_names(self) -> list[str]:
        """The names of the models, sorted."""

    @property
    def url(self) -> str | None:
        """`ws://host:port`, or none while it is stopped."""

    @property
    def active_sessions(self) -> int:
        """Sessions that are open now."""

    @property
    def waiting_sessions(self) -> int:
        """Clients that wait for a place now."""

    @property
    def viewers(self) -> int:
        """Those who watch a session now, all together."""
