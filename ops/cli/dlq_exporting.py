"""`relay dlq export`: letters as NDJSON, page by page, so that any number of them fits into memory."""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from ops.acting import act
from ops.cli.asking import books
from ops.cli.failing import Failure
from ops.cli.printing import as_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.domain.ledger import Selection
    from consumer.domain.writes import Letter
    from consumer.settings import Settings

_PAGE: Final = 500


async def export_to(settings: Settings, selection: Selection, file: str) -> int:
    """Write the letters that ``selection`` means now to a file, the oldest first; return how many. It is audited.

    Args:
        settings: with the database.
        selection: which letters.
        file: path of a file that is not there yet; ``-``: stdout.

    Raises:
        Failure: the file is there.
    """
    written = 0
    async with books(settings) as store:
        ids = await store.ledger.ids(selection)
        await store.audit(act("dlq.export", None, None, {"letters": len(ids)}))
        with _opened(file) as out:
            for start in range(0, len(ids), _PAGE):
                for letter in await store.ledger.by_ids(ids[start : start + _PAGE]):
                    out.write(as_line(whole(letter)) + "\n")
                    written += 1
    return written


def whole(letter: Letter) -> dict[str, Any]:
    """Return all that a letter knows, its body as text, or base64 where it is no UTF-8."""
    told = {name: getattr(letter, name) for name in letter.__dataclass_fields__ if name != "body"}
    told |= {"headers": json.loads(letter.headers), "attempts": json.loads(letter.attempts)}
    try:
        return told | {"body": letter.body.decode()}
    except UnicodeDecodeError:
        return told | {"body_base64": base64.b64encode(letter.body).decode()}


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        yield sys.stdout
        return
    try:
        # Customers' data: for whoever exports alone.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(f"{file} exists already; nothing was written. Give another name, or remove it.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        yield out
