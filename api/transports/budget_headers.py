"""The budget of a tenant in HTTP headers: the IETF's `RateLimit` and `RateLimit-Policy` (in the
form of draft-ietf-httpapi-ratelimit-headers-11), and the older `X-RateLimit-…`.

The older ones tell of one bucket only: the one that is nearer to its end, which they name.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from services.metering import MINUTE_S, POINTS, REQUESTS, Charge


def budget_headers(charge: Charge | None) -> dict[str, str]:
    """Of an answer; none where nothing was counted."""
    if charge is None:
        return {}
    requests, points = charge.limits.requests_per_minute, charge.limits.points_per_minute
    buckets = (
        (REQUESTS, requests, charge.requests_left, charge.requests_full_in_s),
        (POINTS, points, charge.points_left, charge.points_full_in_s),
    )
    name, most, left, full_in_s = min(buckets, key=lambda bucket: bucket[2] / bucket[1])
    return {
        "RateLimit": ", ".join(
            f'"{name}";r={left};t={ceil(full_in_s)}' for name, _, left, full_in_s in buckets
        ),
        "RateLimit-Policy": _policy(requests, points),
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(ceil(charge.at.timestamp() + full_in_s)),
        "X-RateLimit-Resource": name,
    }


@lru_cache(maxsize=256)
def _policy(requests: int, points: int) -> str:
    window = round(MINUTE_S)
    return f'"{REQUESTS}";q={requests};w={window}, "{POINTS}";q={points};w={window};qu="points"'
