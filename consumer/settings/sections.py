"""The sections that do not belong to a supplier: broker, database, the service, HTTP, limits, logging, retention.

A field's alias is its name in the environment, its description what is expected there: both end up in error messages,
and a test holds them against ``.env.example``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from consumer.settings import values
from consumer.settings.secrecy import shown_url
from consumer.settings.texts import from_text, from_word, secret_text
from consumer.settings.values import Prefetch


class Section(BaseModel):
    """A frozen group of settings; filled by alias from the environment, by name in tests."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )


Duration = Annotated[timedelta, BeforeValidator(from_text(values.duration))]
Port = Annotated[int, Field(ge=0, le=65_535)]
Host = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9.:_-]+$")]
"""A host name or address to listen on."""
Switch = Annotated[bool, BeforeValidator(from_text(values.switch))]

_A_PORT = "a port from 1 to 65535, or 0 for any that is free"
_A_HOST = "an address to listen on, such as 127.0.0.1 (this machine only) or 0.0.0.0 (all; needed in a container)"
_A_DURATION = "a duration such as 200ms, 10s, 5m or 24h (a bare number is in seconds)"


class BrokerSettings(Section):
    """RabbitMQ."""

    amqp_url: Annotated[SecretStr, AfterValidator(secret_text(values.amqp_url))] = Field(
        SecretStr("amqp://guest:guest@127.0.0.1:5672/"),
        alias="RELAY_AMQP_URL",
        description="amqp://user:password@host:5672/vhost, or amqps:// with TLS (write / in a vhost's name as %2F)",
    )
    management_url: Annotated[SecretStr, AfterValidator(secret_text(values.http_url))] | None = Field(
        None,
        alias="RELAY_MANAGEMENT_URL",
        description="http://user:password@host:15672 of RabbitMQ's management plugin, or nothing",
    )
    retry_delays: Annotated[tuple[timedelta, ...], BeforeValidator(from_text(values.retry_delays))] = Field(
        values.retry_delays("5s,30s,2m,10m,1h"),
        alias="RELAY_RETRY_DELAYS",
        description="durations that grow, each at most a day, such as 5s,30s,2m,10m,1h",
    )
    prefetch: Annotated[Prefetch, BeforeValidator(from_text(values.prefetch))] = Field(
        Prefetch(),
        alias="RELAY_PREFETCH",
        description="one number for all lanes, or some by lane such as orders=100,catalog=10",
    )
    max_event_bytes: Annotated[int, BeforeValidator(from_text(values.byte_size)), Field(ge=1024, le=16 * 1024**2)] = (
        Field(
            256 * 1024,
            alias="RELAY_MAX_EVENT_BYTES",
            description="a size from 1 kB to 16 MB, such as 256kB",
        )
    )

    @property
    def shown_url(self) -> str:
        """The broker's URL without the password."""
        return shown_url(self.amqp_url.get_secret_value())


class DatabaseSettings(Section):
    """Where our own state lives."""

    url: Annotated[SecretStr, AfterValidator(secret_text(values.database_url))] = Field(
        SecretStr("sqlite+aiosqlite:///relay.db"),
        alias="RELAY_DATABASE_URL",
        description="sqlite+aiosqlite:///relay.db (four slashes for an absolute path) or postgresql+asyncpg://user:password@host/name",
    )

    @property
    def shown_url(self) -> str:
        """The database's URL without the password."""
        return shown_url(self.url.get_secret_value())


class ServiceSettings(Section):
    """What holds for the whole service."""

    environment: Annotated[Literal["dev", "test", "prod"], BeforeValidator(from_word)] = Field(
        "dev", alias="RELAY_ENV", description="dev, test or prod"
    )
    secret_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(from_text(values.fernet_keys))] = Field(
        (),
        alias="RELAY_SECRET_KEY",
        description="a Fernet key (`relay config key` makes one), or several parted by commas: the first encrypts, all "
        "decrypt",
    )
    allow_plain_http: Switch = Field(default=False, alias="RELAY_ALLOW_PLAIN_HTTP", description="yes or no")
    language: Annotated[Literal["zh", "en"], BeforeValidator(from_text(values.language))] | None = Field(
        None, alias="RELAY_LANG", description="zh or en; nothing for the locale's"
    )
    timezone: Annotated[ZoneInfo, BeforeValidator(from_text(values.timezone))] = Field(
        ZoneInfo("Asia/Shanghai"), alias="RELAY_TIMEZONE", description="an IANA time zone such as Asia/Shanghai"
    )


class HttpSettings(Section):
    """Which ports the processes listen on. Only loopback unless told otherwise."""

    host: Host = Field("127.0.0.1", alias="RELAY_HTTP_HOST", description=_A_HOST)
    port: Port = Field(8080, alias="RELAY_HTTP_PORT", description=_A_PORT)
    callback_host: Host = Field("127.0.0.1", alias="RELAY_CALLBACK_HOST", description=_A_HOST)
    callback_port: Port = Field(8081, alias="RELAY_CALLBACK_PORT", description=_A_PORT)
    callback_health_port: Port = Field(
        8082, alias="RELAY_CALLBACK_HEALTH_PORT", description="a port from 1 to 65535, or 0 for none"
    )
    console_host: Host = Field("127.0.0.1", alias="RELAY_CONSOLE_HOST", description=_A_HOST)
    console_port: Port = Field(8000, alias="RELAY_CONSOLE_PORT", description=_A_PORT)
    sandbox_host: Host = Field("127.0.0.1", alias="RELAY_SANDBOX_HOST", description=_A_HOST)
    sandbox_port: Port = Field(9100, alias="RELAY_SANDBOX_PORT", description=_A_PORT)


class LimitSettings(Section):
    """How much and how long (DESIGN section 6)."""

    rate_limit: Annotated[float, BeforeValidator(from_text(values.rate))] = Field(
        100.0,
        alias="RELAY_RATE_LIMIT",
        description="calls for each supplier's account, such as 100/s or 6000/m",
    )
    token_timeout: Duration = Field(timedelta(seconds=10), alias="RELAY_TOKEN_TIMEOUT", description=_A_DURATION)
    supplier_timeout: Duration = Field(timedelta(seconds=30), alias="RELAY_SUPPLIER_TIMEOUT", description=_A_DURATION)
    shutdown_timeout: Duration = Field(timedelta(seconds=30), alias="RELAY_SHUTDOWN_TIMEOUT", description=_A_DURATION)
    immediate_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        1, alias="RELAY_IMMEDIATE_RETRIES", description="a number from 0 to 10"
    )
    probe_first: Duration = Field(timedelta(seconds=30), alias="RELAY_PROBE_FIRST", description=_A_DURATION)
    probe_longest: Duration = Field(timedelta(minutes=5), alias="RELAY_PROBE_LONGEST", description=_A_DURATION)
    product_cache: Annotated[timedelta | None, BeforeValidator(from_text(values.duration_or_off))] = Field(
        timedelta(minutes=15), alias="RELAY_PRODUCT_CACHE", description="a duration such as 15m, or off"
    )
    low_balance: Annotated[values.Amount | None, BeforeValidator(from_text(values.amount))] = Field(
        None, alias="RELAY_LOW_BALANCE", description="an amount of money such as 5000.00, or nothing"
    )
    snooze_limit: Duration = Field(timedelta(hours=24), alias="RELAY_SNOOZE_LIMIT", description=_A_DURATION)


class LoggingSettings(Section):
    """Where log lines go."""

    directory: Annotated[Path | None, BeforeValidator(from_text(values.log_directory))] = Field(
        Path("logs"), alias="RELAY_LOG_DIR", description="a directory for the log files, or off for none"
    )
    level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(from_word)] = Field(
        "info", alias="RELAY_LOG_LEVEL", description="debug, info, warning, error or critical"
    )
    alert_webhook: Annotated[SecretStr, AfterValidator(secret_text(values.http_url))] | None = Field(
        None,
        alias="RELAY_ALERT_WEBHOOK",
        description="the https URL of a robot (DingTalk, WeCom, Feishu) or of a receiver of plain JSON, or nothing",
    )


class RetentionSettings(Section):
    """How long rows stay. The inbox must outlive every retry and snooze, or a late duplicate would be taken for new."""

    messages: Duration = Field(
        timedelta(days=30), alias="RELAY_KEEP_MESSAGES", description="a duration of at least 2d, such as 30d"
    )
    letters: Duration = Field(
        timedelta(days=30), alias="RELAY_KEEP_LETTERS", description="a duration such as 30d, from a letter's end on"
    )
    personal_data: Duration = Field(
        timedelta(days=30),
        alias="RELAY_KEEP_PERSONAL_DATA",
        description="a duration such as 30d, from an order's final state or its delivery on",
    )
