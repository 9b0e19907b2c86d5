"""uvicorn's server, with an end that loses no request."""

import asyncio
import socket
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn

from nlp_gitops.serving.front import Front

# How long open connections may still bring a request.
LAST_SECONDS = 0.3


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
