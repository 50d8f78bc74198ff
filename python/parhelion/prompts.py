"""Prompts: what the result should look like, in words."""

from __future__ import annotations

import dataclasses

from parhelion.errors import InvalidInputError

__all__ = ["Prompt"]


@dataclasses.dataclass(frozen=True)
class Prompt:
    """What the result should look like.

    Raises:
        InvalidInputError: The text is no str, or blank.
    """

    text: str
    """Not blank."""
    enhance: bool = True
    """Whether the service may elaborate on the text."""

    def __post_init__(self) -> None:
        checked_prompt(self.text, "Prompt")


def checked_prompt(prompt: object, operation: str) -> str:
    """The prompt, if it is one."""
    if not isinstance(prompt, str):
        raise InvalidInputError(
            f"prompt: expected str, got {type(prompt).__name__}", operation=operation
        )
    if not prompt.strip():
        raise InvalidInputError("prompt: expected text, got a blank str", operation=operation)
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"prompt: expected valid Unicode, got a lone surrogate at {error.start}",
            operation=operation,
        ) from None
    return prompt
