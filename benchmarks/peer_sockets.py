"""Plain Strawberry's own handler for `benchmarks/sockets.py`: same fields, nothing around them.

    python -m benchmarks.peer_sockets HOME PORT

The first line on standard output stands for a token: nobody proves anything here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import strawberry
import uvicorn
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def nothing(self) -> int:
        return 1


@strawberry.type
class Session:
    expires_at: datetime


@strawberry.type
class Refusal:
    code: str


@strawberry.type
class Mutation:
    @strawberry.mutation
    def renew_session(self, token: str) -> Session | Refusal:
        return Session(expires_at=datetime.now(UTC)) if token else Refusal(code="NO")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def quiet(self) -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.get_running_loop().create_future()


app = GraphQL(strawberry.Schema(Query, Mutation, Subscription))

if __name__ == "__main__":
    print("none", flush=True)
    uvicorn.run(
        app,
        port=int(sys.argv[2]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
    )
