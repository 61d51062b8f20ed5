"""What the last five minutes came to, under a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import Transient
from consumer.domain.supplier_report import WINDOW
from consumer.runtime.call_window import SLOT, CallWindow
from consumer.suppliers.audience import Audience
from consumer.suppliers.calling import Unobserved


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def a_window() -> tuple[CallWindow, Clock]:
    clock = Clock()
    return CallWindow(str, clock=clock), clock


def calls(window: CallWindow, supplier: str = "ylh") -> dict[str, int]:
    return {operation: figures.calls for operation, figures in window.figures(supplier).items()}


def test_calls_are_kept_apart_by_supplier_and_operation() -> None:
    window, _ = a_window()
    window.supplier_call("ylh", "create", "ok", seconds=0.2, status=200)
    window.supplier_call("ylh", "create", "transient", seconds=0.4, status=503)
    window.supplier_call("ylh", "cancel", "ok", seconds=0.1, status=200)
    window.supplier_call("haier", "products", "ok", seconds=0.1, status=200)
    assert calls(window) == {"create": 2, "cancel": 1}
    assert window.figures("ylh")["create"].outcomes == {"ok": 1, "transient": 1}
    assert window.figures("ylh")["create"].seconds == pytest.approx(0.6)


@given(st.lists(st.floats(0, 400), max_size=60))
def test_it_forgets_what_is_older_than_the_window_and_nothing_else(pauses: list[float]) -> None:
    window, clock = a_window()
    ends = []
    for pause in pauses:
        clock.now += pause
        window.supplier_call("ylh", "create", "ok", seconds=0.1, status=200)
        ends.append(clock.now)
    kept = calls(window).get("create", 0)
    length = WINDOW.total_seconds()
    assert sum(clock.now - end < length - SLOT for end in ends) <= kept
    assert kept <= sum(clock.now - end < length for end in ends)


def test_a_young_process_says_how_little_it_has_seen() -> None:
    window, clock = a_window()
    clock.now += 60
    assert window.seconds == 60
    clock.now += 3600
    assert WINDOW.total_seconds() - SLOT <= window.seconds <= WINDOW.total_seconds()


def test_it_knows_when_somebody_called_and_logged_in_last() -> None:
    window, clock = a_window()
    assert (window.idle("ylh"), window.token_age("ylh"), window.up("ylh")) == (None, None, None)
    window.supplier_call("ylh", "token", "ok", seconds=0.1, status=200)
    clock.now += 30
    window.supplier_call("ylh", "token", "auth", seconds=0.1, status=401)
    clock.now += 10
    assert (window.idle("ylh"), window.token_age("ylh"), window.up("ylh")) == (10, 40, False)
    window.supplier_call("ylh", "create", "rejected", seconds=0.1, status=200)
    assert window.up("ylh") is True


def test_the_last_error_is_kept_in_masked_words() -> None:
    clock = Clock()
    window = CallWindow(lambda text: text.replace("s3cret", "***"), clock=clock)
    error = Transient("the answer s3cret " + "x" * 900, code="http_503", supplier="ylh", operation="create", status=503)
    window.supplier_failed(error)
    kept = window.last_error("ylh")
    assert kept is not None
    assert (kept.operation, kept.error_class, kept.code, kept.status) == ("create", "transient", "http_503", 503)
    assert kept.message.startswith("the answer *** x")
    assert len(kept.message) == 300
    assert window.last_error("haier") is None


def test_an_audience_tells_all_and_the_reason_to_those_who_want_it() -> None:
    first, second = a_window()[0], a_window()[0]
    audience = Audience([first, Unobserved(), second])
    audience.supplier_call("ylh", "create", "transient", seconds=0.1, status=503)
    audience.supplier_failed(Transient("no", code="http_503", supplier="ylh", operation="create", status=503))
    for window in (first, second):
        assert calls(window) == {"create": 1}
        assert window.last_error("ylh") is not None
