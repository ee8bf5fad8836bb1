"""Where a job runs and in which precision."""

from __future__ import annotations

import torch

from .protocol import ENVIRONMENT, JobError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_device(asked: str) -> str:
    """`auto` is the GPU where there is one. Raises JobError."""
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked.startswith("cuda") and not torch.cuda.is_available():
        raise JobError(ENVIRONMENT, "NO_GPU", "the job asks for CUDA and this machine has no usable GPU")
    return asked


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA says it by its class, or outside of its allocator in a message; the CPU's allocator in its message."""
    said = str(error).lower()
    by_class = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return by_class or "can't allocate memory" in said or "cuda error: out of memory" in said
