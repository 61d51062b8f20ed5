"""Who acts is what the system says, not what anybody can set."""

from __future__ import annotations

import os
import pwd

import pytest

from ops.actor import actor


def test_variables_that_anybody_can_set_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "USERNAME", "LNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "boss")
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert actor().partition("@")[0] == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(("euid", "person"), [(0, "daemon"), (1000, None)])
def test_behind_sudo_it_is_the_person_who_called_it(
    monkeypatch: pytest.MonkeyPatch, euid: int, person: str | None
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setenv("SUDO_UID", str(pwd.getpwnam("daemon").pw_uid))
    assert actor().partition("@")[0] == (person or pwd.getpwuid(os.getuid()).pw_name)


def test_a_number_without_a_name_is_still_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_123_456)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert actor().partition("@")[0] == "uid4123456"
