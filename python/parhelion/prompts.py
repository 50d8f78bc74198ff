"""Prompts: what the result should look like, in words."""

from __future__ import annotations

import dataclasses

import numpy as np

from parhelion.errors import InvalidInputError

__all__ = ["Prompt"]

# What a service takes.
_MAX_CHARACTERS = 10_000


@dataclasses.dataclass(frozen=True)
class Prompt:
    """What the result should look like.

    Raises:
        InvalidInputError: The text is no str, blank, or longer than 10 000 characters.
    """

    text: str
    """Not blank, at most 10 000 characters."""
    enhance: bool = True
    """Whether the service may elaborate on the text."""

    def __post_init__(self) -> None:
        checked_prompt(self.text, "Prompt")
        # The only way to set an attribute of a frozen one: numpy's bool becomes Python's.
        object.__setattr__(self, "enhance", checked_enhance(self.enhance, "Prompt"))


def checked_prompt(prompt: object, operation: str) -> str:
    """The prompt, if it is one."""
    if not isinstance(prompt, str):
        raise InvalidInputError(
            f"prompt: expected str, got {type(prompt).__name__}", operation=operation
        )
    if not prompt.strip():
        raise InvalidInputError(
            "prompt: expected text, got a blank str",
            operation=operation,
            hint="set(prompt=None) clears the prompt",
        )
    if len(prompt) > _MAX_CHARACTERS:
        raise InvalidInputError(
            f"prompt: expected at most {_MAX_CHARACTERS} characters, got {len(prompt)}",
            operation=operation,
        )
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"prompt: expected valid Unicode, got a lone surrogate at {error.start}",
            operation=operation,
        ) from None
    return prompt


def checked_enhance(enhance: object, operation: str) -> bool:
    """Whether to elaborate, if that is said as a bool: ``"false"`` would count as true."""
    if not isinstance(enhance, (bool, np.bool_)):
        raise InvalidInputError(
            f"enhance: expected bool, got {type(enhance).__name__}", operation=operation
        )
    return bool(enhance)


def prompt_of(prompt: object, enhance: object, operation: str) -> tuple[str, bool]:
    """Text and whether to elaborate on it, which a :class:`Prompt` may forbid as well."""
    allowed = checked_enhance(enhance, operation)
    if isinstance(prompt, Prompt):
        return prompt.text, prompt.enhance and allowed
    return checked_prompt(prompt, operation), allowed
