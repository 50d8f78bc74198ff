"""A photo booth: people see themselves in another style, live, and take a picture of that.

The application that the tests beside it are about. It knows nothing of tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import parhelion as ph

Picture = npt.NDArray[np.uint8]

MODEL = "mirage_v2"


class BoothError(Exception):
    """The text is for the people in front of the booth."""


def notice(error: BaseException) -> str:
    """What to tell people who cannot do anything about it."""
    if isinstance(error, ph.AtCapacityError):
        return "All booths are busy. Please come back in a minute."
    if isinstance(error, ph.InvalidApiKeyError):
        return "Out of order: the operator has to renew the key."
    if isinstance(error, ph.SessionEndedError):
        return "Out of order: the operator has to buy credits."
    if isinstance(error, (ConnectionError, TimeoutError)):
        return "The booth has no network. Please try again."
    return "Out of order. Please call the operator."


class PhotoBooth:
    """One booth. Use it in ``async with``.

    Attributes:
        status: ``live``, or why not: ``closed``, ``one moment``, ``out of order``.
        text: What the screen says beside the picture.
        style: The style in force.
        spoiled: Pictures that the service failed on.
    """

    def __init__(
        self,
        client: ph.Client,
        *,
        style: str = "anime",
        patience: float = 10.0,
        answer_within: float = 2.0,
    ) -> None:
        self.status = "closed"
        self.text = ""
        self.style = style
        self.spoiled = 0
        self._client = client
        self._patience = patience
        self._answer_within = answer_within
        self._newest: Picture | None = None
        self.session: ph.RealTimeClient | None = None

    async def open(self) -> None:
        """Connects, for at most ``patience`` seconds.

        Raises:
            BoothError: It did not work; the text says what to do.
        """
        prompt = ph.InitialState(prompt=ph.Prompt(self.style))
        try:
            session = await self._client.realtime.connect(
                model=MODEL, initial_state=prompt, timeout=self._patience
            )
        except ph.ParhelionError as error:
            self.status, self.text = "out of order", notice(error)
            raise BoothError(self.text) from error
        self.session = session
        self.status = "live"
        session.on("connection_change", self._on_state)
        session.on("error", self._on_error)
        session.on("frame", self._on_frame)

    async def close(self) -> None:
        """Disconnects."""
        if self.session is not None:
            await self.session.disconnect()
        self.status = "closed"

    def preview(self, camera: Picture) -> Picture:
        """What to show now: the newest styled picture, or the camera's own. Never waits."""
        if self.session is None or self.status in ("closed", "out of order"):
            return camera
        self.session.send(camera)
        return camera if self.status != "live" or self._newest is None else self._newest

    async def snap(self, camera: Picture) -> Picture:
        """The picture to print. One that the service spoils is taken again, once.

        Raises:
            BoothError: It did not work twice, or the booth is not live.
        """
        for _ in range(2):
            if self.session is None or self.status != "live":
                break
            try:
                return (await self.session.transform(camera, timeout=self._answer_within)).data
            except (ph.ModelFailedError, TimeoutError):
                continue
            except ph.ParhelionError as error:
                raise BoothError(notice(error)) from error
        raise BoothError(self.text or "That did not work. Please try again.")

    async def change_style(self, style: str) -> bool:
        """Changes the style of everything that comes; whether it worked."""
        for _ in range(2):
            if self.session is None:
                return False
            try:
                await self.session.set_prompt(style, timeout=self._answer_within)
            except TimeoutError:
                continue  # a lost answer: saying it again does no harm
            except ph.ParhelionError as error:
                self.text = notice(error)
                return False
            self.style = style
            return True
        self.text = "The style could not be changed. Please try again."
        return False

    def _on_state(self, state: str) -> None:
        if state in ("connected", "generating"):
            self.status, self.text = "live", ""
        elif state == "reconnecting":
            self.status, self.text = "one moment", "One moment, please."
        elif state == "disconnected":
            self.status = "out of order"

    def _on_error(self, error: ph.ParhelionError) -> None:
        if isinstance(error, ph.ModelFailedError):
            self.spoiled += 1
        else:
            self.text = notice(error)

    def _on_frame(self, frame: ph.Frame) -> None:
        self._newest = frame.data

    async def __aenter__(self) -> PhotoBooth:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
