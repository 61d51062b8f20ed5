"""Both suppliers as a real HTTP server, for tests, demos and benchmarks.

Written from SUPPLIERS.md alone and sharing no model with the service: if both were built on the same code they would
share the same mistakes. Start it with ``python -m sandbox`` or :func:`sandbox.serve`; tests use :mod:`sandbox.testing`.
"""

from sandbox.callback_config import CallbackConfig
from sandbox.config import SandboxConfig
from sandbox.credentials import Credentials, environment
from sandbox.door import Outage
from sandbox.faults import Rule
from sandbox.server import PortInUseError, Sandbox, serve

__all__ = [
    "CallbackConfig",
    "Credentials",
    "Outage",
    "PortInUseError",
    "Rule",
    "Sandbox",
    "SandboxConfig",
    "environment",
    "serve",
]
