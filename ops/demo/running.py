"""The demo as a program: signals, exit codes, what is printed where."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from ops.demo import FAILED, NOT_ALLOWED, OK, OUT_OF_REACH, SHELL_SIGNALLED
from ops.demo.failing import DemoError, DemoRefused
from ops.demo.performing import perform
from ops.demo.scenario import AN_ORDER_WHOSE_NEW_DAYS_WAITED, AN_ORDER_WITH_A_LOST_ANSWER
from ops.demo.summary import as_json, print_commands, print_tables
from rabbitmq.finding import BrokerNotAvailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.demo import Output
    from ops.demo.performing import Report
    from ops.demo.stage import Stage
    from ops.demo.texts import Texts
    from ops.demo.watching import View

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EXAMPLE: Final = Path(__file__).resolve().parents[2] / "schemas" / "examples" / "order.paid" / "valid-minimal.json"


def run(texts: Texts, view: View, *, output: Output, keep: bool) -> int:
    """Run it with a terminal, a pipe or a file at the other end; return the exit code."""
    # Libraries warn about connections that end in the middle of something: here that is how an interrupted run ends.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return asyncio.run(_Program(texts, view, output=output, keep=keep).run())
    except BrokerNotAvailable as error:
        code, told = OUT_OF_REACH, [str(error)]
    except DemoRefused as error:
        code, told = NOT_ALLOWED, [str(error)]
    except DemoError as error:
        code, told = FAILED, [texts("fail.failed", reason=error), *getattr(error, "__notes__", ())]
    except Exception:  # noqa: BLE001 - everything is down by now; the whole story, notes and all, goes to the reader
        code, told = FAILED, [traceback.format_exc()]
    view.rest()
    _say(*told)
    return code


class _Program:
    """One run, from the first line to the exit code.

    Args:
        texts: the reader's language.
        view: where steps go.
        output: form of the summary.
        keep: stay up after it.
    """

    def __init__(self, texts: Texts, view: View, *, output: Output, keep: bool) -> None:
        self._texts = texts
        self._view = view
        self._output = output
        self._keep = keep
        self._caught: signal.Signals | None = None
        self._done = asyncio.Event()
        self._is_kept = False

    async def run(self) -> int:
        """Run and return the exit code; a signal ends it in order, and a second one cannot disturb that."""
        loop = asyncio.get_running_loop()
        performing = asyncio.ensure_future(perform(self._texts, self._view, self._tell))
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number, performing.cancel)
        try:
            agrees = await performing
        except asyncio.CancelledError:
            if self._caught is None:
                raise
            self._view.step(self._texts("step.stopped"))
            return SHELL_SIGNALLED + self._caught
        if agrees and self._output == "table" and not self._keep:
            print_commands(self._texts("sum.next"), self._next_commands(), _stdout())
        return OK if agrees else FAILED

    def _signalled(self, number: signal.Signals, cancel: Callable[[], bool]) -> None:
        if self._is_kept and self._caught is None:
            # What was asked for has been shown: this is how it is meant to end.
            self._caught = number
            self._done.set()
            return
        self._view.rest()
        if self._caught is not None:
            self._view.step(self._texts("step.still_stopping"))
            return
        self._caught = number
        self._view.step(self._texts("step.interrupted"))
        cancel()

    async def _tell(self, report: Report, stage: Stage) -> None:
        if self._output == "json":
            print(as_json(report.verdict, report.seconds), flush=True)  # noqa: T201 - the data of this command
        else:
            print_tables(report.verdict, report.seconds, _stdout(), self._texts)
        _say(*report.last_words)
        if self._keep:
            await self._stay(stage)

    async def _stay(self, stage: Stage) -> None:
        settings = stage.directory / "demo.env"
        settings.touch(mode=0o600)
        lines = (f"{name}={shlex.quote(value)}" for name, value in sorted(stage.environment.items()))
        settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        relay = relay_command()
        console = Console(stderr=True) if self._output == "json" else _stdout()
        commands = [
            (f"set -a; . {shlex.quote(str(settings))}; set +a", self._texts("next.environment")),
            (f"{relay} queues", self._texts("next.queues")),
            (f"{relay} order show {AN_ORDER_WITH_A_LOST_ANSWER}", self._texts("next.order")),
            (f"{relay} order timeline {AN_ORDER_WHOSE_NEW_DAYS_WAITED}", self._texts("next.timeline")),
            (f"{relay} sync products --wait", self._texts("next.sync")),
        ]
        print_commands(self._texts("sum.keep"), commands, console)
        console.print()
        console.print(self._texts("sum.keep_end"))
        self._is_kept = True
        await self._done.wait()

    def _next_commands(self) -> list[tuple[str, str]]:
        relay = relay_command()
        example = shlex.quote(os.path.relpath(_EXAMPLE))
        return [
            (f"{relay} demo --keep", self._texts("next.keep")),
            (f"{relay} event validate {example}", self._texts("next.validate")),
            (f"{relay} topology show", self._texts("next.topology")),
        ]


def relay_command() -> str:
    """Return how the reader's shell, as it is, calls the ``relay`` of this environment."""
    here = Path(sys.executable).with_name("relay")
    on_path = shutil.which("relay")
    if on_path is not None and Path(on_path).samefile(here):
        return "relay"
    relative = os.path.relpath(here)
    return shlex.quote(relative if len(relative) < len(str(here)) else str(here))


def _stdout() -> Console:
    return Console(highlight=False)


def _say(*paragraphs: str) -> None:
    for paragraph in paragraphs:
        print(paragraph, file=sys.stderr, flush=True)  # noqa: T201 - for the person before the terminal
