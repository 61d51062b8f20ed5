"""`.env.example` is the reference of all settings: complete, true in its defaults, and working as it stands."""

import re
from pathlib import Path

from consumer.settings import known_names, load
from sandbox.credentials import environment

EXAMPLE = Path(__file__).parents[3] / ".env.example"
LINE = re.compile(r"^(# )?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def lines() -> list[tuple[bool, str, str]]:
    found = LINE.findall(EXAMPLE.read_text(encoding="utf-8"))
    return [(bool(commented), name, value) for commented, name, value in found]


def test_names_each_setting_of_the_code_once_and_no_other() -> None:
    assert sorted(name for _, name, _ in lines()) == sorted(known_names())


def test_shows_the_real_default_on_each_commented_line() -> None:
    needed = {name: value for commented, name, value in lines() if not commented}
    defaults = {name: value for commented, name, value in lines() if commented}
    silent, spoken = load(needed, None), load({**needed, **defaults}, None)
    for section in (
        "service",
        "broker",
        "database",
        "http",
        "limits",
        "logging",
        "retention",
        "schedule",
        "haier",
        "ylh",
        "callbacks",
    ):
        assert getattr(spoken, section) == getattr(silent, section)


def test_a_fresh_copy_reaches_the_sandbox() -> None:
    values = {name: value for commented, name, value in lines() if not commented}
    account = environment("http://127.0.0.1:9100")
    settings, expected = load({}, EXAMPLE), load(account, None)
    assert settings.ylh == expected.ylh
    assert settings.callbacks == expected.callbacks
    # The token's URL is left to its default, which is the same.
    assert settings.haier.model_dump() == expected.haier.model_dump()
    assert set(values) <= {*account, "RELAY_ENV"}
    assert settings.warnings == ()
