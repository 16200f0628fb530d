"""A wire to a server that a test can cut and mend: real connections, broken for real."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

_DEADLINE_S: Final = 60.0


class Wire:
    """Forwards one port of this machine to a server, while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole = True
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self.cut()
        with suppress(OSError):  # wakes whoever accepts
            socket.create_connection(("127.0.0.1", self.port), timeout=_DEADLINE_S).close()
        self._thread.join(_DEADLINE_S)
        self._listener.close()

    def cut(self) -> None:
        """Break every connection, and every new one as soon as it comes."""
        with self._lock:
            self._whole = False
            broken, self._open = self._open, set()
        for connection in broken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def lead(self, host: str, port: int) -> None:
        """Lead new connections to another server."""
        self._target = (host, port)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._whole = True

    def _accept(self) -> None:
        while not self._stopping:
            client, _ = self._listener.accept()
            with self._lock:  # none is connected while the wire is being cut
                server = self._connected() if self._whole and not self._stopping else None
                if server is not None:
                    self._open |= {client, server}
            if server is None:
                client.close()
                continue
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _connected(self) -> socket.socket | None:
        """To the server; None: nobody is there, and that is all that is told."""
        try:
            server = socket.create_connection(self._target, timeout=_DEADLINE_S)
        except OSError:
            return None
        server.settimeout(None)
        return server

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                target.sendall(part)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        with self._lock:
            self._open -= {source, target}
