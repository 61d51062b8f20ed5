"""One suite for reading results, run against the fake listener and against a queue on a broker."""

import asyncio

import pytest

from publishers.reading import ResultReader
from schemas.envelope import Event
from schemas.faults import InvalidEvent
from tests.integration.publishers.line import until
from tests.integration.publishers.sides import RealSide, Side, encoded


async def confirmed(side: Side, so_id: str, sequence: int, *, id_: str | None = None) -> None:
    await side.send(encoded(so_id, sequence, id_=id_), "order.confirmed")


async def collected(results: ResultReader, count: int) -> list[tuple[str | None, int]]:
    got: list[tuple[str | None, int]] = []
    async with asyncio.timeout(10):
        async for event in results:
            got.append(_short(event))
            if len(got) == count:
                break
    return got


async def parked(side: Side) -> list[bytes]:
    """What was put aside, as soon as there is something."""
    async with asyncio.timeout(10):
        while not (bodies := await side.parked()):  # noqa: ASYNC110 - a queue on a broker tells of nothing
            await asyncio.sleep(0.02)
    return bodies


def _short(event: Event) -> tuple[str | None, int]:
    sequence = getattr(event.data, "sequence", -1)
    return event.subject, sequence


async def test_results_come_in_and_what_is_not_newer_is_dropped(side: Side) -> None:
    async with side.listener() as results:
        await until(lambda: results.is_listening)
        for so_id, sequence in [("A", 1), ("A", 3), ("A", 2), ("A", 3), ("B", 1), ("A", 4)]:
            await confirmed(side, so_id, sequence)
        assert await collected(results, 4) == [("A", 1), ("A", 3), ("B", 1), ("A", 4)]


async def test_not_in_our_books_is_an_answer_each_time_it_is_asked_for(side: Side) -> None:
    async with side.listener() as results:
        await until(lambda: results.is_listening)
        for sequence in (0, 0, 1, 0, 2):
            await confirmed(side, "A", sequence)
        assert await collected(results, 4) == [("A", 0), ("A", 0), ("A", 1), ("A", 2)]


async def test_a_result_sent_twice_under_one_id_is_handed_over_once(side: Side) -> None:
    async with side.listener() as results:
        await until(lambda: results.is_listening)
        for id_ in ("x", "x", "y"):
            await confirmed(side, "A", 0, id_=id_)
        await confirmed(side, "B", 1)
        assert await collected(results, 3) == [("A", 0), ("A", 0), ("B", 1)]


async def test_only_what_the_patterns_bind_comes_in(side: Side) -> None:
    async with side.listener(["order.*", "sync.#"]) as results:
        await until(lambda: results.is_listening)
        await side.send(encoded("A", 1), "order.push.succeeded")
        await side.send(encoded("B", 1), "order.confirmed")
        await side.send(encoded("C", 1), "product.changed")
        await side.send(encoded("D", 1), "sync.completed.and.more")
        assert await collected(results, 2) == [("B", 1), ("D", 1)]


async def test_a_failing_handler_is_tried_again_and_then_goes_through(side: Side) -> None:
    seen: list[tuple[str | None, int]] = []

    async def handler(event: Event) -> None:
        seen.append(_short(event))
        if event.subject == "bad" and len([s for s in seen if s[0] == "bad"]) < 3:
            raise ValueError("the application's own trouble")

    async with side.listener(attempts=5) as results:
        await until(lambda: results.is_listening)
        await confirmed(side, "bad", 1)
        await confirmed(side, "good", 1)
        task = asyncio.create_task(results.run(handler))
        await until(lambda: len(seen) == 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert sorted(seen) == [("bad", 1)] * 3 + [("good", 1)]
    assert await side.parked() == []


async def test_a_handler_that_never_manages_is_parked_and_the_rest_goes_on(side: Side) -> None:
    tries = 0

    async def handler(event: Event) -> None:
        nonlocal tries
        if event.subject == "bad":
            tries += 1
            raise ValueError("never")

    async with side.listener(attempts=3) as results:
        await until(lambda: results.is_listening)
        bad = encoded("bad", 1)
        await side.send(bad, "order.confirmed")
        task = asyncio.create_task(results.run(handler))
        await until(lambda: tries == 3)
        await confirmed(side, "good", 1)
        put_aside = await parked(side)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert put_aside == [bad]
    assert tries == 3


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"specversion":"1.0","type":"order.teleported"}'])
async def test_what_cannot_be_read_is_parked(side: Side, body: bytes) -> None:
    async with side.listener() as results:
        await until(lambda: results.is_listening)
        await side.send(body, "order.teleported")
        await confirmed(side, "A", 1)
        assert await collected(results, 1) == [("A", 1)]
    assert await parked(side) == [body]


async def test_a_hook_takes_what_cannot_be_read(side: Side) -> None:
    taken: list[tuple[bytes, str]] = []

    async def hook(body: bytes, error: InvalidEvent) -> None:
        taken.append((body, error.errors[0].field))

    async with side.listener(on_unreadable=hook) as results:
        await until(lambda: results.is_listening)
        await side.send(b"{", "order.confirmed")
        await confirmed(side, "A", 1)
        assert await collected(results, 1) == [("A", 1)]
    assert taken == [(b"{", "body")]
    assert await side.parked() == []


async def test_a_hook_that_fails_has_the_message_parked(side: Side) -> None:
    def hook(body: bytes, error: InvalidEvent) -> None:
        raise KeyError(len(body), str(error))

    async with side.listener(on_unreadable=hook) as results:
        await until(lambda: results.is_listening)
        await side.send(b"{", "order.confirmed")
        await confirmed(side, "A", 1)
        assert await collected(results, 1) == [("A", 1)]
    assert await parked(side) == [b"{"]


async def test_an_exception_in_the_loop_leaves_the_result_to_be_delivered_again(side: Side) -> None:
    results = side.listener()

    async def fail_half_way() -> None:
        async with results, asyncio.timeout(10):
            await until(lambda: results.is_listening)
            await confirmed(side, "A", 1)
            async for _ in results:
                raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await fail_half_way()
    async with side.listener() if isinstance(side, RealSide) else results as again:
        assert await collected(again, 1) == [("A", 1)]


async def test_the_applications_own_store_decides_what_is_new(side: Side) -> None:
    class Books:
        def __init__(self) -> None:
            self.rows = {"A": 5}

        async def latest(self, so_id: str) -> int | None:
            return self.rows.get(so_id)

        async def remember(self, so_id: str, sequence: int) -> None:
            self.rows[so_id] = sequence

    books = Books()
    async with side.listener(sequences=books) as results:
        await until(lambda: results.is_listening)
        for sequence in (4, 5, 6):
            await confirmed(side, "A", sequence)
        assert await collected(results, 1) == [("A", 6)]
    assert books.rows == {"A": 6}
