"""Stored accounts at Haier and their revisions, as the tables hold them: secrets in them stay encrypted here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

NAME: Final = re.compile(r"[\w.-]{1,64}")
"""What an account may be called: letters of any script, digits, ``_``, ``.`` and ``-``."""


class AccountAction(StrEnum):
    """What a revision did."""

    SET = "set"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Account:
    """One row of ``haier_config``.

    Attributes:
        id: a UUID; the secrets are bound to it, and ``haier_sync_log.config_id`` names it.
        name: unique.
        config: JSON text (`consumer.accounts.documents`).
        is_active: at most one is.
        revision: the newest one's number.
        created_at: when revision 1 was made.
        updated_at: when the newest one was.
    """

    id: str
    name: str
    config: str
    is_active: bool
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AccountRevision:
    """One change of an account; numbers of an account begin at 1 and have no gap.

    Attributes:
        account_id: whose.
        number: of the revision.
        action: what was done.
        config: the whole config as it was from then on.
        changed_by: who, e.g. ``li@ops-1``.
        reason: why, in the person's words.
        changed_at: when.
    """

    account_id: str
    number: int
    action: AccountAction
    config: str
    changed_by: str
    reason: str | None
    changed_at: datetime
