"""The config of an account that is stored in our database (``haier_config``), checked by the rules of the environment.

Its keys are those of the settings without their prefix (SUPPLIERS, Haier, "Settings"), and the defaults for syncs.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from consumer.settings.consistency import contradictions
from consumer.settings.faults import AccountRefused, Problem
from consumer.settings.production import refusals
from consumer.settings.secrecy import is_secret, shown_value
from consumer.settings.sections import HttpSettings, Section, ServiceSettings, Switch
from consumer.settings.suppliers import HaierSettings
from consumer.settings.texts import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=Section)

_ENVIRONMENT_NAME: Final = re.compile(r"HAIER_([A-Z_]+)")
_NOT_CALLED: Final = "default_factory_not_called"
"""Pydantic's word for a default that could not be worked out because of another fault, which is told."""


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class SyncDefaults(Section):
    """What a sync does where its request is silent."""

    sync_prices: Switch = Field(default=False, description="true or false")
    sync_stock: Switch = Field(default=False, description="true or false")
    county_codes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9]{6}$")], ...], BeforeValidator(from_text(_listed))
    ] = Field((), description='a list of six-digit county codes (GB/T 2260) as texts, such as ["330106"]')


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One account's config, known to be good.

    Attributes:
        haier: the account at Haier.
        sync: its defaults for syncs.
    """

    haier: HaierSettings
    sync: SyncDefaults

    def given(self) -> dict[str, Any]:
        """Return what was set, by key; secrets stay `SecretStr`."""
        set_ = self.haier.model_dump(exclude_unset=True) | self.sync.model_dump(exclude_unset=True)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in set_.items()}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an account's settings stand, for sentences that say what to look at.

    Attributes:
        stored_as: name of the stored account; None: the environment.
    """

    stored_as: str | None = None

    def naming(self, settings: str) -> str:
        """Return ``settings``, names of the environment such as ``HAIER_BASE_URL``, as they are called here."""
        if self.stored_as is None:
            return settings
        return f"{_key(settings)} of the stored account {self.stored_as} (`relay config set {self.stored_as}`)"


ENVIRONMENT: Final = Origin()

KEYS: Final = (*HaierSettings.model_fields, *SyncDefaults.model_fields)
"""Every key that a config may have."""
SECRET_KEYS: Final = frozenset(name for name, field in HaierSettings.model_fields.items() if is_secret(field))
"""Those whose values are encrypted and never shown."""


def check_account(
    document: Mapping[str, object], service: ServiceSettings, http: HttpSettings, *, whose: str = "The config"
) -> AccountConfig:
    """Check a config as the environment's settings are checked.

    A key that is set to null or to an empty text counts as not set, as in the environment.

    Args:
        document: the JSON object; secrets as `SecretStr` or text.
        service: whether this is production.
        http: where the sandbox would be.
        whose: what the sentence begins with.

    Raises:
        AccountRefused: with every fault.
    """
    values = dict(_set(document))
    problems = list(_unknown(document))
    haier = _build(HaierSettings, values, problems)
    sync = _build(SyncDefaults, values, problems)
    if haier is not None:
        found = contradictions(haier) or refusals(haier, service, http)
        problems += [Problem(_key(fault.setting), fault.problem, _key(fault.expected)) for fault in found]
    if problems or haier is None or sync is None:
        raise AccountRefused(whose, problems)
    return AccountConfig(haier, sync)


def _set(document: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in document.items():
        plain = value.strip() if isinstance(value, str) else value
        if plain not in (None, ""):
            yield key, plain


def _unknown(document: Mapping[str, object]) -> Iterator[Problem]:
    for key in document:
        if key not in KEYS:
            near = difflib.get_close_matches(key.lower().removeprefix("haier_"), KEYS, n=1, cutoff=0.6)
            expected = f"{near[0]} (is it that?)" if near else f"one of {', '.join(KEYS)}"
            yield Problem(shown_value(key), "is not a key of an account's config", expected)


def _build(kind: type[S], values: Mapping[str, object], problems: list[Problem]) -> S | None:
    try:
        return kind.model_validate({key: value for key, value in values.items() if key in kind.model_fields})
    except ValidationError as error:
        problems += [
            _problem(kind, _key(str(fault["loc"][0])), fault, values)
            for fault in error.errors(include_url=False)
            if fault["type"] != _NOT_CALLED
        ]
    return None


def _problem(kind: type[Section], key: str, fault: ErrorDetails, values: Mapping[str, object]) -> Problem:
    field = kind.model_fields[key]
    expected = _key(field.description or "another value")
    if fault["type"] == "missing":
        return Problem(key, "is missing", expected)
    if fault["type"] in {"string_type", "string_sub_type"}:
        reason = "is not text (put it in quotes)"
    elif fault["type"] == "value_error":
        reason = str(fault["ctx"]["error"])
    else:
        reason = "is not possible"
    if not is_secret(field):
        value = values[key]
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        reason = f'"{shown_value(told)}" {reason}'
    return Problem(key, reason, expected)


def _key(text: str) -> str:
    """Name the environment's settings in ``text`` as the config does."""
    # Pydantic, too, calls a field that is missing by its alias.
    return _ENVIRONMENT_NAME.sub(lambda match: match[1].lower(), text)
