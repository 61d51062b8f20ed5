"""YLH's signature of a callback (SUPPLIERS, "YLH calls us back", Signature), and the callback's identity. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGN: Final = "Sign"


def signature(parameters: Mapping[str, str], secret: str) -> str:
    """Return the signature of ``parameters``: 32 hexadecimal digits in upper case.

    All parameters but ``Sign`` whose value is not blank, sorted by name, name and value one after the other, between
    two secrets, in lower case.
    """
    joined = "".join(f"{name}{value}" for name, value in sorted(parameters.items()) if name != SIGN and value.strip())
    # MD5 is the supplier's choice, and so is the lower case; what that costs is told in docs/callbacks.md.
    return hashlib.md5(f"{secret}{joined}{secret}".lower().encode(), usedforsecurity=False).hexdigest().upper()


def is_signed(parameters: Mapping[str, str], secret: str) -> bool:
    """Tell whether ``Sign`` is right; takes the same time wherever the two differ first."""
    return hmac.compare_digest(signature(parameters, secret).encode(), parameters.get(SIGN, "").encode())


def callback_id(parameters: Mapping[str, str]) -> str:
    """Return the id of the callback's event: a repetition gives the same, whatever the order of its parameters.

    A hash over all parameters with a value. Blank ones are not signed: whoever adds some to a callback that was
    overheard must not make it another one.

    Returns:
        64 hexadecimal digits (SHA-256).
    """
    told = sorted((name, value) for name, value in parameters.items() if value.strip())
    # JSON, so that no value can hold what ends the one before it.
    return hashlib.sha256(json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
