"""How a parser of text becomes a pydantic validator; values that are no text (defaults, tests) pass as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable


def from_text(parse: Callable[[str], object]) -> Callable[[object], object]:
    """Return a before-validator that reads text with ``parse``."""

    def validate(value: object) -> object:
        return parse(value) if isinstance(value, str) else value

    return validate


def from_word(value: object) -> object:
    """Let a choice be written in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def secret_text(check: Callable[[str], str]) -> Callable[[SecretStr], SecretStr]:
    """Return an after-validator that runs ``check`` on a secret."""

    def validate(value: SecretStr) -> SecretStr:
        return SecretStr(check(value.get_secret_value()))

    return validate
