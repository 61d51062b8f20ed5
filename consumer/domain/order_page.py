"""The page `docs/order_states.md`, made from the table itself by asking its rules: it cannot say anything else."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from consumer.domain.callback_steps import Deed, News
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Goods, Stamp, Word
from consumer.domain.order_steps import Cancelled, CancelStep, Paid, PaidStep
from consumer.domain.order_table import TABLE, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ALL_BACK: Final = (Goods("BX1", 1, 0, 1, 0),)

_MEANING: Final = {
    OrderState.NEW: "nothing of it holds at YLH; its create was refused, or could not be sent",
    OrderState.PUSHING: "a create is under way, or its outcome is unknown",
    OrderState.PUSHED: "YLH took the order in",
    OrderState.CONFIRMED: "YLH's callback: it will be delivered",
    OrderState.REFUSED: "YLH's callback: it will not; to try again the shop sends a new `so_id`",
    OrderState.OUT_OF_STOCK: "YLH's callback: the goods are out of stock; not final",
    OrderState.CANCELLING: "a cancel is under way, or was taken and waits for YLH's callback",
    OrderState.CANCELLED: "final: cancelled, intercepted, refused at the door, or never at YLH",
    OrderState.CANCEL_FAILED: "YLH refused the cancel: the order stands, another cancel may be asked for",
    OrderState.SETTLED: "final: it is known what the customer kept and what came back",
}

_ANSWERS: Final = (
    (OrderState.PUSHING, OrderState.PUSHED, "YLH took it, or refused a resend as a duplicate"),
    (OrderState.PUSHING, OrderState.NEW, "YLH refused it, or nothing was sent"),
    (OrderState.CANCELLING, OrderState.CANCELLED, "YLH has no such order and we never pushed it"),
    (OrderState.CANCELLING, OrderState.CANCEL_FAILED, "YLH refused the cancel at once"),
)
"""What the answer to a call leads to; the handlers of events do this (`consumer.handlers.order_calls`)."""

_LEADS_TO: Final = {
    PaidStep.PUSH: OrderState.PUSHING,
    CancelStep.ASK_SUPPLIER: OrderState.CANCELLING,
    CancelStep.NEVER_PUSHED: OrderState.CANCELLED,
}
"""Steps of events that change the state before the answer to their call."""

_HEAD: Final = """# States of an order

Made from `consumer/domain/order_table.py` by `make docs`; do not edit. The state is the column `orders.state`, the
field `state` of every `order.*` result, and the label of `relay_orders`.

Two tracks make it up: what YLH says of the order itself, and what becomes of a cancel, asked for or not. Once the
cancel track has begun it alone is the state. Each track keeps the `TimeStamp` of its newest callback: the newer one
wins, what is older changes nothing, and what was said in the same second but differs goes to a person. Beside the
state stands the last changing call with its exact body and what is known of it; only an order whose create is
unanswered may read a duplicate refusal as its own arrival.
"""

_FOOT: Final = """## Versions, cancels, holds, contradictions

- An event that is not newer than what holds is superseded; a refused or dead-lettered one was not applied, so its
  version may come again.
- A cancel ends a `so_id` whatever its version. One that comes before its create asks YLH, which may have the order
  from elsewhere; no create follows.
- A create without an answer is cleared up first by whoever comes next: its stored body goes out again. A callback
  for it is proof enough.
- A reschedule that comes before its create is held, goes along in the create's body, and is told with it; one whose
  create does not come within `RELAY_SNOOZE_LIMIT` (24 h) is `order.reschedule.failed`, code `order_unknown`.
- A cancel that YLH refuses on a resend, after a first send without an answer, stays `cancelling`: the callback
  decides, else it is dead-lettered after 24 h, code `cancel_refused_on_resend`.
- What has to wait goes round without spending an attempt, and is dead-lettered after 24 h: new days without a number
  to send them by (`no_order_number`), for a create that YLH refused and may have all the same (`create_undecided`), or
  behind earlier days whose resend YLH refused (`earlier_days_in_doubt`).
- A final state is never left. News that contradicts one is dead-lettered as `unmatched` with what a person should
  do, whichever of the two came first: the shop may have paid the money back.
- An order that only our books call cancelled, and that YLH confirms, is cancelled at YLH (`order.cancel.requested`,
  from the service to itself); where YLH refuses that, a letter with the proposal stands in the ledger, code
  `compensation_refused`.
"""


def markdown() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_drawing(), "", *_meanings(), "", *_grid(), "", *_rules(), "", _FOOT.rstrip(), ""])


def transitions() -> set[tuple[OrderState, OrderState, str]]:
    """Return every change of state that there is, as (from, to, by what)."""
    found = set(_ANSWERS)
    for order in _samples():
        row = TABLE[order.state]
        steps = (
            (row.paid(order, Paid("another", 99, "another")), "order.paid"),
            (row.cancelled(order, Cancelled("/shop", "another")), "order.cancelled"),
        )
        found |= {(order.state, _LEADS_TO[step], by) for step, by in steps if step in _LEADS_TO}
        for news in _news():
            verdict = row.of(news.word)(order, news)
            if verdict.deed is Deed.APPLY and verdict.state is not None:
                found.add((order.state, verdict.state, f"callback: {_words(news.word)}"))
    return {change for change in found if change[0] is not change[1]}


def _samples() -> Iterator[Order]:
    """Yield orders in each state that can be: with and without an answer to the last call, early and late callbacks."""
    intents = [None, *(_intent(kind, outcome) for kind in CallKind for outcome in CallOutcome)]
    stamps = [None, *(Stamp(Word.CANCEL_REFUSED, at, "d") for at in (_AT, _AT + timedelta(days=2)))]
    for state in OrderState:
        for intent in intents:
            unanswered = intent is not None and intent.kind is CallKind.CREATE and intent.unanswered
            if unanswered != (state is OrderState.PUSHING):
                continue
            for stamp in stamps:
                order = Order("SO", state=state, intent=intent, ending=stamp, goods=(Goods("BX1", 1),))
                yield order if state in {OrderState.NEW, OrderState.PUSHING} else replace(order, applied_version=1)


def _intent(kind: CallKind, outcome: CallOutcome) -> Intent:
    return Intent(kind, b"", "d", 1, outcome, "/shop", "e", _AT)


def _news() -> Iterator[News]:
    for word in Word:
        yield News(word, _AT + timedelta(days=1), "n", goods=_ALL_BACK if word is Word.QUANTITIES else ())


def _drawing() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> new: in the books"
    by_pair: dict[tuple[OrderState, OrderState], list[str]] = {}
    for source, target, why in sorted(transitions()):
        by_pair.setdefault((source, target), []).append(why)
    for (source, target), reasons in by_pair.items():
        yield f"    {source.value} --> {target.value}: {', '.join(sorted(reasons))}"
    yield "    cancelled --> [*]"
    yield "    settled --> [*]"
    yield "```"


def _meanings() -> Iterator[str]:
    yield "| state | meaning |"
    yield "|---|---|"
    for state in OrderState:
        yield f"| `{state.value}` | {_MEANING[state]} |"


def _grid() -> Iterator[str]:
    yield "## What each event and each callback does in each state"
    yield ""
    yield "Each cell names the rule; what it does stands below."
    yield ""
    columns = [field.name for field in fields(Row)]
    yield f"| | {' | '.join(_words(name) for name in columns)} |"
    yield f"|{'---|' * (len(columns) + 1)}"
    for state, row in TABLE.items():
        cells = (_words(getattr(row, name).__name__) for name in columns)
        yield f"| `{state.value}` | {' | '.join(cells)} |"


def _rules() -> Iterator[str]:
    rules: dict[str, Callable[..., Any]] = {}
    for row in TABLE.values():
        for field in fields(Row):
            rule = getattr(row, field.name)
            rules.setdefault(rule.__name__, rule)
    for name, rule in rules.items():
        yield f"- **{_words(name)}**: {' '.join((inspect.getdoc(rule) or '').split())}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def main(arguments: Sequence[str]) -> int:
    """Write ``docs/order_states.md``, or with ``--check`` say whether it is current (exit code 1 if not)."""
    page = Path("docs/order_states.md")
    if "--check" not in arguments:
        page.write_text(markdown(), encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == markdown():
        return 0
    sys.stderr.write("docs/order_states.md differs from the table: run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
