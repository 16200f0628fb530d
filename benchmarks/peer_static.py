"""The floor: Starlette answering with the same bytes, ready in memory."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BYTES = Path(os.environ["BENCH_BYTES"]).read_bytes()


async def answer(request: Request) -> Response:
    await request.body()
    return Response(BYTES, media_type="application/json")


app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
