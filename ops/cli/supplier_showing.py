"""A supplier's standing as rows: plain values with stable keys for programs, and the same in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.supplier_report import AccountSeen, LastError, Rest
    from ops.suppliers.standing import OneCall, Resting, Standing

    Shown = Callable[[object], str]

_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_MINUTE: Final = 60
_HOUR: Final = 3600
_KINDS: Final = {
    "circuit": "circuit open",
    "pause": "at rest",
    "person": "paused",
    "trial": "on trial, one message at a time,",
}


def record(standing: Standing, shown: Shown) -> dict[str, object]:
    """Return one supplier; keys that end in ``_in_words`` are for people alone.

    Args:
        standing: how it is.
        shown: writes a moment the way people of this place read it.
    """
    pause, error = standing.pause, standing.last_error
    return {
        "supplier": standing.supplier,
        "state": standing.state,
        "state_in_words": _state(standing, shown),
        "up": standing.up,
        "processes": standing.processes,
        "accounts": [
            {"name": one.name, "revision": one.revision, "used": one.told is not None, "trouble": one.trouble}
            for one in standing.accounts
        ],
        "accounts_in_words": "; ".join(_account(one) for one in standing.accounts),
        "paused": None if pause is None else {"by": pause.paused_by, "reason": pause.reason, "since": pause.paused_at},
        "resting": [_resting(one) for one in standing.resting],
        "token_age_seconds": _rounded(standing.token_age, 1),
        "token_age_in_words": _span(standing.token_age),
        "quota_used_ratio": _rounded(standing.quota_used, 4),
        "quota_in_words": _percent(standing.quota_used),
        **_figures(standing.business),
        # Nobody told of calls: that is not to say that there were none.
        **({} if standing.processes else {"calls": None, "calls_per_minute": None, "processes": 0}),
        "last_error": None if error is None else _error(error),
        "last_error_at": None if error is None else error.at,
        "last_error_in_words": None if error is None else f"{error.operation}: {error.message}",
        "by_call": [data(row) for row in rows_of_calls(standing)],
    }


def rows_of_calls(standing: Standing) -> list[dict[str, object]]:
    """Return a row for each kind of call that was made, the most frequent first."""
    return [
        {"supplier": standing.supplier, "call": name, **_figures(one)}
        for name, one in sorted(standing.calls.items(), key=lambda item: -item[1].figures.calls)
    ]


def _figures(one: OneCall) -> dict[str, object]:
    figures = one.figures
    quantiles = {name: figures.quantile(share) for name, share in _QUANTILES.items()}
    words = {"mean": _duration(figures.mean)} | {name: _duration(found) for name, found in quantiles.items()}
    return {
        "calls": figures.calls,
        "calls_per_minute": _rounded(one.per_minute, 2),
        "success_rate": _rounded(figures.success_rate, 4),
        "success_rate_in_words": _percent(figures.success_rate),
        "outcomes": dict(sorted(figures.outcomes.items())),
        "outcomes_in_words": ", ".join(f"{count} {name}" for name, count in sorted(figures.outcomes.items())),
        "mean_seconds": _rounded(figures.mean, 6),
        **{f"{name}_seconds": _rounded(found, 6) for name, found in quantiles.items()},
        **{f"{name}_in_words": text for name, text in words.items()},
        "durations_in_words": ", ".join(f"{name} {text}" for name, text in words.items()) if figures.calls else None,
    }


def data(row: dict[str, object]) -> dict[str, object]:
    """Return what programs read of a row: the words are for people."""
    return {key: value for key, value in row.items() if not key.endswith("_in_words")}


def _state(standing: Standing, shown: Shown) -> str:
    words = []
    pause = standing.pause
    if pause is not None:
        words.append(f"paused by {pause.paused_by} since {shown(pause.paused_at)}: {pause.reason}")
    words += [_rest_in_words(one, standing.processes, shown) for one in standing.resting]
    if words:
        return "; ".join(words)
    return "calls go out, circuit closed" if standing.processes else "not known"


def _rest_in_words(one: Resting, processes: int, shown: Shown) -> str:
    rest = one.rest
    where = "" if one.processes == processes else f" in {one.processes} of {processes} processes"
    since = "" if rest.since is None else f" since {shown(rest.since)}"
    probe = "" if rest.next_probe is None else f"; next probe at {shown(rest.next_probe)}"
    person = "; a person has to mend this" if rest.alert else ""
    return f"{_KINDS[rest.kind.value]}{where}{since}: {rest.cause}{probe}{person}"


def _resting(one: Resting) -> dict[str, object]:
    rest: Rest = one.rest
    return {
        "kind": rest.kind.value,
        "cause": rest.cause,
        "error_class": rest.error_class,
        "since": rest.since,
        "next_probe": rest.next_probe,
        "needs_person": rest.alert,
        "processes": one.processes,
    }


def _account(account: AccountSeen) -> str:
    told = account.told or "none"
    return told if account.trouble is None else f"{told}; the active stored one cannot be used: {account.trouble}"


def _error(error: LastError) -> dict[str, object]:
    return {
        "at": error.at,
        "call": error.operation,
        "class": error.error_class,
        "code": error.code,
        "status": error.status,
        "message": error.message,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _span(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} h"
