"""Secrets on their way in and out of the database, encrypted with ``RELAY_SECRET_KEY`` (Fernet: AES-CBC with an HMAC).

What is encrypted is not the secret alone but also whose it is and under which key: a token copied into another
account's row, or under another key of the same one, is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from consumer.domain.errors import RelayError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEW_KEY: Final = "`relay config key` makes one"


class Unsealable(RelayError):
    """A stored secret cannot be read, or none can be stored.

    Codes: ``secret_key_missing``, ``secret_key_wrong``, ``sealed_for_another``, ``config_unreadable``.
    """


class Vault:
    """Encrypts and decrypts secrets of stored accounts.

    Args:
        keys: of ``RELAY_SECRET_KEY``: the first encrypts, all decrypt.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._count = len(keys)
        fernets = [Fernet(key.get_secret_value()) for key in keys]
        self._first = fernets[0] if fernets else None
        self._all = MultiFernet(fernets) if fernets else None

    def seal(self, secret: SecretStr, *, account_id: str, key: str) -> str:
        """Encrypt ``secret``, which stands under ``key`` of the account ``account_id``.

        Raises:
            Unsealable: there is no key.
        """
        if self._first is None:
            raise Unsealable(
                "an account's secrets are stored encrypted, and RELAY_SECRET_KEY, which encrypts them, is not set. "
                f"Set it here and where the service runs ({_NEW_KEY}).",
                code="secret_key_missing",
            )
        bound = json.dumps([account_id, key, secret.get_secret_value()]).encode()
        return self._first.encrypt(bound).decode()

    def unseal(self, token: str, *, account_id: str, key: str, name: str) -> SecretStr:
        """Decrypt what `seal` returned; ``name`` is the account's, for the sentence that says why it cannot be done.

        Raises:
            Unsealable: no key, none that fits, or sealed for another place.
        """
        plain = self._opened(token, key=key, name=name)
        try:
            owner, place, value = json.loads(plain)
        except ValueError:
            owner, place, value = None, None, None
        if (owner, place) != (account_id, key) or not isinstance(value, str):
            raise Unsealable(
                f"the secret {key} of the account {name} was encrypted for another place: somebody copied it within "
                f"the database. Set it anew with `relay config set {name}`.",
                code="sealed_for_another",
            )
        return SecretStr(value)

    def resealed(self, token: str, *, key: str, name: str) -> str | None:
        """Return ``token`` encrypted anew with the first key; None: it is already.

        Raises:
            Unsealable: no key, or none that fits.
        """
        plain = self._opened(token, key=key, name=name)
        if self._first is None or _opens(self._first, token):
            return None
        return self._first.encrypt(plain).decode()

    def _opened(self, token: str, *, key: str, name: str) -> bytes:
        if self._all is None:
            raise Unsealable(
                f"the secret {key} of the account {name} is encrypted and RELAY_SECRET_KEY is not set. Set it to the "
                "key that it was stored with.",
                code="secret_key_missing",
            )
        try:
            return self._all.decrypt(token)
        except InvalidToken:
            keys = "the key" if self._count == 1 else f"any of the {self._count} keys"
            # Not chained: there is nothing in it but its name.
            raise Unsealable(
                f"the secret {key} of the account {name} cannot be decrypted with {keys} in RELAY_SECRET_KEY. Add the "
                "one that it was stored with, behind a comma; if that is lost, set the secrets anew: "
                f"`relay config set {name}`.",
                code="secret_key_wrong",
            ) from None


def new_key() -> str:
    """Return a new key for ``RELAY_SECRET_KEY``."""
    return Fernet.generate_key().decode()


def _opens(fernet: Fernet, token: str) -> bool:
    try:
        fernet.decrypt(token)
    except InvalidToken:
        return False
    return True
