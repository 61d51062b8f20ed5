"""The one place where things are wired together: plain constructor calls, from settings to a service that runs.

suppliers   both clients with their connections, limits and observers
wiring      lanes, handlers, books, broker: one consuming process, put together
serving     its life: logs, health, chores, until it is told to stop
"""

from consumer.bootstrap.serving import serve
from consumer.bootstrap.suppliers import Suppliers
from consumer.bootstrap.wiring import Wiring

__all__ = ["Suppliers", "Wiring", "serve"]
