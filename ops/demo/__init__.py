"""``relay demo``: the whole system on this machine with sample events, then its books held against the suppliers'.

Leaves nothing behind: no process, no file, no queue, whatever ends it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, Literal

from ops.demo.texts import Texts, language_of
from ops.demo.watching import view_for

if TYPE_CHECKING:
    from collections.abc import Mapping

OK: Final = 0
FAILED: Final = 1
NOT_ALLOWED: Final = 4
OUT_OF_REACH: Final = 5
SHELL_SIGNALLED: Final = 128
"""What a shell adds to the number of the signal that ended a program."""

Output = Literal["table", "json"]


def main(*, output: Output = "table", keep: bool = False, environ: Mapping[str, str] = os.environ) -> int:
    """Run the demo.

    Args:
        output: the summary on standard output: tables for people, or one JSON document.
        keep: leave everything running after the summary, until Ctrl-C.
        environ: ``RELAY_AMQP_URL`` and ``RELAY_MANAGEMENT_URL`` name a broker, ``RELAY_LANG`` the language.

    Returns:
        An exit code (DESIGN section 9): 0 when ledger and results agree; 1 when they do not, or something failed;
        4 where it must not run; 5 without a broker; 128 + n when signal n ended it.
    """
    texts = Texts(language_of(environ))
    if importlib.util.find_spec("sandbox") is None:
        print(texts("fail.no_sandbox"), file=sys.stderr)  # noqa: T201 - for the person before the terminal
        return FAILED
    if environ.get("RELAY_ENV", "").strip().lower() == "prod":
        print(texts("fail.production"), file=sys.stderr)  # noqa: T201 - the same
        return NOT_ALLOWED
    with view_for(texts) as view:
        try:
            view.step(texts("step.start"))
            # Only now: it takes a second that should not pass in silence, and an installed package has no sandbox.
            from ops.demo.running import run  # noqa: PLC0415

            return run(texts, view, output=output, keep=keep)
        except KeyboardInterrupt:
            # Before there was anything to take down.
            return SHELL_SIGNALLED + signal.SIGINT
