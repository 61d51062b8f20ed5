"""What ``RELAY_ENV=prod`` refuses: the sandbox, guest credentials, plain http to a supplier (DESIGN section 11)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from consumer.settings.faults import Problem
from consumer.settings.sections import BrokerSettings
from consumer.settings.suppliers import CallbackSettings, HaierSettings, YlhSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.settings.sections import HttpSettings, Section, ServiceSettings


def refusals(section: Section, service: ServiceSettings, http: HttpSettings | None) -> list[Problem]:
    """Return why ``section`` is no good for production; empty when it is, or when this is not production."""
    if service.environment != "prod":
        return []
    match section:
        case BrokerSettings():
            return _guest(section)
        case CallbackSettings():
            return _known_to_all(section)
        case HaierSettings():
            urls: dict[str, str | None] = {"HAIER_BASE_URL": section.base_url, "HAIER_TOKEN_URL": section.token_url}
        case YlhSettings():
            urls = {"YLH_BASE_URL": section.base_url, "YLH_AUTH_URL": section.auth_url}
        case _:
            return []
    return _unfit_urls({name: url for name, url in urls.items() if url is not None}, service, http)


def _guest(broker: BrokerSettings) -> list[Problem]:
    parts = urlsplit(broker.amqp_url.get_secret_value())
    # Without a user in the URL, AMQP clients log in as guest.
    if unquote(parts.username or "guest") != "guest" and unquote(parts.password or "guest") != "guest":
        return []
    return [
        Problem(
            "RELAY_AMQP_URL",
            "logs in as guest, or with guest's password, while RELAY_ENV is prod",
            "a user of this service's own: amqp://user:password@host:5672/vhost",
        )
    ]


def _known_to_all(callbacks: CallbackSettings) -> list[Problem]:
    # The sandbox's own, which stands in every checkout: whoever knows it could tell us what became of an order.
    if not callbacks.secret.get_secret_value().startswith("sandbox"):
        return []
    return [
        Problem(
            "YLH_CALLBACK_SECRET",
            "is the sandbox's, while RELAY_ENV is prod",
            "the secret that YLH signs callbacks with",
        )
    ]


def _unfit_urls(urls: Mapping[str, str], service: ServiceSettings, http: HttpSettings | None) -> list[Problem]:
    problems = []
    for name, url in urls.items():
        if _is_sandbox(url, http):
            problems.append(Problem(name, f'"{url}" is the sandbox, while RELAY_ENV is prod', "the supplier's own URL"))
        elif url.startswith("http://") and not service.allow_plain_http:
            problems.append(
                Problem(
                    name, f'"{url}" is plain http, while RELAY_ENV is prod', "https://…, or RELAY_ALLOW_PLAIN_HTTP=yes"
                )
            )
    return problems


def _is_sandbox(url: str, http: HttpSettings | None) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host in {"localhost", "sandbox"} or host.endswith(".localhost"):
        return True
    if http is not None and parts.port is not None and parts.port == http.sandbox_port:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
