"""Token buckets: the quotas that ECS enforces as a burst and a rate (QUOTA-011, QUOTA-012, QUOTA-020)."""

from __future__ import annotations

from math import floor


class TokenBucket:
    """``burst`` tokens at most, ``rate`` new ones a second; overflow is dropped."""

    __slots__ = ("_at", "_level", "burst", "rate")

    def __init__(self, burst: float, rate: float) -> None:
        self.burst = burst
        self.rate = rate
        self._level = burst
        self._at = 0.0

    def _refill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
            self._at = now

    def available(self, now: float) -> int:
        """Whole tokens in the bucket at ``now`` seconds."""
        self._refill(now)
        # Refilled in parts, a token may be a hair short of whole.
        return floor(self._level + 1e-9)

    def take(self, count: int, now: float) -> int:
        """Take up to ``count`` tokens; return how many there were."""
        level = self._level
        if now > self._at:
            level += (now - self._at) * self.rate
            if level > self.burst:
                level = self.burst
            self._at = now
        # Refilled in parts, a token may be a hair short of whole.
        whole = int(level + 1e-9)
        got = count if count < whole else whole
        self._level = level - got
        return got

    def give_back(self, count: int) -> None:
        """Put back tokens that were taken and not used."""
        self._level = min(self.burst, self._level + count)

    def next_at(self, now: float) -> float:
        """Return when the next whole token is there, ``now`` if there is one."""
        self._refill(now)
        missing = 1.0 - self._level
        return now if missing <= 1e-9 else now + missing / self.rate
