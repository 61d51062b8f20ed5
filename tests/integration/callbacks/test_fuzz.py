"""Ten thousand forms that nobody would send on purpose: each gets an answer, and none of them a 5xx."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections import Counter
from typing import Any

import pytest

from consumer.callbacks.admission import Admission
from consumer.callbacks.app import PATH, CallbacksApp
from consumer.callbacks.parking import Parking
from consumer.callbacks.receiving import Receiving
from consumer.callbacks.taking import Taking
from consumer.observability import logging
from consumer.observability.metrics import Metrics
from consumer.persistence import migrations
from consumer.persistence.store import Store
from consumer.runtime.books import BatchedBooks
from consumer.settings import CallbackWindow
from schemas.codec import decode
from tests.support.ylh_forms import APP_KEY, FORM, SECRET, body, callback, sign
from tests.unit.callbacks.fakes import FakeBroker

FORMS = 10_000
AT_ONCE = 100
METHODS = ("confirm", "cancel", "oostock", "settle", "")
ODD: tuple[object, ...] = (None, True, -1, 0, 1, 2, 3, 1.5, 2**63, 10**30, "", " ", "0", "1", "2", "x", "\x00",
       "\ud7ff", "名" * 70,       [], [None], {}, {"a": 1}, "SO-1", "a" * 3000, "\u202e", "1e400")  # fmt: skip
PIECES = (
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%ff",
    b"+",
    b"\x00",
    b"\xff",
    b"AppKey=",
    b"Sign=",
    b"&Data=1",
    b";",
    "名".encode(),
)


def told(chance: random.Random) -> dict[str, Any]:
    """The data of a callback, sound in most of its fields."""
    item = {"productCode": "GA0SZC00U", "totalQty": 2, "receiveQty": 1, "returnQty": "1", "rejectQty": 0}
    data: dict[str, Any] = {
        "PlatformOrderNo": f"SO-{chance.randrange(500)}",
        "ExtOrderNo": f"EXT-{chance.randrange(500)}",
        "State": chance.choice((0, 1, 2, "1")),
        "FailMsg": "地址不在配送范围",
        "itemList": [dict(item) for _ in range(chance.randrange(4))],
    }
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        data[chance.choice(tuple(data))] = chance.choice(ODD)
    if isinstance(data["itemList"], list) and data["itemList"] and chance.random() < 0.3:
        first = data["itemList"][0]
        if isinstance(first, dict):
            first[chance.choice(tuple(item))] = chance.choice(ODD)
    return data


def form_of(chance: random.Random) -> bytes:
    """A form; most are rightly signed, some are broken afterwards."""
    form = callback("x", chance.choice(METHODS))
    form["Data"] = json.dumps(told(chance), ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.1:
        form["Data"] = form["Data"][: chance.randrange(len(form["Data"]))]
    if chance.random() < 0.2:
        form["TimeStamp"] = chance.choice(
            ("", "0", *["20260101120000", "20991231235959"] * 3, "20261301000000", "９" * 14)
        )
    if chance.random() < 0.1:
        form[chance.choice(("Extra", "data", "名", "a b", ""))] = chance.choice(("", "x", "\x00", "名"))
    if chance.random() < 0.05:
        del form[chance.choice(tuple(form))]
    form["Sign"] = sign(form) if chance.random() < 0.95 else "F" * 32
    raw = bytearray(body(form))
    for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 3))):
        place = chance.randrange(len(raw) + 1)
        raw[place : place + chance.randrange(3)] = chance.choice(PIECES)
    return bytes(raw)


async def status_of(app: CallbacksApp, form: bytes) -> int:
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": form, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        else:
            json.loads(message["body"])

    headers = [(b"content-type", FORM["Content-Type"].encode())]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "client": None}
    await app(scope, receive, send)
    [status] = statuses
    return int(status)


@pytest.mark.timeout(300)
async def test_ten_thousand_forms_without_a_fault(database_url: str, request: pytest.FixtureRequest) -> None:
    await migrations.upgrade(database_url)
    broker = FakeBroker()
    log = io.StringIO()
    logs = logging.configure(console=log)
    request.addfinalizer(logs.close)
    async with Store.open(database_url) as store:
        books = BatchedBooks(store)
        receiving = Receiving(Admission(APP_KEY, SECRET, CallbackWindow()), Taking(broker, books), Parking(books))
        app = CallbacksApp(receiving, Metrics.create(version="test", event_types=[]))
        chance = random.Random(20260131)  # noqa: S311 - the same forms each time
        forms = iter([form_of(chance) for _ in range(FORMS)])
        statuses: Counter[int] = Counter()

        async def some() -> None:
            for form in forms:
                # Every third time the broker is away: the outbox has to take the same texts.
                broker.is_connected = bool(sum(statuses.values()) % 3)
                statuses[await status_of(app, form)] += 1

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        letters = await store.open_letters(FORMS)
        stored = (await store.stats()).outbox_pending
    assert sum(statuses.values()) == FORMS
    assert not [status for status in statuses if status >= 500], statuses
    # The fuzz goes deep: each way is gone often.
    assert statuses[200] > FORMS / 10
    assert min(statuses[400], statuses[403], statuses[429]) > FORMS / 100
    assert min(len(letters), stored) > FORMS / 20
    for message in broker.messages:
        assert decode(message.body, routing_key=message.routing_key).id == message.message_id
    assert not any(SECRET.encode() in letter.body for letter in letters)
    assert not any(words in log.getvalue() for words in ("地址不在配送范围", SECRET, "Traceback"))
