"""The runbooks' commands, run one after the other as a reader would."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet

from consumer.domain.ledger import Selection
from tests.acceptance.cli_process import RELAY, environment
from tests.support.relay import Relay, served_by_process, system

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def script_of(page: Path) -> str:
    """Return all shell blocks of a page, as one script."""
    return "\n".join(["set -eu", *_BLOCK.findall(page.read_text())])


async def carried_out(script: str, given: Mapping[str, str]) -> tuple[int, str]:
    """Run a script; return its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        env=given,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_drill_of_dead_letters(amqp_url: str, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    key = Fernet.generate_key().decode()
    more = {"RELAY_SECRET_KEY": key, "RELAY_LOG_DIR": str(tmp_path / "log")}
    async with system(amqp_url, url, **more) as relay, served_by_process(relay):
        shell = environment(relay.environment) | {
            "PATH": f"{Path(RELAY).parent}:{os.environ['PATH']}",
            "SANDBOX": relay.box.url,
            "RELAY_LANG": "en",
        }
        code, said = await carried_out(script_of(ROOT / "docs" / "runbooks" / "dead-letters.md"), shell)
        assert code == 0, said
        assert said.count("exit code 6") == 2, said
        assert "There is no open dead letter." in said
        [run] = set(re.findall(r"SO-DRILL-(\d+)-\d", said))
        await _each_order_once(relay, run)
        acts = [act.action for act in await relay.store.audit_log()]
        assert acts == ["dlq.note", "replay.start", "replay.stop", "replay.start"]


async def _each_order_once(relay: Relay, run: str) -> None:
    assert await relay.store.ledger.count(Selection()) == 0
    for number in range(1, 7):
        assert (await relay.box.order(f"SO-DRILL-{run}-{number}"))["creates"] == 1
