"""Where YLH's calls go: each service has a path prefix of its own, outside production with a suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from consumer.settings import YlhSettings

TOKEN = ("mgt-auth", "/oauth/token")
CREATE = ("service-jst-order", "/api/page/hmm/retailorder/receive-hmm-retail-order")
CANCEL = ("service-jst-order", "/api/page/hmm/retailorder/cancel-hmm-retail-order")
RESCHEDULE = ("service-order", "/api/page/retailorder/hmm/update-distribution-time")
PHOTOS = ("service-order", "/api/page/retailorder/search/get-retail-order-delivery-img")
LOGISTICS = ("service-stock", "/api/composite/stock/logistics/get-store-logistics-by-order-code")


def address(settings: YlhSettings, service: str, path: str) -> httpx.URL:
    """Return the whole URL of ``path`` at ``service`` (SUPPLIERS, "YLH: the order's life")."""
    suffix = "" if settings.environment == "prod" else f"-{settings.environment}"
    return httpx.URL(f"{settings.base_url.rstrip('/')}/ylh-cloud-{service}{suffix}{path}")


def token_address(settings: YlhSettings) -> httpx.URL:
    """Return the URL of the token endpoint: ``YLH_AUTH_URL`` if set, else the usual one."""
    return httpx.URL(settings.auth_url) if settings.auth_url else address(settings, *TOKEN)
