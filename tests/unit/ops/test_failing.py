"""Errors become one sentence and an exit code, and nothing of a stranger's text gets out."""

from __future__ import annotations

from importlib import import_module

import pytest

from consumer.domain.errors import BooksUnavailable, ErrorClass, Misconfigured, Transient, Unauthorised
from ops.cli.failing import CODES, ExitCode, Failure, explained, report
from publishers.outgoing import BrokerAway, Outgoing, Refused
from rabbitmq.connection import BrokerUnreachable, Cause


@pytest.mark.parametrize("name", CODES)
def test_every_name_in_the_table_is_an_exception(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)


def test_a_failure_brings_its_own_sentence_and_code() -> None:
    assert explained(Failure("Do this.", ExitCode.NOT_ALLOWED)) == ("Do this.", ExitCode.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BrokerUnreachable("h:1", Cause.REFUSED, "nothing listens", "Start it."), ExitCode.OUT_OF_REACH),
        (BooksUnavailable("The database is away.", code="unreachable"), ExitCode.OUT_OF_REACH),
        (BooksUnavailable("Run `relay db upgrade`.", code="schema_outdated"), ExitCode.FAILED),
        (Transient("rest", code="x", supplier="ylh", operation="create"), ExitCode.OUT_OF_REACH),
        (Misconfigured("wrong host", code="x", supplier="ylh", operation="token"), ExitCode.FAILED),
        (BrokerAway("gone", Outgoing(exchange="e", routing_key="k", body=b"")), ExitCode.OUT_OF_REACH),
        (Refused("no", Outgoing(exchange="e", routing_key="k", body=b"")), ExitCode.FAILED),
    ],
)
def test_our_own_errors_speak_for_themselves(error: Exception, code: ExitCode) -> None:
    sentence, found = explained(error)
    assert sentence.lower() == str(error).lower()
    assert sentence[0].isupper()
    assert found is code


def test_a_subclass_counts_as_what_it_descends_from() -> None:
    error = Unauthorised("login refused", code="x", supplier="ylh", operation="token", expired=False)
    assert error.error_class is ErrorClass.AUTH
    assert explained(error)[1] is ExitCode.FAILED


def test_a_missing_package_is_told_with_the_extra_that_brings_it() -> None:
    sentence, code = explained(ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy"))
    assert "haier-relay[service]" in sentence
    assert "sqlalchemy" in sentence
    assert code is ExitCode.FAILED


def test_a_missing_module_of_our_own_is_a_fault_and_not_a_missing_package() -> None:
    assert "haier-relay[service]" not in explained(ModuleNotFoundError("x", name="consumer.nowhere"))[0]


def test_the_text_of_an_unexpected_error_stays_inside(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="hunter2") as caught:
        int("password=hunter2, 王小明")
    assert report(caught.value) is ExitCode.FAILED
    told = capsys.readouterr().err
    assert "hunter2" not in told
    assert "王小明" not in told
    assert "ValueError at test_failing.py:" in told
    assert "Traceback" not in told


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RELAY_DEBUG", "1")
    report(ValueError("the reason"))
    assert "ValueError: the reason" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named() -> None:
    sentence, _ = explained(PermissionError(13, "Permission denied", "/etc/shadow"))
    assert sentence.startswith("/etc/shadow: Permission denied.")
