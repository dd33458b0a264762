"""How long, and for how many, the server waits: for the head of a request, and for a reader of an answer.

uvicorn's own protocol waits for ever for both, and takes a head of any length. Bodies are `app.body_deadline`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Seconds from a connection's beginning, or a further request's first byte, to the end of the request's head. Also how
# long the rest of a body is thrown away when the answer was given without it.
HEAD_SECONDS = 10.0
# Seconds in which a reader must take what fills the buffers between us: 64 KiB, so 2 KiB/s.
READER_SECONDS = 30.0
# Bytes of a request's line and headers; a head that comes in one piece of the network's size is taken in any case.
LONGEST_HEAD = 64 * 1024
# A process may usually open 1024 files. Above this the client that has let us wait longest makes room.
MOST_CONNECTIONS = 800
# Bytes of unfinished bodies that a process holds at one time. A webhook has 5 MiB at most, an evidence form 40 MiB.
MOST_HELD = 256 * 1024 * 1024
_STEP = 1024 * 1024
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """One connection. It is cut when its client lets us wait, or has waited longest when there are too many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = self._body_bytes = 0
        self._since = self.loop.time()
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, transport.abort)
        if len(self.connections) > MOST_CONNECTIONS:
            _cut_longest(one for one in self._all() if one is not self and one.waits)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        for timer in (self._head_timer, self._reader_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came; afterwards a request is under way, or its head is awaited, or its rest thrown away."""
        super().data_received(data)
        if self._is_busy() and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        elif not self._is_busy():
            self._await_head()
        self._head_bytes += len(data)
        if self._in_head and self._head_bytes > LONGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """A request begins."""
        self._in_head = False
        self._body_bytes = 0
        self._since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body; the application holds them all until the body is complete."""
        before = self._body_bytes // _STEP
        self._body_bytes += len(body)
        super().on_body(body)
        if self._body_bytes // _STEP > before and sum(one.held for one in self._all()) > MOST_HELD:
            _cut_longest(one for one in self._all() if one.held)

    def on_response_complete(self) -> None:
        """The answer is written; the beginning of the next request may be here already."""
        super().on_response_complete()
        if self._in_head:
            self._await_head()

    def pause_writing(self) -> None:
        """The buffers towards the client are full."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered as if it had not asked, and strangers cannot fill the log with asking."""

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for long. A client that has not even read its last answer would not let itself be closed."""
        self.transport.abort()

    @property
    def held(self) -> int:
        """Bytes of an unfinished body that the application holds."""
        return self._body_bytes if self._is_busy() and self.cycle.more_body else 0

    @property
    def waits(self) -> bool:
        """Whether we wait for the client: for a request, for the rest of its body, or for it to read."""
        if not self._is_busy():
            return True
        return self._reader_timer is not None or (self.cycle.more_body and not self.cycle.response_started)

    def cut(self) -> None:
        """Ends the connection at once."""
        self.transport.abort()

    @property
    def since(self) -> float:
        """When the present request, or the wait for it, began; in the loop's seconds."""
        return self._since

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._since = self.loop.time()
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _all(self) -> Iterable[PatientProtocol]:
        return cast("set[PatientProtocol]", self.connections)


def _cut_longest(connections: Iterable[PatientProtocol]) -> None:
    longest = min(connections, key=lambda one: one.since, default=None)
    if longest is not None:
        longest.cut()
