"""What a contract may ask for: a server on a socket."""

from __future__ import annotations

from tests.live_server import live_server

__all__ = ["live_server"]
