# ruff: noqa: INP001 - run by its path, imported by nobody
"""Names the installed packages that haier-relay[service] does not need, a line each.

One lock holds the dependencies of the service and those of its development, so that both are pinned together. The image
installs it whole, with hashes, and then takes away what this prints.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions, requires

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = "haier-relay"
EXTRA = "service"


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> set[NormalizedName]:
    """``name`` and all that it needs with ``extras`` on this machine; ``seen`` holds what was looked at already."""
    names = {canonicalize_name(name)}
    for line in requires(name) or ():
        requirement = Requirement(line)
        wanted = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
        )
        key = (canonicalize_name(requirement.name), ",".join(sorted(requirement.extras)))
        if wanted and key not in seen:
            seen.add(key)
            names |= needed(requirement.name, frozenset(requirement.extras) | {""}, seen)
    return names


def main() -> None:
    """Print them."""
    keep = needed(ROOT, frozenset({"", EXTRA}), set())
    installed = {canonicalize_name(one.metadata["Name"]) for one in distributions()}
    # pip goes with the rest, in the same run: it is loaded by then.
    sys.stdout.write("".join(f"{name}\n" for name in sorted(installed - keep)))


if __name__ == "__main__":
    main()
