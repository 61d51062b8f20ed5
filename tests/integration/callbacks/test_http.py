"""The receiver's HTTP side over real sockets: what it takes, refuses, answers, and how long it waits."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.callbacks import connections
from consumer.callbacks.admission import Admission
from consumer.callbacks.app import PATH, CallbacksApp
from consumer.callbacks.connections import BoundedConnection
from consumer.callbacks.form import LARGEST
from consumer.callbacks.limiting import AT_ONCE
from consumer.callbacks.parking import Parking
from consumer.callbacks.receiving import Receiving
from consumer.callbacks.taking import Taking
from consumer.observability import logging
from consumer.observability.http import Bounds, serve_http
from consumer.observability.metrics import Metrics
from consumer.settings import CallbackWindow
from tests.support.ylh_forms import APP_KEY, FORM, SECRET, body, callback
from tests.unit.callbacks.fakes import FakeBooks, FakeBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Side:
    """A receiver in this process, and what it did."""

    def __init__(self) -> None:
        self.broker, self.books = FakeBroker(), FakeBooks()
        self.metrics = Metrics.create(version="test", event_types=[])
        admission = Admission(APP_KEY, SECRET, CallbackWindow())
        receiving = Receiving(admission, Taking(self.broker, self.books), Parking(self.books))
        self.app = CallbacksApp(receiving, self.metrics)
        self.log = io.StringIO()
        self.host, self.port = "", 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{PATH}"

    def counted(self) -> dict[tuple[str, str], float]:
        families = {family.name: family for family in self.metrics.registry.collect()}
        return {
            (sample.labels["method"], sample.labels["outcome"]): sample.value
            for sample in families["relay_callbacks"].samples
            if sample.name.endswith("_total")
        }

    async def raw(self, sent: bytes) -> bytes:
        """Send bytes and read until the receiver closes."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()


@asynccontextmanager
async def running(*, at_most: int = 100) -> AsyncIterator[Side]:
    side = Side()
    logs = logging.configure(console=side.log, secrets=frozenset({SECRET}))
    try:
        bounds = Bounds(at_most, BoundedConnection, 2)
        async with serve_http(side.app, "127.0.0.1", 0, bounds=bounds) as served:
            side.host, side.port = served.host, served.port
            yield side
    finally:
        logs.close()


async def post(url: str, content: Any, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(url, content=content, headers={**FORM, **headers})


async def test_a_callback_is_taken_and_answered_in_ylhs_form() -> None:
    async with running() as side:
        form = callback("SO-1", "cancel")
        answer = await post(side.url, body(form))
        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
        assert len(told.pop("timeStamp")) == 14
        assert told == {
            "success": True,
            "code": "success",
            "description": "成功",
            "data": {"statusCode": "200", "message": "成功", "platformOrderNo": "SO-1"},
        }
        assert len(side.broker.messages) == 1
        assert side.counted() == {("cancel", "taken"): 1}
        [line] = side.log.getvalue().splitlines()
        assert "platform_order_no=SO-1" in line
        assert "info" in line


async def in_pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_in_chunks_is_a_body() -> None:
    async with running() as side:
        whole = body(callback("SO-1"))
        assert (await post(side.url, in_pieces(whole[:10], whole[10:]))).status_code == 200
        assert (await post(side.url, in_pieces(b"x" * LARGEST, b"x"))).status_code == 413


async def test_what_is_no_callback_at_all_is_refused_with_its_status() -> None:
    async with running() as side:
        good = body(callback("SO-1"))
        async with httpx.AsyncClient() as client:
            assert (await client.get(side.url)).headers["allow"] == "POST"
            found = [
                (await client.get(side.url)).status_code,
                (await client.put(side.url, content=good, headers=FORM)).status_code,
                (await client.post(side.url + "/", content=good, headers=FORM)).status_code,
                (await client.post(side.url, content=good)).status_code,
                (await client.post(side.url, json={"a": 1})).status_code,
                (await client.post(side.url, content=good, headers={**FORM, "Content-Encoding": "gzip"})).status_code,
                (await client.post(side.url, content=b"x" * (LARGEST + 1), headers=FORM)).status_code,
                (await client.post(side.url, content=b"", headers=FORM)).status_code,
                (await client.post(side.url, content=good[:-1] + b"!", headers=FORM)).status_code,
            ]
        assert found == [405, 405, 404, 415, 415, 415, 413, 400, 401]
        assert not side.broker.asked


async def test_a_stranger_leaves_nothing_in_the_log_but_his_address() -> None:
    async with running() as side:
        form = {**callback("SO-SECRET"), "Sign": "F" * 32, "Extra": "13800138000"}
        answer = await post(side.url, body(form))
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")
        assert answer.json()["data"]["platformOrderNo"] == ""
        [line] = side.log.getvalue().splitlines()
        assert "host=127.0.0.1" in line
        assert not any(text in line for text in ("SO-SECRET", "138", "FFFF", "confirm"))
        assert side.counted() == {("unknown", "unsigned"): 1}


async def test_too_many_refusals_are_no_longer_explained_but_ylh_is_still_heard() -> None:
    async with running() as side:
        wrong = body({**callback("SO-1"), "Sign": "F" * 32})
        statuses = [(await post(side.url, wrong)).status_code for _ in range(AT_ONCE + 5)]
        assert statuses == [401] * AT_ONCE + [429] * 5
        limited = await post(side.url, wrong)
        assert (limited.headers["retry-after"], limited.json()["success"]) == ("60", False)
        assert (await post(side.url, body(callback("SO-1")))).status_code == 200
        assert side.log.getvalue().count("unsigned") == AT_ONCE


async def test_unavailable_is_told_in_ylhs_form_too() -> None:
    async with running() as side:
        side.broker.is_connected, side.books.away = False, True
        answer = await post(side.url, body(callback("SO-1")))
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["success"]) == (503, "10", False)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /callbacks/ylh HTTP/1.1\r\nHost: x\r\n",
        (
            b"POST /callbacks/ylh HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 100\r\n\r\nAppKey="
        ),
    ],
)
async def test_whoever_is_slow_is_shown_the_door(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 0.3)
    async with running() as side:
        assert await side.raw(sent) == b""
        assert (await post(side.url, body(callback("SO-1")))).status_code == 200


async def test_a_connection_that_stays_open_is_served_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 0.3)
    async with running() as side, httpx.AsyncClient() as client:
        for number in range(5):
            answer = await client.post(side.url, content=body(callback(f"SO-{number}")), headers=FORM)
            assert answer.status_code == 200
            await asyncio.sleep(0.15)


async def test_more_connections_than_allowed_are_turned_away() -> None:
    async with running(at_most=5) as side:
        idle = [await asyncio.open_connection(side.host, side.port) for _ in range(5)]
        assert (await post(side.url, body(callback("SO-1")))).status_code == 503
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.1)
        assert (await post(side.url, body(callback("SO-1")))).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"POST /callbacks/ylh HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /callbacks/ylh HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 17_000,  # and no end of it
    ],
)
async def test_what_is_no_http_is_closed(sent: bytes) -> None:
    async with running() as side:
        assert (await side.raw(sent)).startswith(b"HTTP/1.1 400 ")


async def test_the_answer_to_a_pipeline_comes_in_order() -> None:
    async with running() as side:
        requests = b"".join(
            b"POST /callbacks/ylh HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n%s\r\n%s" % (len(form), b"Connection: close\r\n" if last else b"", form)
            for form, last in ((body(callback("SO-1")), False), (body(callback("SO-2")), True))
        )
        answers = (await side.raw(requests)).split(b"\r\n\r\n")
        told = [json.loads(part[: part.rindex(b"}") + 1]) for part in answers[1:]]
        assert [one["data"]["platformOrderNo"] for one in told] == ["SO-1", "SO-2"]
