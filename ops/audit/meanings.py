"""What is wrong with an audit log, in words: what each kind of finding means, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.domain.audit_check import FindingKind

if TYPE_CHECKING:
    from collections.abc import Mapping

MEANINGS: Final[Mapping[FindingKind, str]] = {
    FindingKind.CHANGED: (
        "Somebody wrote in the table past relay. Compare the row with a backup of the database, and find out who may "
        "write there."
    ),
    FindingKind.MOVED: (
        "Somebody changed the order of rows, or took one out and numbered the others anew. Compare with a backup of "
        "the database."
    ),
    FindingKind.MISSING: (
        'Somebody deleted acts; relay itself never does. The log\'s lines with the message "audit" tell who did what; '
        "a backup of the database has the rows."
    ),
    FindingKind.INSERTED: (
        "Somebody put in a row that relay did not write there: nothing proves that what it says was done."
    ),
    FindingKind.UNSIGNED: (
        "A process acted without RELAY_SECRET_KEY, or somebody put these rows in: nothing proves what they say. Give "
        "every process and every operator's shell the key."
    ),
    FindingKind.UNKNOWN_KEY: (
        "Whether these rows are as they were written cannot be told. If the key was exchanged, run this again with the "
        "old key behind the others in RELAY_SECRET_KEY; if it never was, somebody put the rows in."
    ),
    FindingKind.CUT_OFF: (
        "Somebody deleted the newest acts, or the database was restored from an older backup, or the log is that of "
        'another database. The log\'s lines with the message "audit" tell who did what.'
    ),
    FindingKind.OTHER_HEAD: (
        "Somebody who has the key replaced the row, or the database was restored from an older backup and acts were "
        "written since, or the log is that of another database. Compare with the log's line and a backup."
    ),
}
