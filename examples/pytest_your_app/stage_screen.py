"""A screen behind a stage: a camera's pictures in another style, in a loop without asyncio."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

import parhelion as ph

Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass
class Evening:
    """What became of it."""

    styled: int = 0
    """Pictures shown in the style."""
    plain: int = 0
    """Pictures shown as the camera took them, because nothing better was there."""
    errors: list[ph.ParhelionError] = dataclasses.field(default_factory=list)
    """What the operator should know; the last one, if the service ended it before the camera."""
    over: bool = False
    """Whether the service ended it."""


def run(
    camera: Iterable[Picture],
    show: Callable[[Picture], object],
    client: ph.sync.Client,
    *,
    style: str = "comic",
    patience: float = 2.0,
) -> Evening:
    """Shows every picture of a camera, in the style whenever that is possible.

    Raises:
        ParhelionError: It could not begin.
    """
    evening = Evening()
    prompt = ph.InitialState(prompt=ph.Prompt(style))
    with client.realtime.connect(model="mirage_v2", initial_state=prompt, timeout=20) as session:
        session.on("error", evening.errors.append)
        for picture in camera:
            try:
                show(session.process(picture, timeout=patience))
                evening.styled += 1
            except ph.InvalidStateError:  # the session is over; the event tells why
                evening.over = True
                break
            except (ph.ModelFailedError, TimeoutError):
                show(picture)
                evening.plain += 1
    return evening
