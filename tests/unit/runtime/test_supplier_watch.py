"""Login probes and balances, under a clock of our own: who asks, how often, and what is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer.domain.errors import Misconfigured, SupplierError, Transient, Unauthorised
from consumer.domain.goods import PayerBalance
from consumer.domain.interventions import SupplierPause
from consumer.domain.recoverability import Lapse
from consumer.domain.supplier_report import RestKind, StoredReport, SupplierReport
from consumer.observability.metrics import Metrics
from consumer.runtime.call_window import CallWindow
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.reporting import Peers, Reporting
from consumer.runtime.supplier_watch import BalanceWatch, LoginProbes
from schemas.registry import INBOUND

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
DOWN = Transient("ylh.token: connecting failed", code="connect_failed", supplier="ylh", operation="token")
REFUSED = Unauthorised(
    "check YLH_USERNAME", code="login_refused", supplier="ylh", operation="token", expired=False, status=401
)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """One process with its clock, its peers, and a supplier that says what `error` says."""

    def __init__(self, *others: StoredReport, name: str = "a:1") -> None:
        self.clock = Clock()
        self.metrics = Metrics.create(version="1", event_types=INBOUND)
        self.window = CallWindow(str, clock=self.clock)
        self.peers = Peers(name)
        self.peers.heard([report(name), *others])
        self.resting: set[str] = set()
        self.error: Exception | None = None
        self.logins = 0
        self.probes = LoginProbes(
            {"ylh": self.login},
            window=self.window,
            peers=self.peers,
            resting=self.resting.__contains__,
            metrics=self.metrics,
        )

    async def login(self) -> None:
        self.logins += 1
        self.window.supplier_call("ylh", "token", "auth" if self.error else "ok", seconds=0.1, status=None)
        if self.error is not None:
            raise self.error

    async def minutes(self, count: float) -> None:
        """Let time pass, looking every ten seconds as the chore does."""
        for _ in range(round(count * 6)):
            await self.probes.run()
            self.clock.now += 10

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def report(process: str, **known: Any) -> StoredReport:
    return StoredReport(process, timedelta(seconds=2), SupplierReport(supplier="ylh", window=300, **known))


async def test_an_idle_supplier_is_probed_every_minute() -> None:
    world = World()
    await world.minutes(10)
    assert world.logins == 10
    assert world.value("relay_supplier_up", supplier="ylh") == 1


async def test_a_supplier_that_is_called_is_not_probed() -> None:
    world = World()
    for _ in range(30):
        world.window.supplier_call("ylh", "create", "ok", seconds=0.1, status=200)
        await world.minutes(0.5)
    assert world.logins == 0


async def test_what_rests_or_is_paused_by_a_person_is_not_probed() -> None:
    world = World()
    world.resting.add("ylh")
    await world.minutes(10)
    assert world.logins == 0


async def test_of_many_processes_one_probes_and_the_others_believe_it() -> None:
    first, second = World(report("b:2"), name="a:1"), World(report("a:1", idle=30.0, up=False), name="b:2")
    await first.minutes(5)
    await second.minutes(5)
    assert (first.logins, second.logins) == (5, 0)
    assert second.value("relay_supplier_up", supplier="ylh") == 0


async def test_who_is_not_first_does_not_probe_although_nobody_has_called() -> None:
    world = World(report("a:1"), name="b:2")
    await world.minutes(3)
    assert world.logins == 0


async def test_a_failed_probe_is_told_once_for_each_change() -> None:
    world = World()
    with capture_logs() as lines:
        world.error = REFUSED
        await world.minutes(5)
        assert world.value("relay_supplier_up", supplier="ylh") == 0
        world.error = None
        await world.minutes(2)
        assert world.value("relay_supplier_up", supplier="ylh") == 1
        world.error = DOWN
        await world.minutes(2)
    assert [line["event"] for line in lines] == [
        "an idle supplier does not let us in",
        "an idle supplier lets us in again",
        "an idle supplier does not let us in",
    ]


class Payers(World):
    """The same for balances."""

    def __init__(self, *others: StoredReport, low: str | None = "1000", name: str = "a:1") -> None:
        super().__init__(*others, name=name)
        self.asked = 0
        self.amounts: Sequence[tuple[str, str]] = [("P1", "5000")]
        self.watch = BalanceWatch(
            self.balances,
            low_water=None if low is None else Decimal(low),
            peers=self.peers,
            resting=self.resting.__contains__,
            metrics=self.metrics,
            clock=self.clock,
        )

    async def balances(self) -> list[PayerBalance]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [PayerBalance(code, None, None, None, Decimal(amount)) for code, amount in self.amounts]

    async def minutes(self, count: float) -> None:
        for _ in range(round(count * 6)):
            await self.watch.run()
            self.clock.now += 10

    def left(self, account: str = "P1") -> float | None:
        return self.value("relay_payer_balance", account=account)

    def low(self, account: str = "P1") -> float | None:
        return self.value("relay_payer_balance_low", account=account)


async def test_balances_are_asked_for_every_ten_minutes() -> None:
    payers = Payers()
    await payers.minutes(30)
    assert payers.asked == 3
    assert (payers.left(), payers.low()) == (5000, 0)


async def test_crossing_the_mark_is_told_once_each_way() -> None:
    payers = Payers()
    with capture_logs() as lines:
        for amount in ("999.99", "10", "1000", "5"):
            payers.amounts = [("P1", amount)]
            await payers.minutes(10)
            assert payers.low() == (Decimal(amount) < 1000)
    assert [line["log_level"] for line in lines] == ["warning", "info", "warning"]


async def test_a_mark_of_nothing_warns_of_debts_alone_and_none_of_nothing() -> None:
    for mark, low in (("0", 1), (None, 0)):
        payers = Payers(low=mark)
        payers.amounts = [("P1", "-3"), ("P2", "0")]
        await payers.minutes(1)
        assert (payers.low("P1"), payers.low("P2")) == (low, 0)


async def test_of_several_groups_the_lowest_counts() -> None:
    payers = Payers()
    payers.amounts = [("P1", "5000"), ("P1", "700"), ("P1", "9000")]
    await payers.minutes(1)
    assert (payers.left(), payers.low()) == (700, 1)


async def test_a_failure_is_told_and_tried_again_at_the_next_turn() -> None:
    payers = Payers()
    payers.error = DOWN
    with capture_logs() as lines:
        await payers.minutes(10)
    assert [line["log_level"] for line in lines] == ["warning"]
    payers.error = None
    await payers.minutes(10)
    assert (payers.asked, payers.left()) == (2, 5000)


async def test_nobody_asks_while_haier_rests() -> None:
    payers = Payers()
    payers.resting.add("haier")
    await payers.minutes(30)
    assert payers.asked == 0
    payers.resting.clear()
    await payers.minutes(1)
    assert payers.asked == 1


async def test_a_process_whose_turn_it_is_no_longer_says_nothing_of_balances() -> None:
    payers = Payers(name="b:2")
    await payers.minutes(1)
    assert payers.left() == 5000
    payers.peers.heard([report("a:1"), report("b:2")])
    await payers.minutes(20)
    assert (payers.asked, payers.left(), payers.low()) == (1, None, None)


async def test_an_account_that_is_gone_is_not_reported_any_more() -> None:
    payers = Payers()
    await payers.minutes(10)
    payers.amounts = [("P2", "1")]
    await payers.minutes(1)
    assert (payers.left("P1"), payers.left("P2")) == (None, 1)


class Shelf:
    """Where reports lie, for one process."""

    def __init__(self) -> None:
        self.kept: dict[str, list[SupplierReport]] = {}

    async def write(self, process: str, reports: Sequence[SupplierReport]) -> None:
        self.kept[process] = list(reports)

    async def withdraw(self, process: str) -> None:
        self.kept.pop(process, None)

    async def fresh(self) -> list[StoredReport]:
        return [StoredReport(name, timedelta(0), one) for name, reports in self.kept.items() for one in reports]


def a_reporting(world: World, board: PauseBoard, shelf: Shelf) -> Reporting:
    return Reporting(
        shelf,
        world.peers,
        suppliers=("ylh",),
        window=world.window,
        board=board,
        quota_used=lambda _: 0.25,
        metrics=world.metrics,
        mask=lambda text: text.replace("s3cret", "***"),
    )


async def test_a_report_says_what_this_process_knows() -> None:
    world, board, shelf = World(), PauseBoard(), Shelf()
    world.peers.heard([])
    assert not world.peers.first
    world.window.supplier_call("ylh", "token", "ok", seconds=0.2, status=200)
    world.window.supplier_call("ylh", "create", "ok", seconds=0.2, status=200)
    world.clock.now += 60
    telling = a_reporting(world, board, shelf)
    await telling.run()
    (told,) = shelf.kept["a:1"]
    assert (told.supplier, told.up, told.token_age, told.idle, told.window) == ("ylh", True, 60, 60, 60)
    assert {name: figures.calls for name, figures in told.calls.items()} == {"create": 1, "token": 1}
    assert told.rest is None
    assert world.value("relay_supplier_quota_used_ratio", supplier="ylh") == 0.25
    assert world.peers.first
    await telling.withdraw()
    assert shelf.kept == {}


@pytest.mark.parametrize(
    ("error", "kind", "error_class"),
    [(Transient, RestKind.CIRCUIT, "transient"), (Misconfigured, RestKind.PAUSE, "misconfigured")],
)
async def test_a_report_says_why_a_supplier_rests(error: type[SupplierError], kind: RestKind, error_class: str) -> None:
    world, board = World(), PauseBoard()
    cause = error("ylh: s3cret is down", code="any", supplier="ylh", operation="create")
    board.pause("ylh", rest=timedelta(seconds=30), longest=timedelta(minutes=5), cause=cause, alert=True)
    rest = a_reporting(world, board, Shelf()).report("ylh").rest
    assert rest is not None
    assert (rest.kind, rest.cause, rest.error_class, rest.alert) == (kind, "ylh: *** is down", error_class, True)
    assert rest.since is not None
    assert rest.next_probe is not None
    assert rest.next_probe - rest.since == timedelta(seconds=30)


async def test_a_supplier_whose_rest_is_over_is_on_trial_and_no_probe_is_to_come() -> None:
    world, board = World(), PauseBoard()
    board.pause("ylh", rest=timedelta(0), longest=timedelta(minutes=5), cause=DOWN, alert=False, lapse=Lapse.PROBE)
    resting = a_reporting(world, board, Shelf()).report("ylh").rest
    board.try_now("ylh")
    trial = a_reporting(world, board, Shelf()).report("ylh").rest
    assert resting is not None
    assert trial is not None
    assert (resting.kind, resting.next_probe is None) == (RestKind.CIRCUIT, False)
    assert (trial.kind, trial.next_probe, trial.cause) == (RestKind.TRIAL, None, resting.cause)


async def test_a_persons_pause_comes_before_every_other_cause() -> None:
    world, board = World(), PauseBoard()
    board.pause("ylh", rest=timedelta(seconds=30), longest=timedelta(minutes=5), cause=DOWN, alert=False)
    board.hold(SupplierPause("ylh", "li@ops-1", "割接", AT))
    rest = a_reporting(world, board, Shelf()).report("ylh").rest
    assert rest is not None
    assert (rest.kind, rest.cause, rest.since, rest.next_probe) == (
        RestKind.PERSON,
        "paused by li@ops-1: 割接",
        AT,
        None,
    )
