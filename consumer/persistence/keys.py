"""Sets of keys as one parameter, so that a look-up of one key or of a thousand is the same statement.

``IN (…)`` would be another text for each number of keys, which defeats the drivers' caches of prepared statements.
PostgreSQL takes one array for each part of the key, SQLite one JSON text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, bindparam, cast, column, func, select

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import FromClause
    from sqlalchemy.engine.interfaces import Dialect


class KeySet:
    """A relation of text keys; ``parts`` names its columns.

    Join it with a table on those columns and execute with `parameters`.
    """

    def __init__(self, dialect: Dialect, *parts: str) -> None:
        self._parts = parts
        self._as_json = dialect.name == "sqlite"
        self.rows: FromClause = _from_json(parts) if self._as_json else _from_arrays(parts)

    def parameters(self, keys: Collection[Sequence[str]]) -> dict[str, Any]:
        """Return the parameters for ``keys``, each with one text for every part."""
        if self._as_json:
            return {"keys": json.dumps([list(key) for key in keys])}
        return {f"keys_{part}": [key[position] for key in keys] for position, part in enumerate(self._parts)}


def _from_json(parts: tuple[str, ...]) -> FromClause:
    each = func.json_each(bindparam("keys", type_=Text)).table_valued("value")
    return select(
        *[
            cast(func.json_extract(each.c.value, f"$[{position}]"), Text).label(part)
            for position, part in enumerate(parts)
        ]
    ).subquery("wanted")


def _from_arrays(parts: tuple[str, ...]) -> FromClause:
    arrays = [bindparam(f"keys_{part}", type_=ARRAY(Text)) for part in parts]
    return func.unnest(*arrays).table_valued(*[column(part, Text) for part in parts]).render_derived(name="wanted")
