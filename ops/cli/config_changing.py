"""`relay config set|activate|key`: each change is a revision, and a row in the audit log."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, say, write
from ops.cli.reasons import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from consumer.accounts.desk import AccountDesk, Deed, Done
    from consumer.domain.audit import AuditEntry
    from consumer.settings import Settings

T = TypeVar("T")

DIFFERENCES: Final = [Column("key", "Key"), Column("before", "Before"), Column("after", "After")]
_RESEALED: Final = [
    Column("secrets", "Secrets encrypted anew"),
    Column("accounts", "Accounts"),
    Column("revisions", "Revisions"),
]
_WITHIN: Final = "Running services take it up within ten seconds."

NameArgument = Annotated[str, typer.Argument(help="Of the account.")]
ReasonOption = Annotated[str | None, typer.Option(help="Why; kept with your name in the history and the audit log.")]


def add_to(app: typer.Typer) -> None:
    """Make these commands of `relay config`."""
    app.command("set")(set_)
    app.command()(activate)
    app.command()(key)


def set_(
    name: NameArgument,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A JSON object with the account's keys; -: standard input.")
    ] = None,
    *,
    merge: Annotated[
        bool, typer.Option("--merge", help="Change only the keys that FILE has; null takes one away.")
    ] = False,
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="KEY=VALUE", help="Set one key (no secret). Repeatable.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="KEY", help="Take one key away. Repeatable.")
    ] = None,
    ask: Annotated[
        list[str] | None, typer.Option("--ask", metavar="KEY", help="Ask for one key's value, unseen. Repeatable.")
    ] = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Store an account, or change it. Its keys are those of HAIER_* in lower case without the prefix.

    FILE is the whole config, unless --merge. Without FILE, single keys change and the others stay. A secret that is ***
    stays as it is stored, so what `relay config show --output json` has under `config` can be edited and given back.
    """
    from consumer.settings import SECRET_KEYS
    from ops.accounts.files import STDIN, pairs, read_config

    if file is None and not (with_ or without or ask):
        file = STDIN
    if file == STDIN and sys.stdin.isatty():
        say("Reading the config from the terminal; Ctrl-D ends the input.")
    settings = settings_for("database")
    changes: dict[str, Any] = {} if file is None else read_config(file)
    changes |= pairs(with_ or [], SECRET_KEYS) | dict.fromkeys(without or [])
    changes |= {key: _asked(key) for key in ask or []}
    deed = deed_for(reason)

    async def work(desk: "AccountDesk") -> "Done":
        return await (desk.amend if merge or file is None else desk.set)(name, changes, deed)

    done = asyncio.run(at_desk(settings, deed.entry("config.set", kept(name)), work))
    show_done(done, Printer(output, settings.service.timezone))
    if not done.account.is_active:
        say(f"`relay config activate {name}` lets it serve.")


def activate(
    name: Annotated[str | None, typer.Argument(help="Of the account that is to serve.")] = None,
    *,
    none: Annotated[
        bool, typer.Option("--none", help="Let no stored account serve: the environment does (HAIER_*).")
    ] = False,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a stored account serve, in place of the environment's or of another one, without a restart."""
    if (name is None) is not none:
        raise Failure("Give either the NAME of an account, or --none.", ExitCode.USAGE)
    settings = settings_for("database")
    deed = deed_for(reason)

    async def work(desk: "AccountDesk") -> "Done":
        done = await (desk.deactivate(deed) if name is None else desk.activate(name, deed))
        if done is None:
            raise Failure("No stored account is active: the environment's serves already (HAIER_*).")
        return done

    entry = deed.entry("config.deactivate", None) if name is None else deed.entry("config.activate", kept(name))
    done = asyncio.run(at_desk(settings, entry, work))
    show_done(done, Printer(output, settings.service.timezone))
    if none:
        _warn_without_environment(settings)


def key(
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Encrypt everything that is stored with the first key instead.")
    ] = False,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key for RELAY_SECRET_KEY, and write it on stdout.

    To exchange a key: put the new one in front of the old one, parted by a comma, everywhere; restart the services;
    `relay config key --rotate`; then take the old one out. Keep it: older rows of the audit log are signed with it.
    """
    if rotate:
        _rotate(reason, output)
        return
    from consumer.accounts.sealing import new_key

    made = new_key()
    printer = Printer(output)
    if printer.for_people:
        write(made)
        say("Set RELAY_SECRET_KEY to it wherever relay runs, and keep a copy in a safe place: it is stored nowhere.")
    else:
        printer.record({"key": made}, ())


def _rotate(reason: str | None, output: Output) -> None:
    from dataclasses import asdict

    settings = settings_for("database")
    if not settings.service.secret_keys:
        raise Failure(
            "RELAY_SECRET_KEY is not set: there is no key to encrypt with. Set it to the new key and the old one, "
            "parted by a comma.",
            ExitCode.USAGE,
        )
    deed = deed_for(reason)

    async def work(desk: "AccountDesk") -> dict[str, int]:
        return asdict(await desk.reseal(deed))

    done = asyncio.run(at_desk(settings, deed.entry("config.reseal", None), work))
    printer = Printer(output, settings.service.timezone)
    printer.record(done, _RESEALED)
    if not done["secrets"]:
        say("Nothing to do: everything that is stored is encrypted with the first key.")
    elif len(settings.service.secret_keys) > 1:
        say(
            "Nothing stored needs the other keys in RELAY_SECRET_KEY any more: take them out, and keep them for the "
            "audit log."
        )


def deed_for(reason: str | None) -> "Deed":
    """Return who does what follows, when and why."""
    from consumer.accounts.desk import Deed
    from ops.actor import actor

    return Deed(actor(), datetime.now(UTC), kept(reason or "") or None)


async def at_desk(
    settings: "Settings", tried: "AuditEntry", work: "Callable[[AccountDesk], Coroutine[Any, Any, T]]"
) -> T:
    """Return what comes of ``work`` on the stored accounts; ``tried`` is how a refusal is audited."""
    from consumer.accounts.choosing import rules_of
    from consumer.accounts.desk import AccountDesk
    from consumer.accounts.sealing import Vault
    from ops.acting import acting

    async with books(settings) as store, acting(store, tried):
        return await work(AccountDesk(store.accounts, Vault(settings.service.secret_keys), rules_of(settings)))


def show_done(done: "Done", printer: Printer) -> None:
    """Show what a change came to."""
    from ops.accounts.viewing import done as row_of

    row = row_of(done)
    if not printer.for_people:
        printer.record(row, ())
    elif row["differences"]:
        printer.rows(row["differences"], DIFFERENCES, empty="")
    name, revision = done.account.name, done.account.revision
    if not done.changed:
        say(f"Nothing to do: {name} is so already, at revision {revision}.")
        return
    say(f"{name} is at revision {revision}.")
    if done.account.is_active:
        instead = f" instead of {done.instead_of}" if done.instead_of is not None else ""
        say(f"{name} serves{instead}. {_WITHIN}")
    elif done.differences == []:
        say(f"{name} serves no longer: the environment's account does (HAIER_*). {_WITHIN}")


def _warn_without_environment(settings: "Settings") -> None:
    from ops.accounts.using import without_account

    if without_account(settings):
        say(
            "The environment of this command has no complete account at Haier. If the service's has none either, its "
            "calls to Haier wait until there is one: set HAIER_*, or activate a stored account."
        )


def _asked(key: str) -> str:
    if not sys.stdin.isatty():
        raise Failure(
            f"--ask {key} needs a terminal. Elsewhere give the secret in a JSON document on standard input.",
            ExitCode.USAGE,
        )
    answer: str = typer.prompt(key, hide_input=True, confirmation_prompt=True, err=True)
    return answer
