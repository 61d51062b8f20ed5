"""Replaying dead letters: what a plan holds, how many may go now, when it stops by itself. Values and pure functions.

A plan freezes letters in an order. Started, it is a replay: a few go first and everybody waits for what becomes of
them, then more, then all the rest (DESIGN section 8). Each letter has an outcome of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from consumer.domain import delivery as headers
from consumer.domain.errors import RelayError
from consumer.domain.results import SOURCE
from consumer.domain.writes import InboxKey, OutboxMessage
from rabbitmq.topology import RETURN
from schemas.identity import Names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from consumer.domain.writes import Letter

PLAN_HOLDS: Final = timedelta(hours=1)
"""After that time a plan is stale: what it says of each letter may no longer be so."""
LOOKED_AT: Final = 100
"""The rate of errors is that of the newest so many outcomes."""

_MOST: Final = 10_000_000

_MESSAGES: Final = Names(uuid5(NAMESPACE_URL, "haier-relay/replayed"))


class ReplayStatus(StrEnum):
    """Status of a replay."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    """By its guard: too many came back."""
    CANCELLED = "cancelled"


class ItemStatus(StrEnum):
    """What has become of one letter of a replay."""

    WAITING = "waiting"
    SENT = "sent"
    """It is on its way; nobody has heard yet how it ends."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """One letter of a plan.

    Attributes:
        letter_id: which.
        lane: the lane that it goes to.
        type: of its event.
        source: CloudEvents ``source`` of its event.
        event_id: CloudEvents ``id`` of its event.
        status: waiting, or skipped.
        reason: why it is skipped.
        body: what goes in place of the letter's own, where a person has edited it.
        calls: what it asks of suppliers, e.g. ``{"ylh.create": 1}``; not kept.
    """

    letter_id: str
    lane: str
    type: str | None
    source: str | None
    event_id: str | None
    status: ItemStatus = ItemStatus.WAITING
    reason: str | None = None
    body: bytes | None = None
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay would do.

    Attributes:
        id: of the plan, and of the replay that it becomes.
        selection: JSON text of what was asked for.
        planned_at: when.
        planned_by: who.
        items: letters, in the order in which they go.
    """

    id: str
    selection: str
    planned_at: datetime
    planned_by: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a replay goes.

    Attributes:
        rate: letters a second.
        most: how many go at most; None: all of the plan.
        canary: after so many in all it waits for the outcome of each before it goes on; ascending.
        stop_at_error_rate: it stops when more than this part of its newest outcomes are failures; 1: never.
    """

    rate: float = 10.0
    most: int | None = None
    canary: tuple[int, ...] = (1, 10)
    stop_at_error_rate: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what makes no sense; the message is for the person who wrote it."""
        if not 0 < self.rate <= 10_000:  # noqa: PLR2004 - a bound
            raise ValueError("the rate is letters a second: more than 0, at most 10000")
        if self.most is not None and not 1 <= self.most <= _MOST:
            raise ValueError(f"at most so many letters: 1 to {_MOST}")
        if any(step < 1 for step in self.canary) or list(self.canary) != sorted(set(self.canary)):
            raise ValueError("canary steps are ascending numbers of letters, e.g. 1,10")
        if not 0 <= self.stop_at_error_rate <= 1:
            raise ValueError("the error rate to stop at is a part of 1, e.g. 0.2")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many letters of a replay are where."""

    waiting: int = 0
    sent: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def ended(self) -> int:
        """Those that were sent and have their outcome."""
        return self.succeeded + self.failed

    @property
    def begun(self) -> int:
        """Those that were sent."""
        return self.sent + self.ended

    @property
    def total(self) -> int:
        """All of the plan."""
        return self.waiting + self.begun + self.skipped


@dataclass(frozen=True, slots=True)
class Replay:
    """A plan or replay as it stands in the books.

    Attributes:
        id: also of its row in ``haier_sync_log``.
        status: how it stands.
        selection: what was asked for, as JSON text.
        planned_at: when it was planned.
        planned_by: by whom.
        started_at: when it was started; None: it is a plan.
        started_by: by whom.
        reason: why, in the person's words.
        terms: how it goes.
        ended_at: when the last letter that was sent had its outcome.
        message: why it ended before its letters had all gone; else empty.
        counts: how many letters are where.
        leader: the process that carries it out now; None: nobody, or not any more.
    """

    id: str
    status: ReplayStatus
    selection: str
    planned_at: datetime
    planned_by: str
    started_at: datetime | None
    started_by: str | None
    reason: str | None
    terms: Terms
    ended_at: datetime | None
    message: str
    counts: Counts
    leader: str | None

    @property
    def told(self) -> str:
        """How it stands, for a person."""
        counts = self.counts
        sums = f"{counts.succeeded} of {counts.total} succeeded, {counts.failed} failed again, {counts.skipped} skipped"
        left = f", {counts.waiting} wait, {counts.sent} under way" if counts.waiting + counts.sent else ""
        return f"{self.status.value}{f' ({self.message})' if self.message else ''}: {sums}{left}"


class ReplayRefused(RelayError):
    """An act on a plan or replay that cannot be: it is stale, taken, over, or not there."""


PAUSES: Final = frozenset({ReplayStatus.RUNNING})
RESUMES: Final = frozenset({ReplayStatus.PAUSED})
CANCELS: Final = PAUSES | RESUMES
ABANDONS: Final = CANCELS | {ReplayStatus.CANCELLED, ReplayStatus.STOPPED}
STARTS: Final = frozenset({ReplayStatus.PLANNED})
"""Which act of a person takes a replay of which status."""


def acceptable(replay: Replay | None, replay_id: str, allowed: Collection[ReplayStatus]) -> Replay:
    """Return the replay that an act is meant for.

    Args:
        replay: as it stands; None: there is none.
        replay_id: what was asked for.
        allowed: the statuses that the act takes.

    Raises:
        ReplayRefused: there is none, its status is another, or it has ended.
    """
    if replay is None:
        raise refusal(f"there is no plan or replay {replay_id}", "`relay replay list` shows the newest.")
    if replay.status not in allowed or replay.ended_at is not None:
        wanted = " or ".join(sorted(status.value for status in allowed))
        over = " and over" if replay.ended_at is not None else ""
        who = f", started by {replay.started_by}" if replay.started_by else ""
        raise refusal(
            f"replay {replay_id} is {replay.status.value}{over}{who}; this takes one under way that is {wanted}",
            f"`relay replay status {replay_id}` tells more.",
        )
    return replay


def refusal(what: str, cure: str) -> ReplayRefused:
    """Return the refusal of an act, for a person."""
    return ReplayRefused(f"{what}. {cure}", code="replay_refused")


def may_go(counts: Counts, canary: Sequence[int]) -> int:
    """Return how many more letters may go before the outcome of those under way has to be known."""
    everything = counts.begun + counts.waiting
    outcomes_needed = 0
    for step in (*canary, everything):
        if counts.begun < step:
            reached = min(step, everything)
            return reached - counts.begun if counts.ended >= outcomes_needed else 0
        outcomes_needed = step
    return 0


def too_many_failed(newest: Sequence[bool], stop_at: float, *, of: int) -> bool:
    """Tell whether a replay has to stop.

    Args:
        newest: for each of the newest `LOOKED_AT` outcomes whether it failed.
        stop_at: `Terms.stop_at_error_rate`.
        of: so many letters are judged together at least (`judged_together`), heard of or not: that the one failure of
            ten is heard of first makes it no more than one of ten.
    """
    return bool(newest) and sum(newest) / max(len(newest), of) > stop_at


def judged_together(counts: Counts, canary: Sequence[int]) -> int:
    """Return how many letters the newest step of the canary that has gone out whole sent in all."""
    everything = counts.begun + counts.waiting
    return max((step for step in (min(one, everything) for one in canary) if step <= counts.begun), default=1)


def message_id(replay_id: str, position: int) -> str:
    """Return the id of the message that a letter goes out as: the same however often it is asked for."""
    return _MESSAGES.id_of(f"{replay_id}\n{position}")


def sent_again(replay_id: str, position: int, letter: Letter, item: Item, now: datetime) -> OutboxMessage:
    """Return the message that a letter goes out as: straight to its lane, from attempt 1, with its history."""
    history = letter.attempts if item.body is None else "[]"
    return OutboxMessage(
        id=message_id(replay_id, position),
        # Not the key of its event: what that has caused is sent again for each duplicate of it.
        key=InboxKey(SOURCE, replay_id, str(position)),
        exchange=RETURN,
        routing_key=item.lane,
        body=letter.body if item.body is None else item.body,
        mandatory=True,
        created_at=now,
        headers={
            headers.REPLAY: replay_id,
            headers.ROUTING_KEY: item.type or "",
            headers.HISTORY: history,
            headers.FIRST_SEEN: letter.first_seen_at.isoformat(),
        },
    )


def steps_text(canary: Sequence[int]) -> str:
    """Return canary steps as the books keep them."""
    return json.dumps(list(canary))
