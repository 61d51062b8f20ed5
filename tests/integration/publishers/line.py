"""The network between a client and its broker, to be cut or silenced, and a look into a queue."""

import asyncio
from collections.abc import Callable

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage


class Line:
    """A TCP relay before the broker; what it does to the connections is the network's doing."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers = asyncio.Event()
        self._answers.set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Nobody listens any more; what is connected is cut."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """All connections are gone."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mute(self) -> None:
        """What the broker says does not arrive."""
        self._answers.clear()

    def unmute(self) -> None:
        self._answers.set()

    async def close(self) -> None:
        self.unmute()
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(*self._target)
        self._writers += [writer, to_broker]
        for step in (self._pump(reader, to_broker, quiet=False), self._pump(from_broker, writer, quiet=True)):
            task = asyncio.create_task(step)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, quiet: bool) -> None:
        try:
            while data := await reader.read(65536):
                if quiet:
                    await self._answers.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def drain(channel: AbstractChannel, name: str) -> list[AbstractIncomingMessage]:
    """All messages of a queue, acked."""
    queue = await channel.get_queue(name, ensure=False)
    messages: list[AbstractIncomingMessage] = []
    while (message := await queue.get(fail=False)) is not None:
        await message.ack()
        messages.append(message)
    return messages


async def until(true: Callable[[], bool], within: float = 10) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for has no event to tell of it
            await asyncio.sleep(0.01)
