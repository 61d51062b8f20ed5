"""The unit of work as threads do it: one POST, one row.

A POST costs a third with urllib3's pool for one host of what it costs with requests, and half of httpx.
"""

from __future__ import annotations

from typing import Final

import urllib3

from tests.benchmarks.contestants.rows import open_blocking_rows
from tests.benchmarks.contestants.unit import (
    CONCURRENCY,
    CREATE,
    DELAY_MS,
    LOGIN,
    TOKEN,
    Envelope,
    Pushed,
    Supplier,
    create,
    headers,
)

THREADS: Final = 8 if DELAY_MS == 0 else CONCURRENCY
"""Where the supplier answers at once the interpreter's lock is the limit: 4 and 16 threads do no better than 8."""


class Pushing:
    """Pushes orders and notes them; shared by all threads."""

    def __init__(self) -> None:
        supplier = Supplier.from_environment()
        self._rows = open_blocking_rows()
        self._http = urllib3.connection_from_url(
            supplier.base_url, maxsize=THREADS, block=True, retries=False, timeout=30
        )
        basic = urllib3.make_headers(basic_auth=f"{supplier.client_id}:{supplier.client_secret}")
        login = self._http.request("POST", TOKEN, fields=supplier.grant, headers=LOGIN | basic, encode_multipart=False)
        self._headers = headers(_checked(login).json()["access_token"])

    def push(self, paid: Envelope) -> bytes:
        """Push, note, and return the result's body."""
        answer = self._http.urlopen("POST", CREATE, body=create(paid.data), headers=self._headers)
        pushed = Pushed.read(paid, _checked(answer).data)
        self._rows.add(pushed.row())
        return pushed.result()


def _checked(answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    if answer.status >= 300:
        raise RuntimeError(f"the supplier answered {answer.status}")
    return answer
