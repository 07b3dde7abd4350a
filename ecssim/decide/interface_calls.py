"""When ECS tries a call of EC2 about a network interface again that was throttled (NET-056)."""

from __future__ import annotations

from typing import Final

#: Seconds before the first retry and the most before any (assumed: AWS says exponential back-off, and no figures).
FIRST_RETRY: Final = 1.0
LONGEST_RETRY: Final = 60.0


def retry_after(attempts: int) -> float:
    """Return the seconds to the next try after ``attempts`` throttled ones before this one: 1, 2, 4, up to 60."""
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(attempts, 16))
