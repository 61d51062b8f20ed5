"""The `relay` command. Importing this is light: it also has to work where the service's dependencies are missing."""

import sys


def main() -> int:
    """Run the command line of this process; returns the exit code (`ops.cli.failing.ExitCode`)."""
    try:
        from ops.cli.app import run  # noqa: PLC0415 - what it imports may not be installed, which is told in a sentence
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(
            f"The relay command needs the package {error.name}, which is part of the extra `service`: "
            "pip install 'haier-relay[service]'.\n"
        )
        return 1
    except KeyboardInterrupt:
        return 130
    return run()
