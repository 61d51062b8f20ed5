"""What the calls do to the pauses: a circuit that opens, trials that end, what stays of it in metrics and log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from consumer.bootstrap.pausing import BoardBrake, CallWatch, PauseTelling
from consumer.domain.errors import BooksUnavailable, Malformed, Misconfigured, RelayError, Resting, Throttled, Transient
from consumer.domain.interventions import SupplierPause
from consumer.domain.recoverability import Lapse, Policy
from consumer.observability.metrics import Metrics
from consumer.runtime.holds import Holds
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pauses import Change, Fetching
from consumer.runtime.probing import Probing
from tests.unit.domain import failures

POLICY = Policy()
ORDERS, CATALOG = frozenset({"ylh", "database"}), frozenset({"haier", "database"})
AT = datetime(2026, 11, 22, tzinfo=UTC)


class Room:
    """A board with everything that hangs on it, and a clock in hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.metrics = Metrics.create(version="test", event_types=())
        telling = PauseTelling(
            self.metrics, {"relay.orders": ORDERS, "relay.catalog": CATALOG}, frozenset({"ylh", "haier"})
        )
        self.changes: list[Change] = []

        def changed(resource: str, change: Change) -> None:
            self.changes.append(change)
            telling.tell(self.board, resource, change)

        self.board = PauseBoard(clock=lambda: self.now, on_change=changed)
        self.watch = CallWatch(self.metrics, self.board, POLICY, clock=lambda: self.now)

    def calls(self, outcome: str, count: int = 1, *, operation: str = "create", seconds: float = 0.0) -> None:
        for _ in range(count):
            self.watch.supplier_call("ylh", operation, outcome, seconds=seconds, status=None)

    def gauge(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    async def probe(self, *answers: RelayError | None) -> None:
        """Probes whenever one is due, once for each of ``answers``."""
        left = list(answers)

        async def check() -> None:
            error = left.pop(0)
            if error is not None:
                raise error

        probing = Probing("ylh", self.board, check, POLICY)
        for _ in answers:
            pause = self.board.pause_of("ylh")
            assert pause is not None
            self.now = max(self.now, pause.ends)
            await probing.once()


async def test_an_outage_from_the_first_failure_to_the_message_that_gets_through() -> None:
    room = Room()
    brake = BoardBrake(room.board, "ylh")
    room.calls("ok", 3)
    room.calls("transient", 16)
    assert (brake.held(), room.board.fetching(ORDERS)) == (None, Fetching.FULL)
    room.calls("unknown_outcome", 10)
    (pause,) = room.board.pauses()
    assert (pause.length, pause.alert, pause.lapse, pause.cause.code) == (30, False, Lapse.PROBE, "circuit_open")
    assert "calls of the last 10 s failed" in str(brake.held())
    assert room.board.fetching(CATALOG) is Fetching.FULL
    assert room.gauge("relay_supplier_circuit_open", supplier="ylh") == 1
    assert room.gauge("relay_lane_paused", lane="relay.orders") == 1
    assert room.gauge("relay_lane_paused", lane="relay.catalog") == 0

    await room.probe(failures.transient(), failures.transient())
    assert room.gauge("relay_supplier_circuit_open", supplier="ylh") == 1
    await room.probe(None)
    assert room.board.fetching(ORDERS) is Fetching.TRIAL
    assert brake.held() is None
    assert room.gauge("relay_supplier_circuit_open", supplier="ylh") == 0
    assert room.gauge("relay_lane_paused", lane="relay.orders") == 0
    room.now += 1
    room.calls("ok", operation="token")
    assert room.board.fetching(ORDERS) is Fetching.TRIAL, "a login proves nothing"
    room.calls("rejected")
    assert room.board.fetching(ORDERS) is Fetching.FULL
    assert room.changes == [Change.RESTS] * 3 + [Change.TRIAL, Change.LIFTED]


async def test_what_was_in_flight_when_the_circuit_opened_neither_ends_nor_renews_its_trial() -> None:
    room = Room()
    room.calls("transient", 20)
    await room.probe(None)
    room.now += 1
    room.calls("ok", seconds=35)
    room.calls("unknown_outcome", 100, seconds=35)
    assert room.board.fetching(ORDERS) is Fetching.TRIAL
    room.calls("ok", seconds=0.5)
    assert room.board.fetching(ORDERS) is Fetching.FULL
    room.calls("unknown_outcome", 100, seconds=35)
    assert room.board.fetching(ORDERS) is Fetching.FULL


async def test_a_trial_that_fails_rests_for_twice_as_long_and_probes_again() -> None:
    room = Room()
    room.calls("transient", 20)
    await room.probe(None)
    room.calls("unknown_outcome")
    (pause,) = room.board.pauses()
    assert (pause.length, pause.lapse, room.board.fetching(ORDERS)) == (60, Lapse.PROBE, Fetching.PAUSED)


async def test_a_failure_on_trial_after_throttling_rests_as_long_again_rather_than_for_an_outage() -> None:
    room = Room()
    second = timedelta(seconds=1)
    room.board.pause("ylh", rest=second, longest=second, cause=failures.throttled(), alert=False)
    room.now += 1
    room.calls("transient")
    (pause,) = room.board.pauses()
    assert (pause.length, pause.lapse) == (2, Lapse.PROBE)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (failures.transient(), "nobody"),
        (failures.unauthorised(expired=False), "a person"),
        (failures.misconfigured(), "a person"),
    ],
)
async def test_a_probe_that_fails_renews_the_pause_and_says_whether_a_person_is_wanted(
    error: RelayError, wanted: str
) -> None:
    room = Room()
    room.calls("transient", 20)
    await room.probe(error)
    (pause,) = room.board.pauses()
    assert (pause.cause, pause.length) == (error, 60)
    assert pause.alert is (wanted == "a person")


@pytest.mark.parametrize("error", [failures.books_unavailable(), failures.supplier_error(Resting)])
async def test_a_probe_that_could_not_be_made_teaches_nothing(error: RelayError) -> None:
    room = Room()
    room.board.pause(
        "ylh",
        rest=POLICY.probe_first,
        longest=POLICY.probe_cap,
        cause=failures.misconfigured(),
        alert=True,
        lapse=Lapse.PROBE,
    )
    await room.probe(error)
    (pause,) = room.board.pauses()
    assert isinstance(pause.cause, Misconfigured)
    assert pause.alert


@pytest.mark.parametrize("answer", [None, failures.rejected(), failures.supplier_error(Malformed)])
async def test_who_answers_a_probe_is_there(answer: RelayError | None) -> None:
    room = Room()
    room.calls("transient", 20)
    await room.probe(answer)
    assert room.board.fetching(ORDERS) is Fetching.TRIAL


async def test_an_alert_stands_until_a_probe_is_let_in() -> None:
    room = Room()
    room.board.pause(
        "ylh",
        rest=POLICY.probe_first,
        longest=POLICY.probe_cap,
        cause=failures.unauthorised(expired=False),
        alert=True,
        lapse=Lapse.PROBE,
    )
    assert room.gauge("relay_supplier_alert", supplier="ylh", error_class="auth") == 1
    assert room.gauge("relay_supplier_alert", supplier="ylh", error_class="misconfigured") == 0
    await room.probe(failures.misconfigured())
    assert room.gauge("relay_supplier_alert", supplier="ylh", error_class="auth") == 0
    assert room.gauge("relay_supplier_alert", supplier="ylh", error_class="misconfigured") == 1
    await room.probe(None)
    assert room.gauge("relay_supplier_alert", supplier="ylh", error_class="misconfigured") == 0


async def test_logins_that_fail_open_the_circuit_although_a_hundred_calls_wait_for_one() -> None:
    room = Room()
    room.calls("transient", operation="token", seconds=10)
    room.now += 10
    room.calls("transient", operation="token", seconds=10)
    (pause,) = room.board.pauses()
    assert isinstance(pause.cause, Transient)
    assert "2 logins in a row failed" in pause.cause.message


# ---- people ----


class PeoplesBooks:
    def __init__(self) -> None:
        self.paused: dict[str, SupplierPause] = {}
        self.away = False

    async def supplier_pauses(self) -> dict[str, SupplierPause]:
        if self.away:
            raise BooksUnavailable("away", code="unreachable")
        return self.paused


async def test_the_board_follows_what_people_write_into_the_books() -> None:
    room, books = Room(), PeoplesBooks()
    holds = Holds(books, room.board)
    books.paused = {"ylh": SupplierPause("ylh", "李", "割接", AT)}
    for _ in range(3):
        await holds.follow()
    assert room.board.fetching(ORDERS) is Fetching.PAUSED
    assert BoardBrake(room.board, "ylh").held() == "ylh is paused by 李 until somebody resumes it"
    room.now += 7200
    assert room.board.fetching(ORDERS) is Fetching.PAUSED
    books.paused = {}
    await holds.follow()
    assert room.board.fetching(ORDERS) is Fetching.FULL
    assert room.changes == [Change.HELD, Change.RELEASED]


async def test_a_database_that_is_away_leaves_the_last_known_state() -> None:
    room, books = Room(), PeoplesBooks()
    holds = Holds(books, room.board)
    books.paused = {"ylh": SupplierPause("ylh", "李", "割接", AT)}
    await holds.read()
    books.away, books.paused = True, {}
    await holds.follow()
    assert room.board.fetching(ORDERS) is Fetching.PAUSED
    with pytest.raises(BooksUnavailable):
        await holds.read()


async def test_what_rests_by_itself_under_a_persons_pause_probes_only_after_it() -> None:
    room = Room()
    room.calls("transient", 20)
    room.board.hold(SupplierPause("ylh", "李", "割接", AT))
    room.now += 7200
    room.board.release("ylh")
    assert room.board.fetching(ORDERS) is Fetching.PAUSED
    await room.probe(None)
    assert room.board.fetching(ORDERS) is Fetching.TRIAL


async def test_a_supplier_that_wants_a_rest_has_it_before_any_message_ends() -> None:
    room = Room()
    brake = BoardBrake(room.board, "ylh")
    room.calls("throttled")
    room.watch.supplier_failed(Throttled("429", supplier="ylh", operation="create", retry_after=timedelta(seconds=7)))
    room.watch.supplier_failed(Throttled("429", supplier="ylh", operation="create"))
    (pause,) = room.board.pauses()
    assert (pause.length, pause.alert, pause.lapse) == (7, False, Lapse.TRIAL)
    assert brake.held() is not None
    room.now += 7.1
    assert (brake.held(), room.board.fetching(ORDERS)) == (None, Fetching.TRIAL)
    room.watch.supplier_failed(failures.transient())
    assert brake.held() is None
