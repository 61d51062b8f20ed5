"""Where the parts of the demo listen: chosen before any starts, since the sandbox has to know where it calls back."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ops.demo.failing import PartFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

# Below what Linux and macOS give to outgoing connections, and below what a private broker chooses from
# (`rabbitmq.node`), so that between choosing and listening nobody takes the port.
_PORTS: Final = range(12_000, 20_000)
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Three ports of this machine.

    Attributes:
        service: health and metrics of the service.
        callbacks: where YLH calls back.
        receiver: health and metrics of the receiver.
    """

    service: int
    callbacks: int
    receiver: int

    @classmethod
    def free(cls) -> Self:
        """Choose three on which nobody listens now; raises :class:`PartFailed` where there are none."""
        free = _free()
        try:
            return cls(next(free), next(free), next(free))
        except StopIteration:
            raise PartFailed(f"No free TCP port between {_PORTS.start} and {_PORTS.stop} on {_HOST}.") from None

    @property
    def service_url(self) -> str:
        """The service's health and metrics."""
        return f"http://{_HOST}:{self.service}"

    @property
    def receiver_url(self) -> str:
        """The receiver's health and metrics."""
        return f"http://{_HOST}:{self.receiver}"

    @property
    def callback_url(self) -> str:
        """The address that YLH is given."""
        return f"http://{_HOST}:{self.callbacks}/callbacks/ylh"

    def settings(self) -> dict[str, str]:
        """Return the settings that name them."""
        return {
            "RELAY_HTTP_PORT": str(self.service),
            "RELAY_CALLBACK_PORT": str(self.callbacks),
            "RELAY_CALLBACK_HEALTH_PORT": str(self.receiver),
        }


def _free() -> Iterator[int]:
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
        yield port
