"""Where the suppliers' calls and the service's pauses meet: each knows nothing of the other's room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from consumer.domain.errors import ErrorClass, Throttled, Transient
from consumer.domain.recoverability import Lapse, rest_after
from consumer.domain.supplier_report import TOKEN
from consumer.observability.logging import get_logger
from consumer.runtime.pauses import Change, Fetching
from consumer.suppliers.circuit import ANSWERED, FAILED, Circuit, is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.domain.errors import SupplierError
    from consumer.domain.recoverability import Policy
    from consumer.observability.metrics import Metrics
    from consumer.runtime.pause_board import PauseBoard
    from consumer.runtime.pauses import Pause

log = get_logger(__name__)

_FOR_PEOPLE = (ErrorClass.AUTH, ErrorClass.MISCONFIGURED)


class BoardBrake:
    """The brake of one supplier: no call begins while the board has it paused."""

    def __init__(self, board: PauseBoard, supplier: str) -> None:
        self._board = board
        self._supplier = supplier

    def held(self) -> str | None:
        """Return in words why no call may begin, or None."""
        return self._board.why_paused(self._supplier)


class CallWatch:
    """Hears of every call: counts it, opens the circuit, rests on a 429, and ends or renews a trial.

    Args:
        metrics: count each call.
        board: where the pauses stand.
        policy: how long a supplier rests whose circuit opened.
        clock: monotonic seconds, the board's.
    """

    def __init__(
        self,
        metrics: Metrics,
        board: PauseBoard,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._board = board
        self._policy = policy
        self._clock = clock
        self._circuits: dict[str, Circuit] = {}

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Take note of one call."""
        self._metrics.supplier_call(supplier, operation, outcome, seconds=seconds, status=status)
        if self._board.pause_of(supplier) is None:
            circuit = self._circuits.get(supplier)
            if circuit is None:
                circuit = self._circuits[supplier] = Circuit(clock=self._clock)
            trip = circuit.heard(operation, outcome, seconds=seconds)
            if trip is not None:
                self._open(supplier, operation, trip.why)
        elif outcome in FAILED:
            cause = _down(supplier, operation, f"on trial {operation} failed ({outcome})")
            self._board.renew(supplier, longest=self._policy.probe_cap, cause=cause, took=seconds)
        elif outcome in ANSWERED and operation != TOKEN:
            # A login proves nothing: the calls behind it may still be refused.
            self._board.lift(supplier, took=seconds)

    def supplier_failed(self, error: SupplierError) -> None:
        """Rest at once where the supplier wants it: a message with many calls does not come to its end for that."""
        if isinstance(error, Throttled):
            rest = rest_after(error, self._policy)
            self._board.pause(error.supplier, rest=rest, longest=rest, cause=error, alert=False)

    def _open(self, supplier: str, operation: str, why: str) -> None:
        self._board.pause(
            supplier,
            rest=self._policy.probe_first,
            longest=self._policy.probe_cap,
            cause=_down(supplier, operation, f"the circuit is open: {why}, {operation} last"),
            alert=False,
            lapse=Lapse.PROBE,
        )


def _down(supplier: str, operation: str, what: str) -> Transient:
    return Transient(f"{supplier}: {what}", code="circuit_open", supplier=supplier, operation=operation)


class PauseTelling:
    """Logs what happens to the pauses and shows it in the metrics.

    Args:
        metrics: of this process.
        lanes: what each lane needs, by its name.
        suppliers: those that have a circuit and may want a person.
    """

    def __init__(self, metrics: Metrics, lanes: Mapping[str, frozenset[str]], suppliers: frozenset[str]) -> None:
        self._metrics = metrics
        self._lanes = lanes
        self._suppliers = suppliers

    def tell(self, board: PauseBoard, resource: str, change: Change) -> None:
        """Tell what has happened to ``resource``."""
        pause = board.pause_of(resource)
        self._log(board, resource, change, pause)
        for lane, resources in self._lanes.items():
            self._metrics.lane_paused(lane, paused=board.fetching(resources) is Fetching.PAUSED)
        if resource in self._suppliers:
            rests = pause is not None and pause.trial_since is None and is_open(pause.cause)
            self._metrics.circuit_open(resource, open=rests)
            for error_class in _FOR_PEOPLE:
                raised = pause is not None and pause.alert and pause.cause.error_class is error_class
                self._metrics.supplier_alert(resource, error_class.value, raised=raised)

    def _log(self, board: PauseBoard, resource: str, change: Change, pause: Pause | None) -> None:
        match change:
            case Change.RESTS if pause is not None:
                tell = log.critical if pause.alert else log.warning
                tell("pause", resource=resource, error=pause.cause, seconds=round(pause.length, 1))
            case Change.TRIAL:
                log.info("the probe got through; one message at a time until one does too", resource=resource)
            case Change.LIFTED:
                log.info("pause lifted", resource=resource)
            case Change.HELD:
                by = next((hold.paused_by for hold in board.holds() if hold.supplier == resource), None)
                log.warning("paused by a person", resource=resource, by=by)
            case Change.RELEASED:
                log.info("resumed by a person", resource=resource)
