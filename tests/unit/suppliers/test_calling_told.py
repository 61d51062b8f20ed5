"""Who hears of a call, and what the log says of it: at DEBUG each call with its bodies masked, else nothing."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from consumer.domain.errors import SupplierError, Transient
from consumer.suppliers import calling
from consumer.suppliers.calling import Caller
from consumer.suppliers.operation import JSON, Operation, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = json.dumps({"soId": "SO-1", "consigneeName": "Zhang San", "passWord": "s3cret"}).encode()


class Heard:
    """An observer that wants to know everything."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, int | None]] = []
        self.failures: list[SupplierError] = []

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        assert seconds > 0
        self.calls.append((supplier, operation, outcome, status))

    def supplier_failed(self, error: SupplierError) -> None:
        self.failures.append(error)


def _value(said: Said) -> JSON:
    return said.value


async def call(answer: httpx.Response | Exception, *, private: bool = False) -> Heard:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    operation: Operation[JSON] = Operation(
        supplier="ylh",
        name="photos",
        url=httpx.URL("http://ylh.test/x"),
        changes=False,
        read=_value,
        settings="YLH_BASE_URL",
        private=private,
    )
    heard = Heard()
    with contextlib.suppress(SupplierError):
        await Caller(httpx.MockTransport(handle), heard).send(operation, [], BODY, limit=5)
    return heard


@pytest.fixture
def debugging() -> Iterator[None]:
    logger = logging.getLogger(calling.__name__)
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(logging.NOTSET)


async def test_the_status_is_told_and_none_where_no_answer_came() -> None:
    assert (await call(httpx.Response(200, json={"a": 1}))).calls == [("ylh", "photos", "ok", 200)]
    assert (await call(httpx.Response(503))).calls == [("ylh", "photos", "transient", 503)]
    assert (await call(httpx.ConnectError("no"))).calls == [("ylh", "photos", "transient", None)]


async def test_the_reason_of_a_failure_is_told_in_words() -> None:
    heard = await call(httpx.Response(503))
    (error,) = heard.failures
    assert isinstance(error, Transient)
    assert error.message == "ylh.photos: HTTP 503"
    assert (await call(httpx.Response(200, json={"a": 1}))).failures == []


@pytest.mark.usefixtures("debugging")
async def test_at_debug_there_is_one_line_for_each_call_with_masked_bodies() -> None:
    with capture_logs() as lines:
        await call(httpx.Response(200, json={"soId": "SO-1", "mobile": "13800138000"}))
        await call(httpx.Response(400, json={"code": "E1", "message": "张三 has moved"}))
    first, second = lines
    assert (first["event"], first["log_level"]) == ("supplier call", "debug")
    assert (first["supplier"], first["operation"], first["outcome"], first["status"]) == ("ylh", "photos", "ok", 200)
    assert first["request_excerpt"] == '{"soId": "SO-1", "consigneeName": ***, "passWord": ***}'
    assert first["answer_excerpt"] == '{"soId": "SO-1", "mobile": ***}'
    assert (second["outcome"], second["status"]) == ("rejected", 400)
    assert second["answer_excerpt"] == '{"code": "E1", "message": ***}'


@pytest.mark.usefixtures("debugging")
async def test_of_a_login_no_body_is_shown() -> None:
    with capture_logs() as lines:
        await call(httpx.Response(200, json={"access_token": "t0ken"}), private=True)
    (line,) = lines
    assert not {"request_excerpt", "answer_excerpt"} & set(line)
    assert "t0ken" not in str(line)


async def test_without_debug_no_body_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(body: bytes) -> str:
        raise AssertionError(f"{len(body)} bytes were looked into")

    monkeypatch.setattr(calling, "traced", never)
    logging.getLogger(calling.__name__).setLevel(logging.INFO)
    try:
        await call(httpx.Response(200, json={"a": 1}))
        await call(httpx.Response(503))
    finally:
        logging.getLogger(calling.__name__).setLevel(logging.NOTSET)
