"""Both languages say the same things, with the same values."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import ops.demo
from ops.demo.faults import FaultName
from ops.demo.texts import Texts, keys, language_of


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", sorted(keys()))
def test_both_languages_take_the_same_values(key: str) -> None:
    from ops.demo.texts import _ALL  # noqa: PLC0415 - looks inside on purpose

    english, chinese = _ALL[key]
    assert fields(english) == fields(chinese)
    assert english.strip()
    assert chinese.strip()


def test_every_key_that_the_code_names_is_there_and_the_other_way_round() -> None:
    named: set[str] = set()
    for file in Path(ops.demo.__path__[0]).glob("*.py"):
        if file.name not in {"texts.py", "complaints.py"}:
            text = file.read_text(encoding="utf-8")
            named |= set(re.findall(r"[\"']((?:step|live|sum|next|fail|part)\.[a-z_0-9]+)[\"']", text))
            named |= {f"sum.{name}" for name in re.findall(r'standing\("([a-z_]+)"', text)}
            named |= {f"disagree.{code}" for code in re.findall(r'Disagreement\(\s*"([a-z_]+)"', text)}
    named |= {f"fault.{name}" for name in FaultName}
    named |= {"part.service", "part.receiver", "part.sandbox"}
    assert named == keys()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "RELAY_LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "RELAY_LANG": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "RELAY_LANG": ""}, "zh"),
    ],
)
def test_the_language_is_what_is_asked_for_else_the_locales(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language
    assert Texts(language_of(environ)).language == language
