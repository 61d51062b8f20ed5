"""Build all sections from what was found, and say everything that is wrong in one go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import ValidationError

from consumer.settings.consistency import contradictions
from consumer.settings.faults import PartsRefused, Problem, SettingsError
from consumer.settings.production import refusals
from consumer.settings.reading import Found, find, unknown_names
from consumer.settings.schedule import ScheduleSettings
from consumer.settings.secrecy import is_secret, secrets_of, shown_value
from consumer.settings.sections import (
    BrokerSettings,
    DatabaseSettings,
    HttpSettings,
    LimitSettings,
    LoggingSettings,
    RetentionSettings,
    Section,
    ServiceSettings,
)
from consumer.settings.suppliers import CallbackSettings, HaierSettings, YlhSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Need = Literal["broker", "database", "haier", "ylh", "callbacks"]

_ALWAYS: tuple[type[Section], ...] = (
    ServiceSettings,
    HttpSettings,
    LimitSettings,
    LoggingSettings,
    RetentionSettings,
    ScheduleSettings,
)
_ON_NEED: dict[Need, type[Section]] = {
    "broker": BrokerSettings,
    "database": DatabaseSettings,
    "haier": HaierSettings,
    "ylh": YlhSettings,
    "callbacks": CallbackSettings,
}

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections.

    Asking for one that was not needed at loading, and is wrong or incomplete, raises `SettingsError`.
    """

    service: ServiceSettings
    http: HttpSettings
    limits: LimitSettings
    logging: LoggingSettings
    retention: RetentionSettings
    schedule: ScheduleSettings
    warnings: tuple[Problem, ...]
    _on_need: Mapping[Need, Section | tuple[Problem, ...]] = field(repr=False)

    @property
    def broker(self) -> BrokerSettings:
        """RabbitMQ."""
        return self._section("broker", BrokerSettings)

    @property
    def database(self) -> DatabaseSettings:
        """Where our own state lives."""
        return self._section("database", DatabaseSettings)

    @property
    def haier(self) -> HaierSettings:
        """Haier's account."""
        return self._section("haier", HaierSettings)

    @property
    def ylh(self) -> YlhSettings:
        """YLH's account."""
        return self._section("ylh", YlhSettings)

    @property
    def callbacks(self) -> CallbackSettings:
        """What the receiver of YLH's callbacks checks them with."""
        return self._section("callbacks", CallbackSettings)

    def secrets(self) -> frozenset[str]:
        """Return every secret value, for the log's redaction; never to be shown."""
        return frozenset(
            secret
            for section in (self.service, self.logging, *self._on_need.values())
            if isinstance(section, Section)
            for secret in secrets_of(section)
        )

    def _section(self, name: Need, kind: type[S]) -> S:
        section = self._on_need[name]
        if isinstance(section, tuple):
            raise SettingsError(section)
        if not isinstance(section, kind):
            raise TypeError(f"section {name} holds {type(section).__name__}")
        return section


def load(
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = Path(".env"),
    need: Iterable[Need] = ("broker", "database", "haier", "ylh"),
) -> Settings:
    """Read and check the settings.

    Args:
        environ: the environment; None takes the process's own.
        dotenv: a file whose lines hold where the environment is silent; None for no file.
        need: the sections that must be complete. ``relay topology apply`` has no use for a supplier's password.

    Raises:
        SettingsError: with every fault of all needed sections.
    """
    found = find(os.environ if environ is None else environ, dotenv)
    needed = frozenset(need)
    problems = list(found.problems)
    service = _always(ServiceSettings, found, problems)
    http = _always(HttpSettings, found, problems)
    limits = _always(LimitSettings, found, problems)
    logging = _always(LoggingSettings, found, problems)
    retention = _always(RetentionSettings, found, problems)
    schedule = _always(ScheduleSettings, found, problems)
    on_need: dict[Need, Section | tuple[Problem, ...]] = {}
    for name, kind in _ON_NEED.items():
        section, faults = _build(kind, found)
        if section is not None and not faults:
            faults = refusals(section, service, http)
        on_need[name] = tuple(faults) if section is None or faults else section
        if name in needed:
            problems += faults
    if problems:
        raise SettingsError(problems)
    warnings = unknown_names(found, known_names())
    return Settings(service, http, limits, logging, retention, schedule, warnings, on_need)


def known_names() -> frozenset[str]:
    """Return the environment names of all settings."""
    return frozenset(_alias(info) for kind in (*_ALWAYS, *_ON_NEED.values()) for info in kind.model_fields.values())


def _always(kind: type[S], found: Found, problems: list[Problem]) -> S:
    section, faults = _build(kind, found)
    problems += faults
    # The defaults stand in for a faulty section until all faults are known; they never get out, since load then raises.
    return kind() if section is None else section


def _build(kind: type[S], found: Found) -> tuple[S | None, list[Problem]]:
    names = {_alias(info): info for info in kind.model_fields.values()}
    given = {name: found.values[name] for name in names if name in found.values}
    try:
        section = kind.model_validate(given)
    except ValidationError as error:
        return None, [
            problem
            for fault in error.errors(include_url=False)
            if fault["type"] != "default_factory_not_called"  # follows from another fault, which is in the list
            for problem in _problems(names[str(fault["loc"][0])], fault, found)
        ]
    return section, contradictions(section)


def _problems(info: FieldInfo, fault: ErrorDetails, found: Found) -> Iterator[Problem]:
    name = _alias(info)
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, PartsRefused):
        for part in cause.problems:
            yield Problem(f"{name}, {part.setting}", part.problem, part.expected, found.sources[name])
    else:
        yield _problem(name, info, fault, found)


def _problem(name: str, info: FieldInfo, fault: ErrorDetails, found: Found) -> Problem:
    expected = info.description or "another value"
    if fault["type"] == "missing":
        return Problem(name, "is missing", expected)
    reason = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else "is not possible"
    if not is_secret(info):
        reason = f'"{shown_value(found.values[name])}" {reason}'
    return Problem(name, reason, expected, found.sources[name])


def _alias(info: FieldInfo) -> str:
    if info.alias is None:
        raise TypeError("every setting needs its name in the environment as alias")
    return info.alias
