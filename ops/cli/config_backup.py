"""`relay config backup|restore`: all stored accounts in one encrypted file, and back; or one earlier revision."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.config_changing import ReasonOption, at_desk, deed_for, show_done
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, say
from ops.cli.reasons import kept

if TYPE_CHECKING:
    from pydantic import SecretStr

    from consumer.accounts.archive import Archive
    from consumer.accounts.archiving import Restored
    from consumer.accounts.desk import AccountDesk, Deed, Done
    from consumer.settings import Settings

_RESTORED: Final = [
    Column("name", "Account"),
    Column("fate", "What was done"),
    Column("revision", "Revision", right=True),
    Column("is_active", "Serves"),
]
_BACKUP: Final = [Column("file", "File"), Column("accounts", "Accounts"), Column("revisions", "Revisions")]

PassphraseOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A file whose first line is the passphrase; -: standard input. Default: asked."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def add_to(app: typer.Typer) -> None:
    """Make these commands of `relay config`."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; readable by its owner only.", dir_okay=False)],
    *,
    passphrase_file: PassphraseOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write over a file that is there.")] = False,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write all stored accounts with their history into one file, encrypted with a passphrase.

    Not with RELAY_SECRET_KEY: the file is for the day on which the machine is gone, and its key with it.
    """
    from consumer.accounts.archive import locked, strong
    from ops.accounts.files import write_new, write_over

    settings = settings_for("database")
    over = file.exists()
    if over:
        _agreed(f"{file} is there already. Write over it?", f"{file} is there already; --yes writes over it.", yes=yes)
    passphrase = strong(_passphrase(passphrase_file, twice=True))
    archive = asyncio.run(_taken(settings, deed_for(reason)))
    (write_over if over else write_new)(file, locked(archive, passphrase))
    row = {
        "file": str(file.absolute()),
        "accounts": len(archive.accounts),
        "revisions": sum(len(account.revisions) for account in archive.accounts),
    }
    Printer(output, settings.service.timezone).record(row, _BACKUP)
    say("Keep the passphrase elsewhere than the file: nobody can read it without. `relay config restore --file` does.")


def restore(
    name: Annotated[str | None, typer.Argument(help="Of the account, with --revision.")] = None,
    *,
    revision: Annotated[
        int | None, typer.Option(min=1, help="Give the account the config of this revision again.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Restore all accounts of a backup.", exists=True, dir_okay=False)
    ] = None,
    passphrase_file: PassphraseOption = None,
    yes: YesOption = False,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Restore an account's earlier config as a new revision, or all accounts of a backup.

    From a backup: an account that is not there comes back with its history; one that is there with another config gets
    the backup's as a new revision. Which account serves changes only where none does.
    """
    settings = settings_for("database")
    printer = Printer(output, settings.service.timezone)
    if file is None:
        if name is None or revision is None:
            raise Failure("Give NAME and --revision, or --file with a backup.", ExitCode.USAGE)
        show_done(asyncio.run(_one(settings, name, revision, deed_for(reason))), printer)
        return
    if name is not None or revision is not None:
        raise Failure("--file restores all accounts of a backup: leave NAME and --revision out.", ExitCode.USAGE)
    from consumer.accounts.archive import unlocked
    from ops.accounts.files import read_bytes

    archive = unlocked(read_bytes(str(file)), _passphrase(passphrase_file, twice=False))
    restored = asyncio.run(_all(settings, archive, deed_for(reason), yes=yes))
    printer.rows([asdict(one) for one in restored], _RESTORED, empty="The backup has no accounts.")
    serving = next((one.name for one in restored if one.is_active), None)
    if serving is not None:
        say(f"{serving} serves. Running services take it up within ten seconds.")


async def _taken(settings: "Settings", deed: "Deed") -> "Archive":
    from consumer.accounts.archiving import Archiving
    from consumer.accounts.choosing import rules_of
    from consumer.accounts.sealing import Vault
    from ops.acting import acting

    async with books(settings) as store, acting(store, deed.entry("config.backup", None)):
        return await Archiving(store.accounts, Vault(settings.service.secret_keys), rules_of(settings)).take(deed)


async def _one(settings: "Settings", name: str, revision: int, deed: "Deed") -> "Done":
    async def work(desk: "AccountDesk") -> "Done":
        return await desk.restore(name, revision, deed)

    return await at_desk(settings, deed.entry("config.restore", kept(name), {"from_revision": revision}), work)


async def _all(settings: "Settings", archive: "Archive", deed: "Deed", *, yes: bool) -> "list[Restored]":
    from consumer.accounts.archiving import Archiving
    from consumer.accounts.choosing import rules_of
    from consumer.accounts.sealing import Vault
    from ops.acting import acting

    async with books(settings) as store, acting(store, deed.entry("config.restore", None)):
        archiving = Archiving(store.accounts, Vault(settings.service.secret_keys), rules_of(settings))
        changed = await archiving.known(archive)
        if changed:
            told = f"{', '.join(changed)}: stored with another config, which becomes an earlier revision"
            _agreed(f"{told}. Restore?", f"{told}; --yes does it.", yes=yes)
        return await archiving.put_back(archive, deed)


def _passphrase(file: str | None, *, twice: bool) -> "SecretStr":
    from pydantic import SecretStr

    from ops.accounts.files import read_passphrase

    if file is not None:
        return read_passphrase(file)
    if not sys.stdin.isatty():
        raise Failure("There is no terminal to ask for the passphrase: give --passphrase-file.", ExitCode.USAGE)
    return SecretStr(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))


def _agreed(question: str, otherwise: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(otherwise, ExitCode.STOPPED_BY_GUARD)
    if not typer.confirm(question, err=True):
        raise Failure("Nothing was done.", ExitCode.STOPPED_BY_GUARD)
