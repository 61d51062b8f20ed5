"""An account's config as JSON: stored with its secrets encrypted, shown with them masked, merged, compared.

stored   {"client_id": "c1", "client_secret": {"sealed": "gAAAA…"}, "county_codes": ["330106"]}
shown    {"client_id": "c1", "client_secret": "***", "county_codes": ["330106"]}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from consumer.accounts.sealing import Unsealable
from consumer.settings import KEYS, SECRET_KEYS, AccountRefused, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.accounts.sealing import Vault

MASK: Final = "***"
"""Stands for a secret wherever a config is shown; given back in a config that is set, it means the stored secret."""
_SEALED: Final = "sealed"
_PLACES: Final = {key: place for place, key in enumerate(KEYS)}

Plain = dict[str, Any]
"""A config by key, secrets as `SecretStr`."""


def stored(plain: Mapping[str, Any], vault: Vault, account_id: str) -> str:
    """Return the text that is stored.

    Raises:
        Unsealable: there is no key to encrypt with.
    """
    document = {
        key: {_SEALED: vault.seal(value, account_id=account_id, key=key)} if isinstance(value, SecretStr) else value
        for key, value in _in_order(plain).items()
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def opened(text: str, vault: Vault, *, account_id: str, name: str) -> Plain:
    """Return what `stored` was given.

    Raises:
        Unsealable: a secret cannot be decrypted, or the text is no config at all.
    """
    return {
        key: vault.unseal(value[_SEALED], account_id=account_id, key=key, name=name) if _is_sealed(value) else value
        for key, value in _parsed(text, name).items()
    }


def resealed(text: str, vault: Vault, *, name: str) -> tuple[str, int]:
    """Return the same config with its secrets encrypted with the first key, and how many were not before.

    Raises:
        Unsealable: as for `opened`.
    """
    document = _parsed(text, name)
    changed = 0
    for key, value in document.items():
        token = vault.resealed(value[_SEALED], key=key, name=name) if _is_sealed(value) else None
        if token is not None:
            document[key] = {_SEALED: token}
            changed += 1
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")), changed


def masked(text: str, name: str) -> dict[str, Any]:
    """Return a stored config as it may be shown; needs no key.

    Raises:
        Unsealable: the text is no config at all.
    """
    return shown(_parsed(text, name))


def shown(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config as it may be shown: what stands under a secret's key is masked, whatever it looks like."""
    return {
        key: MASK if key in SECRET_KEYS or isinstance(value, SecretStr) or _is_sealed(value) else value
        for key, value in _in_order(plain).items()
    }


def completed(document: Mapping[str, Any], before: Mapping[str, Any] | None, *, whose: str) -> Plain:
    """Return ``document`` with the stored secret wherever it holds the mask.

    Raises:
        AccountRefused: a mask where nothing is stored.
    """
    plain: Plain = {}
    problems = []
    for key, value in document.items():
        if key not in SECRET_KEYS or value != MASK:
            plain[key] = value
        elif before is not None and key in before:
            plain[key] = before[key]
        else:
            problems.append(
                Problem(key, f"is {MASK}, which stands for a stored secret, and none is", "the secret itself")
            )
    if problems:
        raise AccountRefused(whose, problems)
    return plain


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Plain:
    """Return ``before`` with ``changes`` put over it, where null takes a key away (as RFC 7396 has it)."""
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that two configs differ in, fit to be shown.

    Attributes:
        key: of the config.
        before: as it was; None where it was not set.
        after: as it is; None where it is not set.
    """

    key: str
    before: object
    after: object


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return where two configs differ; of a secret only that it does."""
    old, new = shown(before), shown(after)
    keys = [key for key in _in_order({**before, **after}) if before.get(key) != after.get(key)]
    return [
        Difference(key, old[key], f"{MASK} (another)")
        if key in SECRET_KEYS and key in old and key in new
        else Difference(key, old.get(key), new.get(key))
        for key in keys
    ]


def read_document(text: str | bytes) -> dict[str, Any]:
    """Read a config from JSON as a person wrote it.

    Raises:
        ValueError: no JSON object, or one that names a key twice; says so without quoting the text.
    """
    try:
        document = json.loads(text, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        # Not chained: it holds the whole text.
        raise ValueError(f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise ValueError("is not in UTF-8") from None
    if not isinstance(document, dict):
        raise ValueError('is no JSON object: expected {"client_id": …}')  # noqa: TRY004 - it is about a text
    return document


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"names {key[:80]} twice")
        document[key] = value
    return document


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return read_document(text)
    except ValueError as error:
        raise Unsealable(
            f"what is stored of the account {name} {error}. Set it anew with `relay config set {name}`.",
            code="config_unreadable",
        ) from None


def _is_sealed(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get(_SEALED), str)


def _in_order(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(document.items(), key=lambda item: (_PLACES.get(item[0], len(_PLACES)), item[0])))
