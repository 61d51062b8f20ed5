"""Looks at the running system from outside, a few times a second: broker, service metrics, suppliers."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

from rabbitmq.connection import connect
from rabbitmq.topology import LANES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aio_pika.abc import AbstractChannel

    from ops.demo.faults import Fault
    from ops.demo.hearing import Ear
    from ops.demo.sending import Sender
    from ops.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane: messages in the queue, in the service's hands, carried to an end."""

    name: str
    waiting: int
    in_hand: int
    done: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is seen at one moment.

    Attributes:
        sent: events that the broker confirmed.
        events: events to send in all.
        lanes: those that have had anything to do.
        held_back: messages in the retry queues.
        due: what YLH has yet to decide or to say.
        results: different results received, by type.
        calls: calls that came at the suppliers, by name.
        faults: faults injected, by name.
    """

    sent: int
    events: int
    lanes: tuple[LaneView, ...]
    held_back: int
    due: int
    results: Mapping[str, int]
    calls: Mapping[str, int]
    faults: Mapping[str, int]

    @property
    def is_idle(self) -> bool:
        """Nothing waits, nothing is in hand, nothing is to come."""
        return not self.held_back and not self.due and not any(lane.waiting or lane.in_hand for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the service's metrics say of the lanes, by lane."""

    in_hand: Mapping[str, int]
    done: Mapping[str, int]


class Observer:
    """Takes snapshots."""

    def __init__(
        self,
        stage: Stage,
        channel: AbstractChannel,
        http: httpx.AsyncClient,
        faults: Sequence[Fault],
    ) -> None:
        self._stage = stage
        self._channel = channel
        self._http = http
        self._retries = [retry.name for retry in stage.topology.retries]
        self._faults = faults

    async def look(self, sender: Sender, ear: Ear, events: int) -> Snapshot:
        """Take one snapshot."""
        box = self._stage.sandbox
        # First: what is said while the others are looked at is in a queue then, or counted as due here.
        callbacks = await box.callbacks()
        depths, work, ledger, rules = await asyncio.gather(self._depths(), self._work(), box.ledger(), box.faults())
        fired: Counter[str] = Counter()
        for fault, rule in zip(self._faults, sorted(rules, key=lambda rule: int(rule["id"])), strict=True):
            fired[fault.name.value] += rule["fired"]
        lanes = (
            LaneView(name, depths[name], work.in_hand.get(name, 0), work.done.get(name, 0))
            for name in (lane.name for lane in LANES)
        )
        return Snapshot(
            sent=sender.confirmed,
            events=events,
            lanes=tuple(lane for lane in lanes if lane.waiting or lane.in_hand or lane.done),
            held_back=sum(depths[name] for name in self._retries),
            due=callbacks["pending"],
            results=Counter(result.type for result in ear.received.results.values()),
            calls=dict(ledger["calls"]),
            faults=fired,
        )

    async def _depths(self) -> dict[str, int]:
        names = [*(lane.name for lane in LANES), *self._retries]
        found = {}
        for name in names:
            queue = await self._channel.declare_queue(name, passive=True)
            found[name] = queue.declaration_result.message_count or 0
        return found

    async def _work(self) -> _Work:
        answer = await self._http.get(f"{self._stage.service_url}/metrics")
        text = answer.raise_for_status().text
        in_hand: Counter[str] = Counter()
        done: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "relay_in_flight":
                    in_hand[sample.labels["lane"]] += int(sample.value)
                if sample.name == "relay_messages_total":
                    done[sample.labels["lane"]] += int(sample.value)
        return _Work(in_hand, done)


@asynccontextmanager
async def observing(stage: Stage, faults: Sequence[Fault]) -> AsyncIterator[Observer]:
    """An observer with connections of its own."""
    connection = await connect(stage.amqp_url, name="relay demo: observer")
    async with connection, connection.channel() as channel, httpx.AsyncClient() as http:
        yield Observer(stage, channel, http, faults)
