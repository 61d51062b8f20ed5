"""What does not agree, as a value: every part of the reckoning says it in this form. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that two accounts tell differently.

    Attributes:
        code: which; stable, English, a key of the texts (``disagree.<code>``).
        subject: the event, order or article.
        facts: values for the text.
    """

    code: str
    subject: str
    facts: Mapping[str, str | int]
