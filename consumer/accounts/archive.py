"""The file that a backup of stored accounts is: one JSON document, encrypted with a passphrase (ADR 8).

Not with ``RELAY_SECRET_KEY``: a backup is for the day on which the machine is gone, and its key with it. The key of
the file is made of the passphrase by scrypt (RFC 7914), which makes guessing dear; the file says how, so that the cost
can be raised later.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from consumer.domain.account import NAME, AccountAction
from consumer.domain.errors import RelayError

SHORTEST_PASSPHRASE: Final = 12
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_TAG: Final = "secret"
_VERSION: Final = 1


class ArchiveUnusable(RelayError):
    """A backup cannot be read or made.

    Codes: ``not_a_backup``, ``newer_backup``, ``wrong_passphrase``, ``weak_passphrase``.
    """


@dataclass(frozen=True, slots=True)
class Cost:
    """What making the key costs: 128 × n × r bytes of memory (128 MB), some 0.5 s (OWASP, Password Storage, scrypt)."""

    n: int = 2**17
    r: int = 8
    p: int = 1


USUAL: Final = Cost()


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ArchivedRevision(_Value):
    """One revision; secrets in ``config`` are `SecretStr`."""

    number: int
    action: AccountAction
    config: dict[str, Any]
    changed_by: str
    reason: str | None
    changed_at: AwareDatetime


class ArchivedAccount(_Value):
    """One account with its history; its config is that of its newest revision."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    name: Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
    is_active: bool
    revisions: Annotated[tuple[ArchivedRevision, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _without_a_gap(self) -> ArchivedAccount:
        if self.revisions[0].number != 1 or any(b.number != a.number + 1 for a, b in pairwise(self.revisions)):
            raise ValueError("has a gap between its revisions")
        return self


class Archive(_Value):
    """All stored accounts at one moment."""

    made_at: AwareDatetime
    accounts: tuple[ArchivedAccount, ...]

    @model_validator(mode="after")
    def _one_of_each(self) -> Archive:
        if len({account.name for account in self.accounts}) < len(self.accounts):
            raise ValueError("names an account twice")
        if sum(account.is_active for account in self.accounts) > 1:
            raise ValueError("has several active accounts")
        return self


class _File(_Value):
    format: Literal["haier-relay accounts"] = "haier-relay accounts"
    version: Literal[1] = 1
    kdf: Literal["scrypt"] = "scrypt"
    # Memory is bounded, lest a file that somebody made up fills the machine.
    n: Annotated[int, Field(ge=2, le=2**20)]
    r: Annotated[int, Field(ge=1, le=16)]
    p: Annotated[int, Field(ge=1, le=16)]
    salt: str
    sealed: str


def strong(passphrase: SecretStr) -> SecretStr:
    """Return ``passphrase`` if it is long enough.

    Raises:
        ArchiveUnusable: it is not.
    """
    if len(passphrase.get_secret_value()) < SHORTEST_PASSPHRASE:
        raise ArchiveUnusable(
            f"the passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters, such as four random words. "
            "The backup holds every secret of the accounts.",
            code="weak_passphrase",
        )
    return passphrase


def locked(archive: Archive, passphrase: SecretStr, cost: Cost = USUAL) -> bytes:
    """Return the file's content.

    Args:
        archive: what is kept.
        passphrase: at least `SHORTEST_PASSPHRASE` characters.
        cost: of making the key.

    Raises:
        ArchiveUnusable: the passphrase is too short.
    """
    strong(passphrase)
    salt = secrets.token_bytes(_SALT_BYTES)
    plain = json.dumps(archive.model_dump(mode="python"), default=_told, ensure_ascii=False).encode()
    sealed = Fernet(_key(passphrase, salt, cost)).encrypt(plain).decode()
    file = _File(n=cost.n, r=cost.r, p=cost.p, salt=base64.b64encode(salt).decode(), sealed=sealed)
    return (file.model_dump_json(indent=2) + "\n").encode()


def unlocked(content: bytes, passphrase: SecretStr) -> Archive:
    """Return what `locked` was given.

    Raises:
        ArchiveUnusable: it is no backup of ours, a newer version's, damaged, or of another passphrase.
    """
    file = _file(content)
    try:
        salt = base64.b64decode(file.salt, validate=True)
        plain = Fernet(_key(passphrase, salt, Cost(file.n, file.r, file.p))).decrypt(file.sealed)
    except (InvalidToken, binascii.Error, ValueError):
        raise ArchiveUnusable(
            "the backup cannot be decrypted: the passphrase is another one, or the file is damaged.",
            code="wrong_passphrase",
        ) from None
    try:
        return Archive.model_validate(json.loads(plain, object_hook=_with_secrets))
    except ValidationError as error:
        what = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
        # Not chained: what it is about are secrets.
        raise ArchiveUnusable(
            f"the backup holds what this version cannot read ({what}).", code="not_a_backup"
        ) from None


def _file(content: bytes) -> _File:
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != "haier-relay accounts":
        raise ArchiveUnusable(
            "the file is no backup of accounts. `relay config backup FILE` makes one; a plain JSON config goes to "
            "`relay config set NAME FILE`.",
            code="not_a_backup",
        )
    if isinstance(document.get("version"), int) and document["version"] > _VERSION:
        raise ArchiveUnusable(
            f"the backup was made by a newer haier-relay (format {document['version']}, this one reads {_VERSION}). "
            "Restore it with that version.",
            code="newer_backup",
        )
    try:
        return _File.model_validate(document)
    except ValidationError:
        raise ArchiveUnusable("the backup is damaged: its head cannot be read.", code="not_a_backup") from None


def _key(passphrase: SecretStr, salt: bytes, cost: Cost) -> bytes:
    scrypt = Scrypt(salt=salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)
    return base64.urlsafe_b64encode(scrypt.derive(passphrase.get_secret_value().encode()))


def _told(value: object) -> object:
    match value:
        case SecretStr():
            return {_TAG: value.get_secret_value()}
        case datetime():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a backup")


def _with_secrets(document: dict[str, Any]) -> Any:
    return SecretStr(document[_TAG]) if document.keys() == {_TAG} else document
