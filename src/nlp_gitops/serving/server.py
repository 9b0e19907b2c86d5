"""uvicorn's server: an answer leaves in one write, and an end loses no request.

uvicorn writes head and body apart. A kill between the two leaves a cut answer, which no proxy can
ask another process for.
"""

import asyncio
import socket
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from nlp_gitops.serving.front import Front

# Which of uvicorn's protocols this is depends on what is installed.
_Protocol: Any = AutoHTTPProtocol
# How long open connections may still bring a request.
LAST_SECONDS = 0.3


class OneWrite:
    """A transport that gathers what one step of the loop writes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Take in data; the next step of the loop sends it."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(data)

    def close(self) -> None:
        """Send what waits, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting:
            self._transport.write(b"".join(self._waiting))
            self._waiting.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(_Protocol):  # type: ignore[misc]
    """uvicorn's protocol on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin a connection."""
        super().connection_made(OneWrite(transport))


class Server(uvicorn.Server):
    """Stops without a lost request: uvicorn drops connections whose request it has not read yet."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who is at the door, close it, answer for a moment more, then stop."""
        doors = [listening.dup() for listening in sockets or []]
        for server in self.servers:
            server.close()
        self._front.is_closing = True
        for door in doors:
            await self._last_guests(door)
        await asyncio.sleep(LAST_SECONDS)
        await super().shutdown(sockets)

    async def _last_guests(self, door: socket.socket) -> None:
        made: Any = self.config.http_protocol_class
        protocol = partial(made, config=self.config, server_state=self.server_state,
                           app_state=self.lifespan.state)
        door.setblocking(False)
        with door, suppress(BlockingIOError):
            while True:
                guest, _ = door.accept()
                await asyncio.get_running_loop().connect_accepted_socket(protocol, guest)
