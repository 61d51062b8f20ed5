"""How plans and replays are found, followed and shown, and what the shell is told of their end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from consumer.domain.replay import ItemStatus, ReplayStatus
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, Printer, say
from ops.cli.progress import counting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from consumer.domain.replay import Plan, Replay
    from consumer.persistence.store import Store
    from consumer.settings import Settings

_LOOK_EVERY: Final = 0.5
_NAMED: Final = 20
"""Letters that failed again, named one by one."""
_REPLAY: Final = [
    Column("id", "Id"),
    Column("status", "Status"),
    Column("message", "Why"),
    Column("total", "Letters", right=True),
    Column("succeeded", "Succeeded", right=True),
    Column("failed", "Failed again", right=True),
    Column("skipped", "Skipped", right=True),
    Column("sent", "Under way", right=True),
    Column("under_way_since", "Oldest of them since"),
    Column("waiting", "Wait", right=True),
    Column("new_in_group", "New of the same groups", right=True),
    Column("rate", "A second"),
    Column("canary", "Canary"),
    Column("max", "At most"),
    Column("stop_on_error_rate", "Stops above"),
    Column("reason", "Reason"),
    Column("planned_by", "Planned by"),
    Column("planned_at", "Planned at"),
    Column("started_by", "Started by"),
    Column("started_at", "Started at"),
    Column("ended_at", "Ended at"),
    Column("leader", "Carried out by"),
]
_LISTED: Final = [
    Column("id", "Id"),
    Column("status", "Status"),
    Column("total", "Letters", right=True),
    Column("succeeded", "Succeeded", right=True),
    Column("failed", "Failed again", right=True),
    Column("skipped", "Skipped", right=True),
    Column("planned_at", "Planned at"),
    Column("started_by", "Started by"),
    Column("ended_at", "Ended at"),
    Column("reason", "Reason"),
]
_PLAN: Final = [
    Column("id", "Plan"),
    Column("count", "Would go", right=True),
    Column("skipped_count", "Would be skipped", right=True),
    Column("calls_in_words", "Calls"),
    Column("eta_seconds", "Seconds", right=True),
]


def show_plan(printer: Printer, plan: Plan, rate: float, missing: Sequence[str]) -> None:
    """Show what a plan would do.

    Args:
        printer: to show it by.
        plan: the plan.
        rate: letters a second.
        missing: ids that were asked for and are no open letters.
    """
    going = [item for item in plan.items if item.status is ItemStatus.WAITING]
    skipped = [item for item in plan.items if item.status is ItemStatus.SKIPPED]
    calls: Counter[str] = Counter()
    for item in going:
        calls.update(item.calls)
    told = {
        "id": plan.id,
        "count": len(going),
        "skipped": [
            *({"id": item.letter_id, "reason": item.reason} for item in skipped),
            *({"id": id_, "reason": "not an open letter"} for id_ in missing),
        ],
        "calls": dict(sorted(calls.items())),
        "eta_seconds": round(len(going) / rate, 1),
    }
    if not printer.for_people:
        printer.record(told, _PLAN)
        return
    words = ", ".join(f"{count} {call}" for call, count in sorted(calls.items()))
    count_skipped = len(skipped) + len(missing)
    printer.record({**told, "skipped_count": count_skipped, "calls_in_words": words}, _PLAN)
    reasons = Counter(item.reason for item in skipped)
    if missing:
        reasons["not an open letter"] += len(missing)
    if reasons:
        rows = [{"count": count, "reason": reason} for reason, count in reasons.most_common(_NAMED)]
        printer.rows(rows, [Column("count", "Skipped", right=True), Column("reason", "Why")], empty="")
    if going:
        say(f"Start it with `relay replay start {plan.id} --reason …`.")


async def show_replay(printer: Printer, store: Store, replay: Replay) -> None:
    """Show how a replay stands, with the letters that failed again."""
    failed = [
        {"letter": item.letter_id, "new_letter": new, "reason": item.reason}
        for item, new in await store.replay_looks.items(replay.id, ItemStatus.FAILED, _NAMED)
    ]
    reasons = await store.replay_looks.skipped(replay.id)
    told = _told(replay) | {
        "new_in_group": await store.replay_looks.new_in_groups(replay),
        "under_way_since": await store.replay_looks.waiting_since(replay.id),
    }
    if not printer.for_people:
        printer.record({**told, "failed_letters": failed, "skipped_reasons": reasons}, _REPLAY)
        return
    printer.record(told, _REPLAY)
    if failed:
        columns = [Column("letter", "Failed again"), Column("new_letter", "Came back as"), Column("reason", "Why")]
        printer.rows(failed, columns, empty="")
    if reasons:
        rows = [{"count": count, "reason": reason} for reason, count in reasons.items()]
        printer.rows(rows, [Column("count", "Skipped", right=True), Column("reason", "Why")], empty="")


def show_list(printer: Printer, replays: Sequence[Replay]) -> None:
    """Show plans and replays, a line for each."""
    printer.rows([_told(replay) for replay in replays], _LISTED, empty="Nobody has planned a replay yet.")


async def replay_beginning(store: Store, start: str) -> Replay:
    """Return the one plan or replay whose id begins so."""
    if not start.strip():
        raise Failure("Say which: the id of a plan or replay, or its beginning.", ExitCode.USAGE)
    ids = await store.replay_looks.beginning_with(start)
    found = await store.replay_looks.find(ids[0]) if len(ids) == 1 else None
    if found is not None:
        return found
    if ids:
        raise Failure(f"More than one id begins with {start}: {', '.join(ids)}.", ExitCode.USAGE)
    raise Failure(f"There is no plan or replay {start}. `relay replay list` shows the newest.")


async def to_its_end(store: Store, settings: Settings, replay_id: str, patience: timedelta, output: Output) -> ExitCode:
    """Follow a replay to its end and show it; return what the shell is told. Raises Failure when patience is over."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            ended = await _followed(store, replay_id)
    except TimeoutError:
        raise Failure(
            f"The replay has not ended within {patience}. It goes on: `relay replay status {replay_id}` tells."
        ) from None
    await show_replay(Printer(output, settings.service.timezone), store, ended)
    return code_of(ended)


async def _followed(store: Store, replay_id: str) -> Replay:
    """Wait until nothing of a replay is under way any more; show its progress meanwhile."""
    with counting("replay") as bar:
        while True:
            replay = await store.replay_looks.find(replay_id)
            if replay is None:
                raise LookupError(f"replay {replay_id} is gone from the books")
            bar(replay.status.value, replay.counts.ended, replay.counts.total - replay.counts.skipped)
            if replay.ended_at is not None:
                return replay
            await asyncio.sleep(_LOOK_EVERY)


def code_of(replay: Replay) -> ExitCode:
    """Return what the shell is told of how a replay stands."""
    if replay.status is ReplayStatus.STOPPED:
        return ExitCode.STOPPED_BY_GUARD
    return ExitCode.PARTLY if replay.ended_at is not None and replay.counts.failed else ExitCode.OK


def _told(replay: Replay) -> dict[str, object]:
    counts, terms, started = replay.counts, replay.terms, replay.started_at is not None
    return {
        "id": replay.id,
        "status": replay.status.value,
        "message": replay.message,
        "total": counts.total,
        "waiting": counts.waiting,
        "sent": counts.sent,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "selection": replay.selection,
        "reason": replay.reason,
        "rate": terms.rate if started else None,
        "max": terms.most,
        "canary": list(terms.canary) if started else None,
        "stop_on_error_rate": terms.stop_at_error_rate if started else None,
        "planned_by": replay.planned_by,
        "planned_at": replay.planned_at,
        "started_by": replay.started_by,
        "started_at": replay.started_at,
        "ended_at": replay.ended_at,
        "leader": replay.leader,
    }
