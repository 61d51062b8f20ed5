"""How the demo fails.

DemoError
├── DemoRefused   it will not run here; nothing was started that is not gone again
└── PartFailed    service or sandbox did not start, or ended by themselves
"""

from __future__ import annotations


class DemoError(RuntimeError):
    """The demo cannot go on; the text is for the person before the terminal, in that person's language."""


class DemoRefused(DemoError):
    """It will not run here."""


class PartFailed(DemoError):
    """A process of the demo did not do its part."""
