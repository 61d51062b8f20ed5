"""Single stories of days: held, sent, cleared up, refused; told are the days that stand at YLH, each event once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.domain.errors import AlreadyDone, Rejected, Snoozed, UnknownOutcome
from consumer.domain.order import CallKind, OrderState
from consumer.domain.order_parts import Days
from consumer.domain.outcome import Ending
from tests.unit.handlers.single import World
from tests.unit.handlers.world import SO, Job, Process, Said, cancel_event, paid_event, rescheduled_event


async def test_the_new_days_are_sent_and_hold() -> None:
    world = World()
    days = rescheduled_event(2, distribution_on=None, install_on="2026-12-09")
    await world.carry(paid_event(), days)
    assert world.ylh.calls[-1] == ("reschedule", b"reschedule JSH-SO1 None 2026-12-09")
    assert world.order.days == world.ylh.days[SO] == Days(None, "2026-12-09")
    assert (world.order.applied_version, world.order.state) == (2, OrderState.PUSHED)
    (told,) = world.books.told_for(Job(days).key)
    assert (told.type, told.data.version, str(told.data.install_on)) == ("order.reschedule.succeeded", 2, "2026-12-09")
    assert told.data.distribution_on is None


async def test_what_came_before_its_create_goes_along_in_it_and_is_told_with_it() -> None:
    world = World()
    early = [rescheduled_event(3, install_on="2026-12-06"), rescheduled_event(4, distribution_on="2026-12-07")]
    await world.carry(*early)
    assert [world.told(one) for one in early] == [[], []]
    assert world.books.inbox[Job(early[0]).key].outcome == Ending.HELD.value
    paid = paid_event()
    await world.carry(paid)
    assert [call for call, _ in world.ylh.calls] == ["create"]
    assert world.order.days == world.ylh.days[SO] == Days("2026-12-07", "2026-12-06")
    assert world.order.applied_version == 4
    told = [(one.type, one.data.sequence) for one in world.books.told if one.type.startswith("order.")]
    assert told == [
        ("order.push.succeeded", 1),
        ("order.reschedule.succeeded", 2),
        ("order.reschedule.succeeded", 3),
    ]
    assert (world.told(early[0]), world.order.held) == (["order.reschedule.succeeded"], ())


async def test_a_held_one_that_is_older_than_its_create_is_superseded() -> None:
    world = World()
    early = rescheduled_event(3)
    await world.carry(early, paid_event(5))
    assert world.told(early) == ["order.superseded"]
    assert world.ylh.days[SO] == Days()


async def test_a_held_one_that_a_newer_one_overrides_is_told_so_at_once() -> None:
    world = World()
    older, newer = rescheduled_event(2), rescheduled_event(3, distribution_on="2026-12-08")
    await world.carry(newer, older)
    assert (world.told(older), world.told(newer)) == (["order.superseded"], [])
    await world.carry(paid_event())
    assert world.ylh.days[SO] == Days("2026-12-08")


async def test_a_cancel_ends_what_was_held() -> None:
    world = World()
    early = rescheduled_event(2)
    await world.carry(early, cancel_event())
    assert world.told(early) == ["order.superseded"]
    assert world.order.held == ()


async def test_held_ones_stay_while_the_create_is_refused_and_go_with_the_next() -> None:
    world = World(Said.REFUSE)
    early = rescheduled_event(2)
    await world.carry(early, paid_event())
    assert world.told(early) == []
    await world.carry(paid_event(1, None, "again"))
    assert world.told(early) == ["order.reschedule.succeeded"]


async def test_a_create_whose_answer_was_lost_is_told_with_what_went_along() -> None:
    world = World(Said.UNKNOWN_APPLIED)
    early, late = rescheduled_event(2), rescheduled_event(3, distribution_on="2026-12-08")
    await world.carry(early)
    with pytest.raises(UnknownOutcome):
        await world.carry(paid_event())
    with pytest.raises(Snoozed):
        await world.carry(late)
    assert [call for call, _ in world.ylh.calls] == ["create", "create"]
    world.numbered("JSH-SO1")
    await world.carry(late)
    assert (world.told(early), world.told(late)) == (["order.reschedule.succeeded"], ["order.reschedule.succeeded"])
    await world.carry(paid_event())
    (told,) = world.books.told_for(Job(paid_event()).key)
    assert (told.type, told.data.version) == ("order.push.succeeded", 1)
    assert world.order.days == world.ylh.days[SO] == Days("2026-12-08")


async def test_days_wait_outside_while_a_refused_create_may_be_there() -> None:
    world = World(Said.UNKNOWN_APPLIED, Said.REFUSE)
    world.ylh.refuses_first = True
    with pytest.raises(UnknownOutcome):
        await world.carry(paid_event())
    with pytest.raises(Snoozed) as caught:
        await world.carry(rescheduled_event(2))
    assert caught.value.code == "create_undecided"
    assert (world.order.state, world.order.held) == (OrderState.NEW, ())


async def test_a_refusal_leaves_the_old_days() -> None:
    world = World(Said.ACCEPT, Said.REFUSE)
    days = rescheduled_event(2)
    await world.carry(paid_event(), days)
    (told,) = world.books.told_for(Job(days).key)
    assert (told.type, told.data.error.code) == ("order.reschedule.failed", "refused")
    assert (world.order.days, world.order.applied_version) == (Days(), 1)
    assert world.order.error is not None
    await world.carry(rescheduled_event(2, event_id="the same version again"))
    assert world.order.days == Days("2026-12-05")
    assert world.books.rows[SO].order.error is None


async def test_a_refusal_after_a_lost_answer_says_that_the_days_are_in_doubt() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_APPLIED, Said.REFUSE)
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(rescheduled_event(2))
    outcome = await Process(world.books, world.ylh).outcome(rescheduled_event(2))
    assert isinstance(outcome.refusal, Rejected)
    assert (outcome.refusal.code, "ask YLH" in outcome.refusal.message) == ("refused_on_resend", True)


async def test_a_lost_answer_is_found_out_with_the_same_bytes() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_LOST)
    days = rescheduled_event(2)
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(days)
    assert world.order.unanswered(CallKind.RESCHEDULE) is not None
    await world.carry(days)
    assert world.ylh.calls[1] == world.ylh.calls[2]
    assert world.told(days) == ["order.reschedule.succeeded"]


async def test_another_events_unanswered_days_hold_too_and_are_told_once_and_before_the_newer() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_LOST)
    older = rescheduled_event(2, distribution_on="2026-12-05", install_on="2026-12-06")
    newer = rescheduled_event(3, distribution_on="2026-12-08")
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(older)
    await world.carry(newer, older)
    assert world.order.days == world.ylh.days[SO] == Days("2026-12-08", "2026-12-06")
    assert (world.told(older), world.told(newer)) == (["order.reschedule.succeeded"], ["order.reschedule.succeeded"])
    sequences = {one.key.event_id: one.data.sequence for one in world.books.told if "reschedule" in one.type}
    assert sequences["days-2"] < sequences["days-3"]
    assert [call for call, _ in world.ylh.calls] == ["create", "reschedule", "reschedule", "reschedule"]


async def test_an_older_one_after_a_newer_one_is_superseded() -> None:
    world = World()
    await world.carry(paid_event(), rescheduled_event(4), rescheduled_event(3, distribution_on="2026-12-08"))
    assert world.told(rescheduled_event(3, distribution_on="2026-12-08")) == ["order.superseded"]
    assert world.ylh.days[SO] == Days("2026-12-05")


async def test_without_a_number_it_waits_for_the_callback_that_brings_one() -> None:
    world = World()
    await world.carry(paid_event())
    world.numbered(None)
    with pytest.raises(Snoozed) as caught:
        await world.carry(rescheduled_event(2))
    assert caught.value.code == "no_order_number"
    world.numbered("JSH-SO1")
    await world.carry(rescheduled_event(2))
    assert world.told(rescheduled_event(2)) == ["order.reschedule.succeeded"]


@pytest.mark.parametrize(
    ("state", "told", "code"),
    [
        (OrderState.CANCELLING, "order.superseded", None),
        (OrderState.CANCELLED, "order.superseded", None),
        (OrderState.REFUSED, "order.reschedule.failed", "order_refused"),
        (OrderState.SETTLED, "order.reschedule.failed", "already_settled"),
    ],
)
async def test_days_of_an_order_that_will_not_be_delivered(state: OrderState, told: str, code: str | None) -> None:
    world = World()
    await world.carry(paid_event())
    row = world.books.rows[SO]
    world.books.rows[SO] = replace(row, order=replace(row.order, state=state))
    days = rescheduled_event(2)
    await world.carry(days)
    (result,) = world.books.told_for(Job(days).key)
    assert result.type == told
    assert code is None or result.data.error.code == code
    assert [call for call, _ in world.ylh.calls] == ["create"]


async def test_a_cancel_finds_out_first_whether_the_days_before_it_hold() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_APPLIED)
    days = rescheduled_event(2)
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(days)
    await world.carry(cancel_event())
    assert [call for call, _ in world.ylh.calls] == ["create", "reschedule", "reschedule", "cancel"]
    # Where YLH refuses the cancel later, the order stands on these.
    assert world.order.days == world.ylh.days[SO] == Days("2026-12-05")
    told = world.told(days)
    await world.carry(days)
    assert world.told(days) == told == ["order.reschedule.succeeded"]
    assert world.order.sequence == len(world.books.told_for(Job(paid_event()).key)) + len(told) + 1


async def test_days_wait_while_ylh_will_not_say_whether_those_before_them_hold() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_APPLIED, Said.REFUSE, Said.REFUSE)
    older, newer = rescheduled_event(2), rescheduled_event(3, distribution_on=None, install_on="2026-12-06")
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(older)
    with pytest.raises(Snoozed) as caught:
        await world.carry(newer)
    assert caught.value.code == "earlier_days_in_doubt"
    await world.carry(older, newer)
    (told,) = world.books.told_for(Job(older).key)
    assert (told.type, told.data.error.code) == ("order.reschedule.failed", "refused_on_resend")
    assert world.told(newer) == ["order.reschedule.succeeded"]


async def test_a_cancel_does_not_wait_for_that() -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_APPLIED, Said.REFUSE)
    days = rescheduled_event(2)
    await world.carry(paid_event())
    with pytest.raises(UnknownOutcome):
        await world.carry(days)
    await world.carry(cancel_event(), days)
    assert (world.told(cancel_event()), world.told(days)) == (["order.cancel.accepted"], ["order.superseded"])


async def test_a_copy_of_a_refused_event_is_not_sent_once_the_refusal_is_told() -> None:
    """Two processes have a copy each: one asks the inbox, the other ends, and only then the first reads the order."""
    world = World(Said.REFUSE)
    late = Process(world.books, world.ylh)
    late.begin(Job(paid_event()))
    late.step()
    await world.carry(paid_event())
    with pytest.raises(AlreadyDone):
        late.finish()
    assert [call for call, _ in world.ylh.calls] == ["create"]
    assert SO not in world.ylh.created
