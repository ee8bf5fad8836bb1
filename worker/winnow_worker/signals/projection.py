"""Seeded random projection of gradients: the same matrix on every device, never held whole.

Entry (i, j) of a tensor's matrix is a draw of the stream `projection/<name>`, so that it depends on the seed, the
tensor's name and its place alone. Rademacher entries are +-1 (one bit each), normal ones standard normal; the product
is divided by sqrt(dims), which keeps lengths and angles in expectation (Johnson and Lindenstrauss; TRAK, LESS).
A sketch has one entry of +-1 in each row of the matrix (Charikar et al. 2002; Weinberger et al. 2009): the same
expectation and nearly the same spread, for one addition a number instead of `dims`.
"""

from __future__ import annotations

import math

import torch

from ..philox import hash_stream_name

M0, M1, W0, W1, MASK = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF
BLOCK_ENTRIES = 1 << 22


def philox_words(seed: int, stream: str, first: int, blocks: int, device: str | torch.device = "cpu") -> torch.Tensor:
    """Words 4 first .. 4 (first + blocks) of a stream of `philox.Random`, as int64 of 0 .. 2^32 - 1.

    Products of two words overflow int64 and wrap, which leaves their 64 bits as they are.
    """
    index = torch.arange(first, first + blocks, dtype=torch.int64, device=device)
    c0, c1 = index & MASK, index >> 32
    c2, c3 = torch.zeros_like(c0), torch.zeros_like(c0)
    k0, k1 = seed, hash_stream_name(stream)
    for _ in range(10):
        p0, p1 = c0 * M0, c2 * M1
        c0, c1, c2, c3 = ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK, ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return torch.stack([c0, c1, c2, c3], dim=1).flatten()


class Projection:
    """Vectors of any length to `dims` numbers."""

    def __init__(self, dims: int, kind: str, seed: int, device: str | torch.device = "cpu") -> None:
        self.dims, self.kind, self.seed, self.device = dims, kind, seed, device
        self.row_blocks = -(-dims // (128 if kind == "rademacher" else 4))
        self.step = max(1, BLOCK_ENTRIES // dims)

    def matrix(self, name: str, start: int, end: int) -> torch.Tensor:
        """Rows `start` to `end` of the matrix of a tensor, (end - start, dims), fp32."""
        first, blocks = start * self.row_blocks, (end - start) * self.row_blocks
        words = philox_words(self.seed, f"projection/{name}", first, blocks, self.device)
        if self.kind == "rademacher":
            octets = words.to(torch.int32).view(torch.uint8)
            bits = (octets[:, None] >> torch.arange(8, dtype=torch.uint8, device=self.device)) & 1
            entries = bits.reshape(end - start, -1)[:, : self.dims].float() * 2 - 1
        else:
            # Box and Muller: two words, two numbers.
            u = (words.double() + 0.5) / 2**32
            radius, angle = (-2 * u[0::2].log()).sqrt(), 2 * math.pi * u[1::2]
            pairs = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
            entries = pairs.reshape(end - start, -1)[:, : self.dims].float()
        return entries

    def project(self, tensors: dict[str, torch.Tensor], rows: int) -> torch.Tensor:
        """The sum over tensors (rows, length) of their projections, (rows, dims) in fp32."""
        if self.kind == "sketch":
            return self.sketch(tensors, rows)
        total = torch.zeros(rows, self.dims, device=self.device)
        for name, values in tensors.items():
            for start in range(0, values.shape[1], self.step):
                part = values[:, start : start + self.step]
                if part.any():
                    total += part @ self.matrix(name, start, start + part.shape[1])
        return total / math.sqrt(self.dims)

    def sketch(self, tensors: dict[str, torch.Tensor], rows: int) -> torch.Tensor:
        """Number i of a tensor goes to place floor(w / 2^32 dims), with the sign of w's lowest bit, w draw i."""
        total = torch.zeros(rows, self.dims, device=self.device)
        for name, values in tensors.items():
            length = values.shape[1]
            words = philox_words(self.seed, f"projection/{name}", 0, -(-length // 4), self.device)[:length]
            signs = 1 - 2 * (words & 1).float()
            total.index_add_(1, (words * self.dims) >> 32, values * signs)
        return total
