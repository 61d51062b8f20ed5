"""What is wrong with the settings, said all at once and without showing a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault.

    Attributes:
        setting: the name to look for, e.g. ``RELAY_PREFETCH``.
        problem: what is wrong; holds the value unless the setting is a secret.
        expected: what would be right.
        source: where the value was found (``environment``, or the path of the ``.env`` file); None if it is not set.
    """

    setting: str
    problem: str
    expected: str
    source: str | None = None

    def __str__(self) -> str:
        """Return the fault as one line for a person."""
        place = f" (from {self.source})" if self.source else ""
        return f"{self.setting}{place}: {self.problem}; expected {self.expected}"


class PartsRefused(ValueError):
    """A setting of several parts has faults; each names the part that has it as its ``setting``."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` has every fault, in the order of the sections."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "One setting is wrong" if count == 1 else f"{count} settings are wrong"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{head}. Set each in the environment or in .env:\n{lines}")


class AccountRefused(Exception):
    """The config of an account cannot be used; ``problems`` has every fault, each under its key."""

    def __init__(self, whose: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "one fault" if count == 1 else f"{count} faults"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{whose} has {head}:\n{lines}")
