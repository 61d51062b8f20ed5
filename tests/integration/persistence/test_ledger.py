"""The ledger of dead letters: selected, grouped, discarded by one of two, restored, purged, scrubbed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from consumer.domain.audit import AuditEntry
from consumer.domain.errors import ErrorClass
from consumer.domain.ledger import Acted, Selection
from consumer.domain.replay import Item, ItemStatus, Plan, Replay, ReplayRefused, Terms
from consumer.domain.writes import LetterStatus, UnitOfWork
from consumer.persistence import ledger_tables, tables
from consumer.persistence.store import Store
from ops.cli.failing import ExitCode, explained
from tests.support.dead_letters import KINDS, filed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from consumer.domain.writes import Letter

EACH = 4
EDITED = "0b6c0a3e-5f1d-4c52-9d8e-6f7a1b2c3d4e"


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    """Books with four letters of each of five causes."""
    async with Store.open(migrated_url) as opened:
        for kind in KINDS:
            await filed(opened, kind, EACH)
        yield opened


def act(action: str, reason: str = "a reason") -> AuditEntry:
    return AuditEntry("li@ops", action, datetime.now(UTC), None, reason)


def a_plan(id_: str, *ids: str) -> Plan:
    items = [Item(id_, "relay.orders", "order.paid", "/shop", f"event-{id_}", body=b"{}") for id_ in ids]
    return Plan(id_, "{}", datetime.now(UTC), "li@ops", items)


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(), 5 * EACH),
        (Selection(lane="relay.catalog"), 2 * EACH),
        (Selection(type="order.cancelled"), EACH),
        (Selection(error_class=ErrorClass.REJECTED), EACH),
        (Selection(so_id="SO-U-1"), 1),
        (Selection(event_id="balance-2"), 1),
        (Selection(text="地址不支持"), EACH),
        (Selection(text="HAIER.BALANCE"), EACH),
        (Selection(text="100%"), 0),
        (Selection(text="_"), 0),
        (Selection(ids=("unanswered-0", "defect-1", "no-such")), 2),
        (Selection(since=datetime(2100, 1, 1, tzinfo=UTC)), 0),
        (Selection(until=datetime(2100, 1, 1, tzinfo=UTC)), 5 * EACH),
        (Selection(status=LetterStatus.DISCARDED), 0),
        (Selection(status=None, lane="relay.orders", type="order.paid"), 2 * EACH),
    ],
)
async def test_a_selection_means_what_it_says(store: Store, selection: Selection, count: int) -> None:
    assert await store.ledger.count(selection) == count
    ids = await store.ledger.ids(selection)
    assert len(ids) == len(set(ids)) == count
    assert [letter.id for letter in await store.ledger.by_ids(ids)] == ids


async def test_groups_are_causes(store: Store) -> None:
    groups = {group.error_class: group for group in await store.ledger.groups(Selection())}
    assert {group.count for group in groups.values()} == {EACH}
    assert len(groups) == len(KINDS)
    refused = groups[ErrorClass.REJECTED]
    assert (refused.subjects, refused.lanes, refused.types) == (EACH, ("relay.orders",), ("order.paid",))
    assert (refused.last_hour, refused.hour_before) == (EACH, 0)
    assert refused.first_at <= refused.last_at
    newest = await store.letter(refused.sample)
    assert newest is not None
    assert newest.fingerprint == refused.fingerprint


async def test_two_discard_the_same_and_one_is_told(store: Store) -> None:
    ids = await store.ledger.ids(Selection(error_class=ErrorClass.BUG))
    answers = await asyncio.gather(*(store.ledger_acts.discard(ids, act("dlq.discard")) for _ in range(2)))
    assert sorted(len(acted.done) for acted in answers) == [0, EACH]
    [left] = [acted.left for acted in answers if not acted.done]
    assert set(left.values()) == {"it is discarded"}
    rows = await store.recent_sync_logs(5)
    assert [(row.sync_type, row.total_count, row.status) for row in rows] == [("manual", EACH, "success")]
    assert [row.action for row in await store.audit_log()] == ["dlq.discard"]
    restored = await store.ledger_acts.restore([*ids, "no-such"], act("dlq.restore"))
    assert (len(restored.done), restored.left) == (EACH, {"no-such": "there is none of that id"})
    assert await store.ledger.count(Selection()) == 5 * EACH


async def test_what_a_replay_has_in_hand_is_nobody_elses(store: Store) -> None:
    await store.replays.keep(a_plan("replay", "unanswered-0"))
    await store.replays.start("replay", Terms(), act("replay.start"))
    acted = await store.ledger_acts.discard(["unanswered-0", "unanswered-1"], act("dlq.discard"))
    assert (acted.done, acted.left) == (("unanswered-1",), {"unanswered-0": "it is replaying"})
    await store.replays.keep(a_plan("another", "unanswered-0"))
    with pytest.raises(ReplayRefused, match="no longer open"):
        await store.replays.start("another", Terms(), act("replay.start"))
    assert (await store.replay_looks.items("another", ItemStatus.WAITING)) != []
    assert await store.purge_letters(timedelta(0)) == 1
    assert await store.letter("unanswered-0") is not None


async def test_a_discard_is_refused_where_its_plan_was_overtaken(store: Store) -> None:
    await store.replays.keep(a_plan("late", "refused-0", "refused-1"))
    await store.ledger_acts.discard(["refused-1"], act("dlq.discard"))
    with pytest.raises(ReplayRefused, match="1 of its 2 letters"):
        await store.replays.start("late", Terms(), act("replay.start"))
    untouched = await store.letter("refused-0")
    assert untouched is not None
    assert untouched.status is LetterStatus.OPEN


async def test_an_event_that_is_sent_anew_and_fails_anew_opens_its_closed_letter_again(store: Store) -> None:
    first = await store.letter("refused-0") or pytest.fail("not filed")
    assert await store.ledger_acts.discard(["refused-0"], act("dlq.discard"))

    async def filed_again(letter: Letter, *more: Letter) -> Letter | None:
        for error in await store.apply([UnitOfWork((one,)) for one in (letter, *more)]):
            assert error is None
        return await store.letter("refused-0")

    assert (await filed_again(first)) == replace(
        first, status=LetterStatus.DISCARDED, closed_at=(await store.letter("refused-0") or first).closed_at
    ), "the same message once more: nothing new"
    anew = replace(first, first_seen_at=first.first_seen_at + timedelta(hours=1), message="refused again")
    assert (await filed_again(replace(anew, status=LetterStatus.CLOSED))).status is LetterStatus.DISCARDED  # type: ignore[union-attr]
    # Two copies at once, as a broker may give them.
    assert await filed_again(anew, anew) == anew
    later = replace(anew, first_seen_at=anew.first_seen_at + timedelta(hours=1))
    assert await filed_again(later) == anew, "one that is open stays as it is"


async def test_closed_letters_go_with_their_notes_and_replays_open_ones_never(store: Store) -> None:
    await store.ledger_acts.note("defect-0", "first", act("dlq.note"))
    await store.ledger_acts.note("defect-0", "second", act("dlq.note"))
    assert [note.note for note in await store.ledger.notes("defect-0")] == ["first", "second"]
    await store.ledger_acts.discard(["defect-0", "defect-1"], act("dlq.discard"))
    await store.replays.keep(a_plan("never-started", "refused-0"))
    assert await store.purge_letters(timedelta(days=1)) == 0
    count, before = await store.ledger_acts.purgeable(timedelta(0))
    await store.ledger_acts.discard(["defect-2"], act("dlq.discard"))
    # What was closed after the count is not meant.
    assert count == await store.ledger_acts.purge(before, act("dlq.purge")) == 2
    assert await store.ledger.notes("defect-0") == []
    assert await store.replay_looks.find("never-started") is not None, "somebody may just be starting it"
    await _made_hours_ago(store, "never-started", 2)
    assert await store.ledger_acts.purge(before, act("dlq.purge")) == 0
    assert await store.replay_looks.find("never-started") is None
    assert await store.replay_looks.items("never-started", ItemStatus.WAITING) == []
    assert await store.ledger.count(Selection(status=None)) == 5 * EACH - 2
    assert [row.action for row in await store.audit_log()][-2:] == ["dlq.purge", "dlq.purge"]


async def test_a_letter_that_is_opened_while_closed_ones_are_deleted_stays(store: Store, migrated_url: str) -> None:
    if not migrated_url.startswith("postgresql"):
        pytest.skip("on SQLite one writes at a time")
    letters = tables.dead_letters
    await store.ledger_acts.discard(["defect-0", "defect-1"], act("dlq.discard"))

    def opened(connection: Connection) -> None:
        connection.execute(letters.update().where(letters.c.id == "defect-0").values(status="open", closed_at=None))
        connection.execute(text("SELECT pg_sleep(0.5)"))

    async with Store.open(migrated_url) as another:
        opening = asyncio.create_task(another._database.write(opened))
        await asyncio.sleep(0.2)
        assert await store.purge_letters(timedelta(0)) == 1
        await opening
    assert await store.letter("defect-0") is not None


async def test_a_letter_that_is_opened_while_closed_ones_are_scrubbed_keeps_its_body(
    store: Store, migrated_url: str
) -> None:
    if not migrated_url.startswith("postgresql"):
        pytest.skip("on SQLite one writes at a time")
    letters = tables.dead_letters
    await store.ledger_acts.discard(["defect-0", "defect-1"], act("dlq.discard"))

    def opened(connection: Connection) -> None:
        connection.execute(letters.update().where(letters.c.id == "defect-0").values(status="open", closed_at=None))
        connection.execute(text("SELECT pg_sleep(0.5)"))

    async with Store.open(migrated_url) as another:
        opening = asyncio.create_task(another._database.write(opened))
        await asyncio.sleep(0.2)
        assert await store.scrub(timedelta(0)) == 1
        await opening
    kept, scrubbed = await store.letter("defect-0"), await store.letter("defect-1")
    assert kept is not None
    assert kept.body
    assert scrubbed is not None
    assert not scrubbed.body


async def test_of_two_replays_with_letters_of_one_event_the_second_is_told(store: Store, migrated_url: str) -> None:
    ids = [f"defect-{number}" for number in range(EACH)]
    letters = {letter.id: letter for letter in await store.open_letters(100) if letter.id in ids}
    again = [replace(letter, id=f"again-{id_}", lane="relay.catalog") for id_, letter in letters.items()]
    assert not any(await store.apply([UnitOfWork((letter,)) for letter in again]))

    def of(plan_id: str, prefix: str) -> Plan:
        items = [
            Item(f"{prefix}{id_}", one.lane, one.type, one.event_source, one.event_id, body=None)
            for id_, one in letters.items()
        ]
        return Plan(plan_id, "{}", datetime.now(UTC), "li@ops", items)

    async with Store.open(migrated_url) as another:
        await store.replays.keep(of("first", ""))
        await store.replays.keep(of("second", "again-"))
        ends = await asyncio.gather(
            store.replays.start("first", Terms(), act("replay.start")),
            another.replays.start("second", Terms(), act("replay.start")),
            return_exceptions=True,
        )
    [started] = [end for end in ends if isinstance(end, Replay)]
    [refused] = [end for end in ends if isinstance(end, ReplayRefused)]
    assert f"other letters of {EACH} of its events in hand" in refused.message
    told = await store.replay_looks.items(started.id, ItemStatus.WAITING)
    assert len(told) == EACH


async def _made_hours_ago(store: Store, plan_id: str, hours: int) -> None:
    replays = ledger_tables.replays
    earlier = (
        replays.update().where(replays.c.id == plan_id).values(planned_at=datetime.now(UTC) - timedelta(hours=hours))
    )
    await store._database.write(lambda connection: connection.execute(earlier))


async def test_customers_go_from_plans_that_nobody_can_start_any_more(store: Store) -> None:
    await store.replays.keep(a_plan(EDITED, "refused-0"))
    assert await store.scrub(timedelta(0)) == 0
    await _made_hours_ago(store, EDITED, 2)
    assert await store.scrub(timedelta(0)) == 1
    [(item, _)] = await store.replay_looks.items(EDITED, ItemStatus.WAITING)
    assert item.body == b""


async def test_two_acts_on_the_same_letters_come_one_after_the_other(store: Store, migrated_url: str) -> None:
    lots = random.Random(7)  # noqa: S311 - no secret
    await filed(store, "unanswered", 1_200)
    ids = [f"unanswered-{number}" for number in range(1_200)]
    async with Store.open(migrated_url) as another:
        for turn in range(6):
            plan = a_plan(f"plan-{turn}", *lots.sample(ids, 900))
            await store.replays.keep(plan)
            started, discarded = await asyncio.gather(
                store.replays.start(plan.id, Terms(), act("replay.start")),
                another.ledger_acts.discard(ids, act("dlq.discard")),
                return_exceptions=True,
            )
            assert isinstance(started, ReplayRefused | Replay), started
            assert isinstance(discarded, Acted), discarded
            assert (len(discarded.done) == 300) == isinstance(started, Replay)
            if isinstance(started, Replay):
                assert not (await store.replays.cancel(plan.id, act("replay.cancel"))).counts.waiting
            await another.ledger_acts.restore(ids, act("dlq.restore"))


async def test_customers_go_from_closed_letters_and_from_edited_ones(store: Store) -> None:
    await store.replays.keep(a_plan(EDITED, "refused-0"))
    await store.replays.start(EDITED, Terms(), act("replay.start"))
    await store.ledger_acts.discard(["refused-1"], act("dlq.discard"))
    assert await store.scrub(timedelta(0)) == 1
    for letter_id, kept in (("refused-0", True), ("refused-1", False), ("refused-2", True)):
        letter = await store.letter(letter_id)
        assert letter is not None
        assert bool(letter.body) is kept
    await store.replays.cancel(EDITED, act("replay.cancel", "第一\x07行\n" * 900))
    step = await store.replay_steps.step(EDITED, "me", timedelta(seconds=5), 0)
    assert step is not None
    assert step.replay.ended_at is not None
    assert await store.scrub(timedelta(0)) == 1
    [(item, _)] = await store.replay_looks.items(EDITED, ItemStatus.SKIPPED)
    assert item.body == b""


async def test_what_is_no_text_is_told_to_the_person(store: Store) -> None:
    broken = b"\xd6\xd0".decode("utf-8", "surrogateescape")
    for selection in (Selection(text=broken), Selection(ids=(broken,))):
        with pytest.raises(Exception, match=r"surrogates|UTF-8|utf-8") as raised:
            await store.ledger.letters(selection, limit=1)
        assert explained(raised.value)[1] is ExitCode.USAGE
