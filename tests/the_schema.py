"""The schema that the code makes, for tests that only look at it: made once for all of them.

Who times its resolvers, or serves it, makes one of their own with `build_schema`.
"""

from __future__ import annotations

from typing import Final

from resolvers.schema import build_schema

SCHEMA: Final = build_schema()
GRAPHQL: Final = SCHEMA._schema  # graphql-core's own
