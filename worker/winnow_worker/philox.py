"""Philox4x32-10, the project's one random generator: draw ``i`` of a stream depends on (seed, stream name, i) alone.

The twin of ``src/numeric/philox.ts``; both are tested against the same vectors.
Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; known answers from Random123.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF


def philox4x32(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """One block: four unsigned 32-bit words from a counter of four words and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


def hash_stream_name(name: str) -> int:
    """FNV-1a, 32 bits, over the UTF-8 bytes of a stream's name: the second word of its key."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & _MASK
    return value


class Random:
    """A stream of random numbers: a function of seed, name and how much was drawn before."""

    def __init__(self, seed: int, stream: str) -> None:
        if not 0 <= seed <= _MASK:
            raise ValueError(f"A seed is an integer from 0 to 4294967295, got {seed}.")
        self._key = (seed, hash_stream_name(stream))
        self._blocks = 0
        self._left: list[int] = []

    def word(self) -> int:
        """The next unsigned 32-bit word."""
        if not self._left:
            counter = (self._blocks & _MASK, self._blocks >> 32, 0, 0)
            self._left = list(reversed(philox4x32(counter, self._key)))
            self._blocks += 1
        return self._left.pop()

    def uniform(self) -> float:
        """Uniform in [0, 1), 53 bits (two words)."""
        high = self.word() >> 5
        low = self.word() >> 6
        return (high * 67108864 + low) / 9007199254740992

    def below(self, n: int) -> int:
        """Uniform integer in 0 .. n-1 without modulo bias."""
        if not 1 <= n <= _MASK + 1:
            raise ValueError(f"below(n) needs 1 <= n <= 2^32, got {n}")
        limit = (_MASK + 1) - (_MASK + 1) % n
        drawn = self.word()
        while drawn >= limit:
            drawn = self.word()
        return drawn % n

    def normal(self) -> float:
        """Standard normal (Box-Muller, one value for two uniforms)."""
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())

    def choice(self, values: Sequence[T]) -> T:
        """One of the values, each as likely as the others."""
        return values[self.below(len(values))]

    def shuffle(self, values: MutableSequence[T]) -> None:
        """Shuffles in place (Fisher-Yates from the end)."""
        for i in range(len(values) - 1, 0, -1):
            j = self.below(i + 1)
            values[i], values[j] = values[j], values[i]

    def sample(self, n: int, k: int) -> list[int]:
        """``k`` distinct integers of 0 .. n-1, in the order they were drawn."""
        if not 0 <= k <= n:
            raise ValueError(f"sample(n, k) needs 0 <= k <= n, got n = {n}, k = {k}")
        pool = list(range(n))
        for i in range(k):
            j = i + self.below(n - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]
