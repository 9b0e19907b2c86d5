"""An answer leaves in one write, so that a killed process has sent it whole or not at all.

uvicorn writes head and body apart. A kill between the two leaves a cut answer, which no proxy can
ask another process for.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

# Which of uvicorn's protocols this is depends on what is installed.
_Protocol: Any = AutoHTTPProtocol


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
