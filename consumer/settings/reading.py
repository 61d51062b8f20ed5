"""Where settings come from: the environment, and below it a ``.env`` file."""

from __future__ import annotations

import difflib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from consumer.settings.faults import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

PREFIXES = ("RELAY_", "HAIER_", "YLH_")


@dataclass(frozen=True, slots=True)
class Found:
    """All names of ours with a value, and what went wrong in looking for them.

    Attributes:
        values: name to text; a name that is set to nothing counts as not set (compose files pass such names on).
        sources: name to where it was found.
        problems: faults of the ``.env`` file itself.
    """

    values: Mapping[str, str]
    sources: Mapping[str, str]
    problems: tuple[Problem, ...] = field(default=())


def find(environ: Mapping[str, str], dotenv: Path | None) -> Found:
    """Collect the settings; the environment wins over the file. A file that is not there is no fault."""
    lines, problems = _read_file(dotenv) if dotenv is not None else ({}, [])
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for source, pairs in ((str(dotenv), lines), ("environment", environ)):
        for name, text in pairs.items():
            if name.upper().startswith(PREFIXES) and text.strip():
                values[name] = text.strip()
                sources[name] = source
    return Found(values, sources, tuple(problems))


def _read_file(path: Path) -> tuple[dict[str, str], list[Problem]]:
    expected = "a text file in UTF-8 with lines such as NAME=value"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        return {}, [Problem(str(path), "is not UTF-8", expected)]
    except OSError as error:
        return {}, [Problem(str(path), f"cannot be read ({error.strerror})", expected)]
    pairs: dict[str, str] = {}
    problems: list[Problem] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            # The line itself is not shown: it may be a secret with a slip in it.
            problems.append(
                Problem(
                    f"{path}, line {_line(binding.original.string, binding.original.line)}",
                    "cannot be understood",
                    "NAME=value",
                )
            )
        elif binding.key is not None and binding.value is not None:
            pairs[binding.key] = binding.value
    return pairs, problems


def _line(original: str, first: int) -> int:
    # The parser counts from the blank lines above the faulty one.
    return first + original[: len(original) - len(original.lstrip())].count("\n")


def unknown_names(found: Found, known: Collection[str]) -> tuple[Problem, ...]:
    """Return a warning for each name that looks like one of ours and is none."""
    warnings = []
    for name in sorted(set(found.values) - set(known)):
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
        expected = f"{near[0]} (is it that?)" if near else "one of the names in .env.example"
        warnings.append(
            Problem(name, "is not a setting of this service and has no effect", expected, found.sources[name])
        )
    return tuple(warnings)
