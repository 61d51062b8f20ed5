"""Whatever order deliveries are settled in, the broker hears of each settled one once and of no other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.runtime.acks import Ack, AckLedger


class Broker(RuleBasedStateMachine):
    """One channel: the ledger on our side, the broker's list of unacknowledged deliveries on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = AckLedger()
        self.last = 0
        self.open: list[int] = []
        self.settled: set[int] = set()
        self.unacked: set[int] = set()
        self.left: set[int] = set()

    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        for _ in range(count):
            self.last += 1
            self.ledger.opened(self.last)
            self.open.append(self.last)
            self.unacked.add(self.last)

    @precondition(lambda self: self.open)
    @rule(choice=st.integers(0, 1000))
    def settle(self, choice: int) -> None:
        tag = self.open.pop(choice % len(self.open))
        self.ledger.settled(tag)
        self.settled.add(tag)

    @precondition(lambda self: self.open)
    @rule(choice=st.integers(0, 1000))
    def return_to_its_queue(self, choice: int) -> None:
        tag = self.open.pop(choice % len(self.open))
        self.ledger.forgotten(tag)
        self.unacked.discard(tag)

    @precondition(lambda self: self.open)
    @rule(choice=st.integers(0, 1000))
    def leave(self, choice: int) -> None:
        self.left.add(self.open.pop(choice % len(self.open)))

    @rule()
    def tell(self) -> None:
        frames = self.ledger.take()
        covered: set[int] = set()
        for frame in frames:
            assert frame.tag in self.settled
            told = {tag for tag in self.unacked if tag == frame.tag or (frame.multiple and tag < frame.tag)}
            assert frame.tag in told, "acked twice: the broker would close the channel"
            assert told <= self.settled, "an open delivery was acked"
            self.unacked -= told
            covered |= told
        assert covered == self.settled, "each settled delivery is told, once"
        still_open = [*self.open, *self.left]
        above = [tag for tag in self.settled if still_open and tag > min(still_open)]
        assert len(frames) == len(above) + (len(above) < len(self.settled))
        self.settled.clear()
        assert self.ledger.take() == ()

    @invariant()
    def open_deliveries_are_counted(self) -> None:
        assert self.ledger.open == len(self.open) + len(self.left)


TestBroker = Broker.TestCase
TestBroker.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.integers(1, 300))
def test_what_is_settled_in_order_takes_one_frame(count: int) -> None:
    ledger = AckLedger()
    for tag in range(1, count + 1):
        ledger.opened(tag)
        ledger.settled(tag)
    assert ledger.take() == [Ack(count, multiple=count > 1)]


def test_one_slow_delivery_holds_up_nobody() -> None:
    ledger = AckLedger()
    for tag in range(1, 6):
        ledger.opened(tag)
    for tag in (5, 3, 1):
        ledger.settled(tag)
    assert ledger.take() == [Ack(1, multiple=False), Ack(3, multiple=False), Ack(5, multiple=False)]
    for tag in (4, 2):
        ledger.settled(tag)
    assert ledger.take() == [Ack(4, multiple=True)]
