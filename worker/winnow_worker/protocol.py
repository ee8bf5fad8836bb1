"""Jobs in, events out. A job file is checked against the schema that TypeScript checks it with too.

Events are JSON lines on stdout, one object with `t`: hello, plan, shard, step, ckpt, warn, phase, done, error. Logs
go to stderr. Exit codes: 0 done, 2 bad job, 3 bad data, 4 out of memory, 5 the loss is not a number, 6 environment,
7 the disk is full, 130 cancelled.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parent / "schemas"
BAD_JOB, BAD_DATA, OUT_OF_MEMORY, NAN_LOSS, ENVIRONMENT, DISK_FULL, CANCELLED = 2, 3, 4, 5, 6, 7, 130


class JobError(Exception):
    """A job that ends here, with the exit code and what to do about it."""

    def __init__(self, exit_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.exit_code, self.code = exit_code, code


class Cancelled(BaseException):
    """Asked to stop: what is finished stays, what is begun is not there."""


def load_job(path: Path) -> dict[str, Any]:
    """Read and check a job file. Raises JobError."""
    import fastjsonschema

    try:
        job = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(BAD_JOB, "JOB_UNREADABLE", f"{path}: {error}") from error
    kind = job.get("kind") if isinstance(job, dict) else None
    name = kind if kind in ("train", "scorer") else "job"
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    try:
        return fastjsonschema.compile(schema)(job)
    except fastjsonschema.JsonSchemaException as error:
        raise JobError(BAD_JOB, "JOB_INVALID", f"{path}: {error.message}") from error


def emit(event: str, **fields: Any) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"t": event, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def warn(code: str, message: str) -> None:
    emit("warn", code=code, msg=message)


def hello() -> None:
    """Say what runs here."""
    import torch
    import transformers

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    emit("hello", versions=versions | {"transformers": transformers.__version__}, gpus=gpus)
