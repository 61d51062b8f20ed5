"""The receiver of YLH's callbacks: can it run here, or does it already, and do others reach only what they should."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from typing import TYPE_CHECKING, Final

from consumer.settings import SettingsError
from ops.doctor.checks import Finding, Status, fail, ok, warn
from ops.doctor.machine import bind
from ops.doctor.setup import faults
from ops.health import says_yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import HttpSettings, Settings

_NOT_SET_UP: Final = frozenset({"YLH_CALLBACK_APP_KEY", "YLH_CALLBACK_SECRET"})


async def callbacks(settings: Settings) -> Sequence[Finding]:
    """Account and ports of `relay callbacks`."""
    try:
        _ = settings.callbacks
    except SettingsError as error:
        if {problem.setting for problem in error.problems} >= _NOT_SET_UP:
            return warn(
                "YLH_CALLBACK_APP_KEY and YLH_CALLBACK_SECRET are not set here",
                "Set them where `relay callbacks` runs: without it no order gets beyond pushed.",
            )
        return faults(error)
    http = settings.http
    return [*await _port(http), *_health_host(http)]


async def _port(http: HttpSettings) -> Sequence[Finding]:
    host, number = http.callback_host, http.callback_port
    if number == 0:
        return ok("RELAY_CALLBACK_PORT=0: any free port")
    try:
        await asyncio.to_thread(bind, host, number)
    except OSError as error:
        return await _taken(http, error)
    return ok(f"port {number} on {host} is free for `relay callbacks`")


async def _taken(http: HttpSettings, error: OSError) -> Sequence[Finding]:
    host, number = http.callback_host, http.callback_port
    if error.errno != errno.EADDRINUSE:
        return fail(
            f"{host}:{number} cannot be listened on ({error.strerror})",
            "Check RELAY_CALLBACK_HOST and RELAY_CALLBACK_PORT.",
        )
    health = http.callback_health_port
    if health and await says_yes(http.host, health, "/health/ready"):
        return ok(f"a receiver is ready on {host}:{number}")
    if health and await says_yes(http.host, health, "/health/live"):
        return warn(
            f"a receiver runs on {host}:{number} and is not ready",
            "Broker and database are both away for it: see its log.",
        )
    if not health:
        return ok(f"{host}:{number} is taken; by a receiver, if it is yours (RELAY_CALLBACK_HEALTH_PORT is 0)")
    return fail(f"port {number} on {host} is in use by another program", "Stop that one, or set RELAY_CALLBACK_PORT.")


def _health_host(http: HttpSettings) -> list[Finding]:
    """Health and metrics tell strangers about us; callbacks are for the internet, those are not."""
    if not http.callback_health_port or _is_loopback(http.host) or http.host != http.callback_host:
        return []
    return [
        Finding(
            Status.WARN,
            f"RELAY_HTTP_HOST and RELAY_CALLBACK_HOST are both {http.host}: health and metrics are as open",
            f"Let a firewall or a proxy pass port {http.callback_port} only, or set RELAY_HTTP_HOST=127.0.0.1.",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
