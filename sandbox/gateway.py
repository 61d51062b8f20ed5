"""The front of both suppliers: finds the call behind a path, checks limit and token, applies faults, keeps count.

One dictionary of paths and one coroutine on aiohttp's low-level server: in a benchmark the sandbox must not be what is
measured, and faults need the connection itself.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.callbacks import CallbackSender
from sandbox.catalogue import Catalogue
from sandbox.config import SandboxConfig
from sandbox.effects import Clock, Connection, Streamed, perform
from sandbox.faults import Faults
from sandbox.haier import Haier
from sandbox.ledger import Ledger
from sandbox.pace import Pace
from sandbox.performance import BusinessCall, Performance, TokenCall
from sandbox.telling import Teller
from sandbox.throttle import Throttle
from sandbox.wire import JSON, Answer, Call, HttpRefusal, http_refused, parsed
from sandbox.ylh import Ylh

NO_ANSWER = "none"


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands behind one path: a business call, or an office's token call (``call`` is None)."""

    office: Ylh | Haier
    name: str
    throttle: Throttle
    pace: Pace
    call: Call | None = None


@dataclass(slots=True)
class Visit:
    """What the ledger notes of one call: its keys, the fault that hit it, its answer if it got one."""

    keys: tuple[str, ...] = ()
    fault: str | None = None
    answer: Answer | None = None

    @property
    def status(self) -> str:
        """The HTTP status, or ``none``."""
        return NO_ANSWER if self.answer is None else str(self.answer.status)


class Gateway:
    """Both suppliers on one configuration, and all that they remember."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.ledger = Ledger()
        self.catalogue = Catalogue(config.products)
        self.faults = Faults(config.faults)
        self.callbacks = CallbackSender(config.callbacks, config.credentials, self.ledger)
        self.teller = Teller(config.callbacks, self.callbacks)
        self.ylh = Ylh(config, self.ledger, self.catalogue, self.teller.tell)
        self.haier = Haier(config, self.ledger, self.catalogue)
        self._clock = Clock()
        self._paces = {office.name: Pace() for office in (self.ylh, self.haier)}
        self._desks = {**self._desks_of(self.ylh), **self._desks_of(self.haier)}

    def desk(self, path: str) -> Desk | None:
        """Who answers at a path, if anyone."""
        return self._desks.get(path)

    def withdraw_tokens(self) -> int:
        """End every token of both suppliers; tells how many there were."""
        return self.ylh.tokens.withdraw_all() + self.haier.tokens.withdraw_all()

    def summary(self) -> dict[str, JSON]:
        """The ledger's totals, and by supplier what came in front of the business; cheap for any number of calls."""
        offices = (self.ylh, self.haier)
        return {
            **self.ledger.summary(),
            "worst_second": {name: pace.worst for name, pace in self._paces.items()},
            "throttled": {office.name: self.ledger.ended(office.name, "429") for office in offices},
            "logins": {office.name: office.tokens.logins for office in offices},
            "revocations": {office.name: office.tokens.revocations for office in offices},
            "expired_calls": {office.name: office.tokens.expired_calls for office in offices},
        }

    def reset(self) -> None:
        """Forget orders and counters; faults and tokens stay."""
        self.ledger.reset()
        for office in (self.ylh, self.haier):
            office.tokens.reset()
        for pace in self._paces.values():
            pace.reset()

    async def answer(self, request: web.BaseRequest, desk: Desk) -> web.StreamResponse:
        """Answer one supplier call, or end its connection where a fault wants that."""
        if request.method != "POST":
            return written(http_refused(HttpRefusal(405, headers={"Allow": "POST"})))
        body = await request.read()
        self.ledger.calls[desk.name] += 1
        if desk.call is not None:
            desk.pace.note()
        visit = Visit()
        try:
            visit.answer = await self._attend(request, body, desk, visit)
        finally:
            self.ledger.answered(desk.name, visit.status, visit.fault, visit.keys, time.time())
        if isinstance(visit.answer, Streamed):
            return await Connection(request).stream(visit.answer, self._clock)
        # aiohttp wants a response even for a connection that is gone; it notices and writes nothing.
        return web.Response() if visit.answer is None else written(visit.answer)

    async def close(self) -> None:
        """End what is held back, and drop callbacks not yet sent."""
        await self._clock.stop()
        await self.teller.close()
        await self.callbacks.close()

    async def _attend(self, request: web.BaseRequest, body: bytes, desk: Desk, visit: Visit) -> Answer | None:
        """The answer, or None where a fault ended the connection; ``visit`` learns what the ledger is to note."""
        try:
            call = self._admit(request.headers, body, desk)
        except HttpRefusal as refusal:
            return http_refused(refusal)
        visit.keys = call.keys
        if self.config.latency:
            await self._clock.pause(self.config.latency)
        rule = self.faults.hit(desk.name, call.keys)
        if rule is None:
            answer: Answer | None = call.carry_out()
        else:
            visit.fault = rule.effect.value
            answer = await perform(rule, call, Connection(request), self._clock)
        if desk.name == "ylh.create":
            await self.teller.before_answer(call.keys)
        return answer

    def _admit(self, headers: Mapping[str, str], body: bytes, desk: Desk) -> Performance:
        """The call, if limit, token and JSON let it pass; raises :class:`HttpRefusal`."""
        if desk.call is None:
            return TokenCall(desk.office.grant, headers, body, desk.office.tokens)
        payload = parsed(body)
        desk.call.arrived(payload, body)
        if not desk.throttle.admits():
            raise HttpRefusal(429, headers={"Retry-After": "1"})
        token = desk.office.token_in(headers.get("Authorization", ""))
        return BusinessCall(desk.call, payload, desk.call.keys(payload), token, desk.office.tokens, self.config.shape)

    def _desks_of(self, office: Ylh | Haier) -> dict[str, Desk]:
        throttle, pace = Throttle(self.config.rate_limit), self._paces[office.name]
        token_call = Desk(office, f"{office.name}.token", throttle, pace)
        return {
            **dict.fromkeys(office.token_paths(), token_call),
            **{path: Desk(office, call.name, throttle, pace, call) for path, call in office.paths().items()},
        }


def written(answer: Answer) -> web.Response:
    """The answer as aiohttp writes it."""
    return web.Response(
        status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type, **answer.headers}
    )
