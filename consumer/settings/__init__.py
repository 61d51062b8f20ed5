"""Typed settings in frozen sections, read once from the environment and ``.env`` and checked whole (DESIGN section 11).

There is no global settings object: `load` is called where a command starts, and what a room needs is handed to it.
"""

from consumer.settings.accounts import (
    ENVIRONMENT,
    KEYS,
    SECRET_KEYS,
    AccountConfig,
    Origin,
    SyncDefaults,
    check_account,
)
from consumer.settings.faults import AccountRefused, Problem, SettingsError
from consumer.settings.loading import Settings, known_names, load
from consumer.settings.schedule import ScheduledRequest, ScheduleSettings
from consumer.settings.secrecy import secrets_of, shown_url
from consumer.settings.sections import (
    BrokerSettings,
    DatabaseSettings,
    HttpSettings,
    LimitSettings,
    LoggingSettings,
    RetentionSettings,
    ServiceSettings,
)
from consumer.settings.suppliers import CallbackSettings, HaierSettings, YlhSettings
from consumer.settings.values import CallbackWindow, Prefetch

__all__ = [
    "ENVIRONMENT",
    "KEYS",
    "SECRET_KEYS",
    "AccountConfig",
    "AccountRefused",
    "BrokerSettings",
    "CallbackSettings",
    "CallbackWindow",
    "DatabaseSettings",
    "HaierSettings",
    "HttpSettings",
    "LimitSettings",
    "LoggingSettings",
    "Origin",
    "Prefetch",
    "Problem",
    "RetentionSettings",
    "ScheduleSettings",
    "ScheduledRequest",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "SyncDefaults",
    "YlhSettings",
    "check_account",
    "known_names",
    "load",
    "secrets_of",
    "shown_url",
]
