"""How often a client may ask: a token bucket for each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

_FORGET_ABOVE = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class RateLimiter:
    """Token buckets by client; a full one lets a burst of ten seconds pass."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for(self, client: str, per_minute: int, *, cost: float = 1.0) -> float:
        """Take tokens.

        Returns:
            0 if there were enough, else the seconds until there will be.
        """
        now, rate = time.monotonic(), per_minute / 60
        burst = max(1.0, 10 * rate)
        with self._lock:
            if len(self._buckets) > _FORGET_ABOVE:
                self._buckets.clear()
            bucket = self._buckets.setdefault(client, _Bucket(burst, now))
            bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled) * rate)
            bucket.filled = now
            if bucket.tokens < cost:
                return (cost - bucket.tokens) / rate
            bucket.tokens -= cost
        return 0.0
