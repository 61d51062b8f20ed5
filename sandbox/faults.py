"""Rules for what goes wrong: which calls they hit, and with what effect.

A rule is JSON, so that a file, the control endpoint and a test say it in the same words, e.g.
``{"call": "ylh.create", "key": "SO-7", "nth": [1], "effect": "lost_answer"}``.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from sandbox.lots import lot
from sandbox.schedule import Schedule

KEPT_KEYS = 100_000


class Kind(StrEnum):
    """What happens to a call. "Applied" means that the supplier does what was asked although the answer is spoilt."""

    STATUS = "status"  # an HTTP error; not applied
    DELAY = "delay"  # applied at once, answered ``seconds`` later
    LATE_EFFECT = "late_effect"  # applied ``seconds`` later, even if the client has left; then answered
    HANG = "hang"  # never answered; not applied
    LOST_ANSWER = "lost_answer"  # applied, then the connection is closed without an answer
    RESET = "reset"  # the connection is reset; not applied
    BROKEN_JSON = "broken_json"  # applied; the answer is cut short inside its JSON, correctly framed
    OTHER_SHAPE = "other_shape"  # applied; the answer is JSON of another shape
    TRUNCATE = "truncate"  # applied; half of the announced body, then the connection is closed
    CUT_HEADERS = "cut_headers"  # applied; the connection is closed in the middle of the answer's headers
    DRIP = "drip"  # applied; the right answer in small pieces over ``seconds``
    HUGE_BODY = "huge_body"  # applied; the right answer and so many spaces that it has ``size`` bytes
    WRONG_CONTENT_TYPE = "wrong_content_type"  # applied; an HTML page with status 200
    REDIRECT = "redirect"  # 302, or another ``status`` of its class, to ``location``; not applied
    EXPIRE_TOKEN = "expire_token"  # the token that was shown becomes invalid and gets a 401; not applied
    REVOKE_TOKENS = "revoke_tokens"  # every token of the supplier becomes invalid, this call gets a 401; not applied
    REFUSE = "refuse"  # a business refusal with ``code`` and ``message``; not applied
    ENVELOPE = "envelope"  # applied; answered in an envelope
    BARE = "bare"  # applied; answered as the bare value
    NO_ORDER_NUMBER = "no_order_number"  # applied; a success whose data holds no ``retailOrderNo``


OPTIONS: dict[Kind, frozenset[str]] = {
    Kind.STATUS: frozenset({"status", "retry_after", "retry_after_date", "body"}),
    Kind.REFUSE: frozenset({"code", "message"}),
    Kind.REDIRECT: frozenset({"status", "location"}),
    Kind.HUGE_BODY: frozenset({"size"}),
    Kind.OTHER_SHAPE: frozenset({"body"}),
    Kind.WRONG_CONTENT_TYPE: frozenset({"body"}),
}
NEEDED: dict[Kind, str] = {
    Kind.STATUS: "status",
    Kind.DELAY: "seconds",
    Kind.LATE_EFFECT: "seconds",
    Kind.DRIP: "seconds",
}
# For these the words "applied" and "answer" leave no choice.
SETTLED = frozenset(
    {Kind.EXPIRE_TOKEN, Kind.REVOKE_TOKENS, Kind.REFUSE, Kind.LATE_EFFECT, Kind.DELAY, Kind.NO_ORDER_NUMBER}
)
APPLIED_UNLESS_SAID = frozenset(
    {
        Kind.LOST_ANSWER, Kind.BROKEN_JSON, Kind.OTHER_SHAPE, Kind.TRUNCATE, Kind.WRONG_CONTENT_TYPE,
        Kind.CUT_HEADERS, Kind.DRIP, Kind.HUGE_BODY,
    }
)  # fmt: skip
ALL_OPTIONS = frozenset().union(*OPTIONS.values())
STATUSES = {Kind.STATUS: range(400, 600), Kind.REDIRECT: range(300, 400)}

Supplier = Literal["ylh", "haier"]
CallName = Literal[
    "ylh.token", "ylh.create", "ylh.cancel", "ylh.reschedule", "ylh.photos", "ylh.logistics",
    "haier.token", "haier.products", "haier.prices", "haier.stock", "haier.logistics", "haier.balance",
]  # fmt: skip
Nth = Annotated[int, Field(ge=1)]


class Rule(Schedule):
    """One fault. What is left out of the matching part matches everything.

    Only calls that come while the rule is in force are counted.

    The key of a create or cancel is its ``soId``; of reschedule, photos and logistics the order's numbers; of goods,
    prices and stock the product codes. A rule that names a key never hits a call without keys.
    """

    supplier: Supplier | None = None
    call: CallName | None = None
    key: str | None = Field(default=None, description="exactly this key is among the call's keys")
    pattern: str | None = Field(default=None, description="a regular expression that fits one of them as a whole")
    nth: tuple[Nth, ...] | None = Field(default=None, description="only the n-th matching calls of each key, from 1")
    every: int | None = Field(default=None, ge=1, description="only each so-manieth matching call, whatever its key")
    times: int | None = Field(default=None, ge=1, description="fires so often in all, then never again")
    seed: int = Field(default=0, description="the same seed, key and n draw the same lot, whatever the order of calls")
    effect: Kind
    seconds: float | None = Field(default=None, ge=0, le=3600, description="with any effect: wait before the answer")
    applied: bool | None = Field(default=None, description="whether the supplier does what was asked all the same")
    status: int | None = None
    retry_after: str | None = Field(default=None, description="the header as sent: seconds, or an HTTP date")
    retry_after_date: float | None = Field(
        default=None, ge=0, le=86_400, description="the header as an HTTP date so many seconds from the sandbox's now"
    )
    size: int = Field(default=64 * 2**20, ge=1, le=2**31, description="bytes of the whole body")
    body: str | None = None
    code: str = "99999"
    message: str = "业务处理失败"
    location: str = "/"

    _seen: Counter[str] = PrivateAttr(default_factory=Counter)
    _matched: int = PrivateAttr(default=0)
    _fired: int = PrivateAttr(default=0)

    @field_validator("nth", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("retry_after", mode="before")
    @classmethod
    def _number_or_date(cls, value: object) -> object:
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _fits_its_effect(self) -> Self:
        stray = (self.model_fields_set & ALL_OPTIONS) - OPTIONS.get(self.effect, frozenset())
        if stray:
            raise ValueError(f"{', '.join(sorted(stray))} means nothing with effect {self.effect}")
        needed = NEEDED.get(self.effect)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"effect {self.effect} needs {needed}")
        statuses = STATUSES.get(self.effect)
        if statuses and self.status is not None and self.status not in statuses:
            raise ValueError(f"the status of effect {self.effect} is one of {statuses[0]} to {statuses[-1]}")
        if self.retry_after is not None and self.retry_after_date is not None:
            raise ValueError("retry_after and retry_after_date are the same header: leave one out")
        if self.applied is not None and self.effect in SETTLED:
            raise ValueError(f"applied is settled by effect {self.effect}: leave it out")
        return self

    @property
    def fired(self) -> int:
        """How often this rule has hit a call."""
        return self._fired

    @property
    def is_applied(self) -> bool:
        """Whether the supplier does what was asked although the answer is spoilt."""
        return self.effect in APPLIED_UNLESS_SAID if self.applied is None else self.applied

    def hits(self, call: str, keys: tuple[str, ...], age: float = 0) -> bool:
        """Whether this call is hit, ``age`` seconds after the rule was added. Counts the call: ask once for each."""
        if self.times is not None and self._fired >= self.times:
            return False
        if not self._names(call):
            return False
        key, chance = self._key_among(keys), self.chance(age)
        if key is None or chance is None or not self._turn_of(key, chance):
            return False
        self._fired += 1
        return True

    def _names(self, call: str) -> bool:
        if self.effect is Kind.REVOKE_TOKENS and self.call is None and call.endswith(".token"):
            # "Every so many business calls": a login is none, and would look like wrong credentials.
            return False
        return self.call in (None, call) and (self.supplier is None or call.startswith(f"{self.supplier}."))

    def _key_among(self, keys: tuple[str, ...]) -> str | None:
        if self.key is not None:
            return self.key if self.key in keys else None
        if self.pattern is not None:
            return next((key for key in keys if re.fullmatch(self.pattern, key)), None)
        return keys[0] if keys else ""

    def _turn_of(self, key: str, chance: float) -> bool:
        self._matched += 1
        if self.every is not None and self._matched % self.every:
            return False
        if self.nth is None and chance == 1:
            return True
        if len(self._seen) >= KEPT_KEYS and key not in self._seen:
            # Bounded memory: a rule that has counted so many keys leaves further ones alone.
            return False
        self._seen[key] += 1
        count = self._seen[key]
        if self.nth is not None and count not in self.nth:
            return False
        return lot(f"{self.seed}/{key}/{count}") < chance


class Faults:
    """The rules there are; the first one that hits a call has its effect. Their seconds are ``clock``'s."""

    def __init__(self, rules: tuple[Rule, ...] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rules: dict[int, Rule] = {}
        self._added: dict[int, float] = {}
        self._last = 0
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> int:
        """Put a rule behind the others; returns the number under which it can be removed.

        The rule is copied: its counts begin at nothing, also when one configuration starts two sandboxes.
        """
        self._last += 1
        self._rules[self._last] = Rule.model_validate(rule.model_dump(exclude_unset=True))
        self._added[self._last] = self._clock()
        return self._last

    def remove(self, number: int) -> bool:
        """Take one rule out; False where there is none of that number."""
        self._added.pop(number, None)
        return self._rules.pop(number, None) is not None

    def clear(self) -> int:
        """Take all rules out; tells how many there were."""
        count = len(self._rules)
        self._rules.clear()
        self._added.clear()
        return count

    def rules(self) -> dict[int, Rule]:
        """The rules by number."""
        return dict(self._rules)

    def hit(self, call: str, keys: tuple[str, ...]) -> Rule | None:
        """The rule that hits this call, if any."""
        if not self._rules:
            return None
        now = self._clock()
        return next(
            (rule for number, rule in self._rules.items() if rule.hits(call, keys, now - self._added[number])), None
        )
