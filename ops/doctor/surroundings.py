"""What the service stands on: database, broker, suppliers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from consumer.persistence import migrations
from ops.cli.asking import broker as connected
from ops.cli.asking import management_of, sqlite_file
from ops.doctor.checks import Finding, Status, fail, ok, warn
from ops.queues import look
from rabbitmq.declaring import survey
from rabbitmq.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import AbstractConnection

    from consumer.settings import Settings

_OLDEST: Final = (3, 10)
_DRIFTS_TOLD: Final = 5
_UPGRADE: Final = "Run `relay db upgrade`."


async def database(settings: Settings) -> Sequence[Finding]:
    """Does it answer."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return fail(f"there is no database file {file.absolute()}", _UPGRADE)
    await migrations.current(settings.database.url.get_secret_value())
    return ok(f"{settings.database.shown_url} answers")


async def schema(settings: Settings) -> Sequence[Finding]:
    """Is it the newest."""
    current = await migrations.current(settings.database.url.get_secret_value())
    head = migrations.head()
    if current == head:
        return ok(f"schema {head}")
    return fail(f"schema {current or 'none'}, this version needs {head}", _UPGRADE)


async def broker(settings: Settings) -> Sequence[Finding]:
    """Does it answer, and is it new enough."""
    async with connected(settings, "doctor") as connection:
        product, version = _product(connection)
    told = f"{product} {version} at {settings.broker.shown_url}"
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None:
        return warn(f"{told}: a version that cannot be read", "Use RabbitMQ 3.10 or newer.")
    if (int(numbers[1]), int(numbers[2])) < _OLDEST:
        return fail(told, "Use RabbitMQ 3.10 or newer: older ones lose dead letters (no at-least-once).")
    return ok(told)


def _product(connection: AbstractConnection) -> tuple[str, str]:
    if connection.transport is None:
        raise ConnectionError("the connection closed before it could be looked at")
    properties = connection.transport.connection.server_properties

    def text(name: str) -> str:
        value = properties.get(name, "")
        return value.decode() if isinstance(value, bytes) else str(value)

    return text("product") or "a broker", text("version")


async def topology(settings: Settings) -> Sequence[Finding]:
    """Has the broker the shape that the service needs."""
    wanted = Topology.build(settings.broker.retry_delays)
    async with connected(settings, "doctor") as connection:
        found = await survey(connection, wanted, management_of(settings))
    if not found.drifts:
        seen = "bindings not compared" if found.unseen else "bindings too"
        return ok(f"{len(wanted.exchanges)} exchanges and {len(wanted.queues)} queues as they should be; {seen}")
    findings = [
        Finding(Status.FAIL, f"{drift.what}: expected {drift.expected}, found {drift.found}", drift.cure)
        for drift in found.drifts[:_DRIFTS_TOLD]
    ]
    more = len(found.drifts) - _DRIFTS_TOLD
    return findings + (fail(f"{more} more differences", "`relay topology check` shows all.") if more > 0 else [])


async def consumers(settings: Settings) -> Sequence[Finding]:
    """Does somebody take the events."""
    wanted = Topology.build(settings.broker.retry_delays)
    async with connected(settings, "doctor") as connection:
        states = await look(connection, [(lane.name, "lane") for lane in wanted.lanes], None)
    idle = [f"{state.queue} ({state.messages} waiting)" for state in states if not state.consumers]
    if idle:
        return warn(f"nobody takes from {', '.join(idle)}", "Start `relay consume`.")
    return ok("every lane has a consumer")


async def ylh_login(settings: Settings) -> Sequence[Finding]:
    """Does YLH let us in."""
    from consumer.bootstrap.by_hand import ylh_by_hand  # noqa: PLC0415 - brings the suppliers' room, which takes a second
    from consumer.suppliers.quota import LocalSlots  # noqa: PLC0415 - as above

    # A login takes no slot of the quota.
    async with ylh_by_hand(settings, settings.ylh, LocalSlots()) as ylh:
        await ylh.login()
    return ok(f"ylh lets us in at {settings.ylh.base_url}")


async def haier_login(settings: Settings) -> Sequence[Finding]:
    """Does Haier let the account in that serves."""
    from consumer.bootstrap.by_hand import haier_by_hand  # noqa: PLC0415 - as above
    from consumer.suppliers.quota import LocalSlots  # noqa: PLC0415 - as above
    from ops.accounts.using import account_for_a_try  # noqa: PLC0415 - as above

    account = await account_for_a_try(settings)
    async with haier_by_hand(settings, account, LocalSlots()) as haier:
        await haier.login()
    return ok(f"haier lets us in at {account.haier.base_url}, with {account.told}")
