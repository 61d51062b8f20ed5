"""The books: everything the service keeps, read and written in batches.

`Store.apply` is the heart. All units of work that are ready share one transaction, with one statement for each kind
of write. What a write needs in order to hold is part of its statement, so the database itself checks it; the
statement then reports fewer rows than it was given, the transaction is rolled back, the units whose conditions fail
are named and taken out, and the others run again. Values that the database refuses are found by halving the batch. So
the common case pays for no check at all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from sqlalchemy import exc

from consumer.domain.ledger import Selection
from consumer.persistence import migrations, retention, scrubbing
from consumer.persistence.announcing import Announced
from consumer.persistence.audit import Audit
from consumer.persistence.batch import CONTRADICTION, Batch, Numbered, rounds
from consumer.persistence.catalogue import Catalogue
from consumer.persistence.columns import database_time
from consumer.persistence.conditions import Found, failure
from consumer.persistence.engine import BUSY_TIMEOUT_MS, Database, open_database
from consumer.persistence.errors import DatabaseUnavailable, UnitRefused, refused_values, where
from consumer.persistence.inbox import Inbox
from consumer.persistence.interventions import Interventions
from consumer.persistence.ledger import Ledger
from consumer.persistence.ledger_acts import LedgerActs
from consumer.persistence.letters import Letters
from consumer.persistence.one_statement import OneStatement
from consumer.persistence.orders import Orders
from consumer.persistence.outbox import Outbox
from consumer.persistence.quotas import Quotas
from consumer.persistence.replay_ends import ReplayEnds
from consumer.persistence.replay_looks import ReplayLooks
from consumer.persistence.replay_steps import ReplaySteps
from consumer.persistence.replays import Replays
from consumer.persistence.reports import Reports
from consumer.persistence.schedule import Schedule
from consumer.persistence.shipments import Shipments
from consumer.persistence.stats import Stats, stats
from consumer.persistence.stories import Stories
from consumer.persistence.suspects import Suspects
from consumer.persistence.sync_cancelling import SyncCancelling
from consumer.persistence.sync_log import SyncLog
from consumer.persistence.sync_plans import SyncPlans
from consumer.persistence.sync_standings import SyncStandings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection

    from consumer.domain.audit import AuditRow, ChainKey
    from consumer.domain.errors import RelayError
    from consumer.domain.order import Order
    from consumer.domain.slots import Reservation, SlotRequest
    from consumer.domain.writes import InboxEntry, InboxKey, Letter, OutboxMessage, SyncLogRow, UnitOfWork

_UNNAMED_TRIES = 5


class _NotHeld(Exception):
    pass


class Store(Interventions):
    """The service's database.

    Every method raises `DatabaseUnavailable` when the database cannot be used now, and can simply be called again.
    """

    def __init__(self, database: Database, chain_key: ChainKey | None = None) -> None:
        dialect = database.dialect
        super().__init__(database, Audit(dialect, chain_key))
        self._one_statement = OneStatement() if dialect.name == "postgresql" else None
        self._inbox = Inbox(dialect)
        self._outbox = Outbox(dialect)
        self._orders = Orders(dialect)
        self._sync_log = SyncLog(dialect)
        self.catalogue = Catalogue(database)
        self._letters = Letters(dialect)
        self.ledger = Ledger(database)
        self.ledger_acts = LedgerActs(database, self._audit, self._sync_log)
        ends = ReplayEnds(database.dialect)
        self.replays = Replays(database, ends, self._audit, self._sync_log)
        self.replay_looks = ReplayLooks(database)
        self.replay_steps = ReplaySteps(database, ends, self._audit, self._sync_log, self._outbox)
        self._suspects = Suspects(dialect)
        self._quotas = Quotas(dialect)
        self.reports = Reports(database)
        self.stories = Stories(database)
        self.shipments = Shipments(database)
        self.syncs = SyncStandings(database)
        self._plans = SyncPlans(database.dialect, self.syncs)
        self.cancelling = SyncCancelling(database, self._audit, self._plans, self._sync_log)
        self.schedule = Schedule(database)

    @classmethod
    def open(
        cls,
        database_url: str,
        *,
        chain_key: ChainKey | None = None,
        announce: Callable[[AuditRow], None] | None = None,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> Self:
        """Prepare a store; no connection is made yet, so that a service can start before its database.

        Args:
            database_url: ``RELAY_DATABASE_URL``.
            chain_key: what rows of the audit log are signed with (`ChainKey.first_of`); None: they are not.
            announce: is told each row of the audit log after its commit (`Announced`).
            busy_timeout_ms: how long to wait for another process's lock.

        Raises:
            DatabaseUnavailable: code ``bad_url``.
        """
        database = open_database(database_url, busy_timeout_ms=busy_timeout_ms)
        return cls(database if announce is None else Announced(database, announce), chain_key)

    @property
    def writes_at_once(self) -> int:
        """Calls of `apply` that are worth having under way side by side."""
        return self._database.writes_at_once

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---- writing ----

    async def apply(self, units: Sequence[UnitOfWork]) -> list[RelayError | None]:
        """Commit ``units`` together, each whole or not at all; durable on return.

        Returns:
            For each unit None (it is durable), a `StateError` (its condition did not hold), `UnitRefused` (the
            database refuses its values), or `DatabaseUnavailable` if the database went away after other units had
            been committed.

        Raises:
            DatabaseUnavailable: no unit is known to be committed (``commit_unknown``: they may be). Apply them again:
                a unit that was committed nevertheless answers with its `StateError`.
        """
        outcomes: dict[int, RelayError | None] = {}
        try:
            for units_of_round in rounds(units):
                await self._apply(units_of_round, outcomes)
        except DatabaseUnavailable as error:
            if not outcomes:
                raise
            return [outcomes.get(number, error) for number in range(len(units))]
        return [outcomes[number] if number in outcomes else UnitRefused(CONTRADICTION) for number in range(len(units))]

    async def _apply(self, units: Numbered, outcomes: dict[int, RelayError | None]) -> None:
        unnamed = 0
        while units:
            try:
                await self._write(Batch.of(units.values()))
            except _NotHeld:
                failed = await self._failures(units)
            except (exc.SQLAlchemyError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
                reason = refused_values(error)
                if reason is None:
                    raise
                # Not chained: the driver's own words may quote the row, and a defect's traceback is kept in a letter.
                await self._halve(units, UnitRefused(reason), outcomes)
                return
            else:
                outcomes.update(dict.fromkeys(units))
                return
            outcomes.update(failed)
            units = {number: unit for number, unit in units.items() if number not in failed}
            # A condition that failed may hold a moment later (a lease ran out); that is no reason to go on for ever.
            unnamed = 0 if failed else unnamed + 1
            if unnamed == _UNNAMED_TRIES:
                raise DatabaseUnavailable(
                    f"{where(self._database.url)} refuses conditions that look fulfilled. It is tried again by itself.",
                    code="busy",
                )

    async def _halve(self, units: Numbered, refusal: UnitRefused, outcomes: dict[int, RelayError | None]) -> None:
        if len(units) == 1:
            outcomes.update(dict.fromkeys(units, refusal))
            return
        numbers = list(units)
        middle = len(numbers) // 2
        for half in (numbers[:middle], numbers[middle:]):
            await self._apply({number: units[number] for number in half}, outcomes)

    async def _write(self, batch: Batch) -> None:
        if self._one_statement is not None and batch.is_plain:
            await self._database.write_at_once(partial(self._commit_at_once, self._one_statement, batch))
        else:
            await self._database.write(partial(self._commit, batch))

    def _commit_at_once(self, one_statement: OneStatement, batch: Batch, connection: Connection) -> None:
        # In the order of `_commit`.
        steps = (
            self._inbox.adding(batch.entries),
            self._orders.saving(batch.orders),
            self._sync_log.writing(batch.sync_rows),
            self._outbox.adding(batch.messages),
            self._outbox.marking(batch.dispatched),
        )
        if not one_statement.run(connection, steps):
            raise _NotHeld

    def _commit(self, batch: Batch, connection: Connection) -> None:
        # Always the same order of tables (and of keys within each): two processes can then never wait for each other.
        if not self._inbox.adding(batch.entries).run(connection):
            raise _NotHeld
        if not self._orders.saving(batch.orders).run(connection):
            raise _NotHeld
        self.shipments.save(connection, batch.shipments)
        # Its plan before its row, as who cancels a sync takes them.
        if not self._plans.close(connection, batch.closes):
            raise _NotHeld
        self._sync_log.write(connection, batch.sync_rows)
        held = (
            self._plans.plan(connection, batch.plans)
            and self._plans.join(connection, batch.joins)
            and self._plans.count(connection, batch.counts, batch.parts)
            and self.catalogue.save(connection, products=batch.products, prices=batch.prices, stock=batch.stock)
        )
        if not held:
            raise _NotHeld
        self._letters.add(connection, batch.letters)
        self._outbox.add(connection, batch.messages)
        self._outbox.marking(batch.dispatched).run(connection)
        self._suspects.mark(connection, batch.marks)
        self._suspects.clear(connection, batch.cleared)

    async def _failures(self, units: Numbered) -> dict[int, RelayError | None]:
        found = await self._database.read(partial(self._found, Batch.of(units.values())))
        failures = {number: failure(unit, found) for number, unit in units.items()}
        return {number: failed for number, failed in failures.items() if failed is not None}

    def _found(self, batch: Batch, connection: Connection) -> Found:
        syncs = {count.sync_id for count in batch.counts} | {part.sync_id for part in batch.parts}
        countable, counted = self.syncs.batches(connection, syncs)
        return Found(
            done=self._inbox.find(connection, [entry.key for entry in batch.entries]),
            standing=self._orders.standing(connection, batch.orders),
            countable=countable,
            counted=counted,
            under_way=self.syncs.under_way(connection),
            closable=self.syncs.over(connection),
            stale=self.catalogue.stale(connection, products=batch.products, prices=batch.prices, stock=batch.stock),
        )

    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        """Give out the next slots of an account's quota; see `Slots`."""
        return await self._database.write(lambda connection: self._quotas.reserve(connection, request))

    # ---- reading ----

    async def inbox(self, keys: Collection[InboxKey]) -> dict[InboxKey, InboxEntry]:
        """Return those of ``keys`` that are done."""
        return await self._database.read(lambda connection: self._inbox.find(connection, keys))

    async def standings(
        self, keys: Collection[InboxKey], so_ids: Collection[str]
    ) -> tuple[dict[InboxKey, InboxEntry], dict[str, Order]]:
        """Return those of ``keys`` that are done, and those of ``so_ids`` that are in the books, in one trip."""
        return await self._database.read(
            lambda connection: (self._inbox.find(connection, keys), self._orders.find(connection, so_ids))
        )

    async def ended(self, events: Collection[InboxKey]) -> dict[InboxKey, InboxEntry]:
        """Return how those events ended that did, when they first came or by a replay: refused only by all of them."""
        return await self._database.read(lambda connection: self._inbox.ended(connection, events))

    async def outbox_of(self, key: InboxKey) -> list[OutboxMessage]:
        """Return all messages that a done event caused, oldest first, to send them again."""
        return await self._database.read(lambda connection: self._outbox.of_key(connection, key))

    async def claim_outbox(self, limit: int, claim_for: timedelta) -> list[OutboxMessage]:
        """Claim up to ``limit`` pending messages that nobody holds, for ``claim_for`` by the database's clock."""
        return await self._database.write(lambda connection: self._outbox.claim(connection, limit, claim_for))

    async def orders(self, so_ids: Collection[str]) -> dict[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        return await self._database.read(lambda connection: self._orders.find(connection, so_ids))

    async def orders_by_numbers(
        self, numbers: Collection[tuple[str, str | None]]
    ) -> dict[tuple[str, str | None], list[Order]]:
        """Return for each pair of a platform's and Haier's number the orders that one of the two may mean."""
        return await self._database.read(lambda connection: self._orders.by_numbers(connection, numbers))

    async def orders_with_held(self, older_than: timedelta, *, after: str, limit: int) -> list[Order]:
        """Return orders that came into the books longer ago than that and hold something, by ``so_id`` after one."""
        return await self._database.read(
            lambda connection: self._orders.with_held(connection, older_than=older_than, after=after, limit=limit)
        )

    async def suspects(self, keys: Collection[str]) -> dict[str, int]:
        """Return how often those of ``keys`` that are suspects were run alone."""
        return await self._database.read(lambda connection: self._suspects.find(connection, keys))

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return the sync-log row ``id_``."""
        return await self._database.read(lambda connection: self._sync_log.find(connection, id_))

    async def recent_sync_logs(self, limit: int) -> list[SyncLogRow]:
        """Return the newest sync-log rows, newest first."""
        return await self._database.read(lambda connection: self._sync_log.recent(connection, limit))

    async def joined_sync(self, key: InboxKey) -> str | None:
        """Return the id of the sync that the request of ``key`` joined."""
        return await self.syncs.joined(key)

    async def letter(self, id_: str) -> Letter | None:
        """Return the letter ``id_``."""
        return await self._database.read(lambda connection: self._letters.find(connection, id_))

    async def letter_of_event(self, event_id: str) -> Letter | None:
        """Return the newest open letter of an event."""
        return next(iter(await self.ledger.letters(Selection(event_id=event_id), limit=1)), None)

    async def open_letters(self, limit: int) -> list[Letter]:
        """Return the newest open letters, newest first."""
        return await self._database.read(lambda connection: self._letters.open(connection, limit))

    # ---- housekeeping ----

    async def stats(self) -> Stats:
        """Return what `Stats` says."""
        return await self._database.read(partial(stats, self._letters, self._outbox))

    async def purge(self, older_than: timedelta = retention.KEEP) -> retention.Purged:
        """Delete what is older than ``older_than`` and settled (see `retention`)."""
        return await retention.purge(self._database, older_than)

    async def purge_letters(self, older_than: timedelta) -> int:
        """Delete letters that were closed, and replays that ended, longer ago than that; return how many letters."""
        before = await self._database.read(database_time) - older_than
        return await retention.purge_letters(self._database, before)

    async def scrub(self, older_than: timedelta) -> int:
        """Forget the customers of orders and letters that ended longer ago than that; return of how many."""
        return await scrubbing.scrub(self._database, older_than)

    async def schema_revision(self) -> tuple[str | None, str]:
        """Return the schema's revision in the database (None: it has none yet) and the newest one."""
        return await self._database.read(migrations.revision), migrations.head()

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` unless the database answers and its schema is the newest."""
        current, head = await self.schema_revision()
        if current != head:
            raise DatabaseUnavailable(
                f"{where(self._database.url)} is at schema {current or 'none'}, this version needs {head}. "
                "Run `relay db upgrade`.",
                code="schema_outdated",
            )
