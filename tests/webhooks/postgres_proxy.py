"""A way to PostgreSQL that can be cut, blocked or made deaf."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Carries bytes between clients and the server behind the socket `behind`."""

    def __init__(self, behind: Path) -> None:
        self._behind = behind
        self._ways: set[asyncio.StreamWriter] = set()
        self.refuses = False
        """New connections are ended at once."""
        self.is_deaf = False
        """What the server says is thrown away."""
        self.cuts_answers = False
        """The next thing that the server says ends the connection instead."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        if self.refuses:
            writer.close()
            return
        up, down = await asyncio.open_unix_connection(self._behind)
        self._ways |= {writer, down}
        await asyncio.gather(self._carry(reader, down, answers=False), self._carry(up, writer, answers=True))
        self._ways -= {writer, down}

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(65536):
                if answers and self.cuts_answers:
                    self.cuts_answers = False
                    break
                if not (answers and self.is_deaf):
                    target.write(piece)
                    await target.drain()
        target.close()

    def cut(self) -> None:
        """Ends every connection."""
        for way in self._ways:
            way.close()


@contextlib.asynccontextmanager
async def proxied(database_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the URL of the database through it."""
    asked = urlsplit(database_url)
    proxy = Proxy(Path(parse_qs(asked.query)["host"][0]) / _SOCKET)
    # Short, for the names of sockets are.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="mg-") as folder:
        server = await asyncio.start_unix_server(proxy.serve, Path(folder) / _SOCKET)
        try:
            yield proxy, asked._replace(query=f"host={quote(folder)}").geturl()
        finally:
            server.close()
            proxy.cut()
            await server.wait_closed()
