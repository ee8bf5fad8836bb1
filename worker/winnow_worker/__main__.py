"""The worker's one entry: `python -m winnow_worker --job job.json [--dry-run]`. Events on stdout, logs on stderr."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from pathlib import Path

from .files import is_disk_full
from .parent import end_with_parent
from .protocol import CANCELLED, DISK_FULL, ENVIRONMENT, OUT_OF_MEMORY, Cancelled, JobError, emit, hello, load_job


def cancel(*_: object) -> None:
    raise Cancelled


def disk_path(error: BaseException, job: Path) -> str:
    """The file that could not be written, else the job's folder."""
    return str(getattr(error, "filename", None) or job.parent)


def main(arguments: list[str] | None = None) -> int:
    """Run a job and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m winnow_worker", description="Run one job of Winnow's worker.")
    parser.add_argument("--job", type=Path, required=True, help="job file (JSON)")
    parser.add_argument("--dry-run", action="store_true", help="check the job and say what it would do")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    if options.with_parent:
        end_with_parent()
    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, cancel)
    try:
        job = load_job(options.job)
        hello()
        if job["threads"]:
            import torch

            torch.set_num_threads(job["threads"])
        if job["kind"] == "train":
            from .training.trainer import run_training as run
        elif job["kind"] == "scorer":
            from .scorers.run import run_scorer as run
        else:
            from .signals.run import run_signals as run
        run(job, options.dry_run)
    except JobError as error:
        emit("error", code=error.code, msg=str(error))
        return error.exit_code
    except Cancelled:
        emit("error", code="CANCELLED", msg="stopped; what is finished is kept")
        return CANCELLED
    except ImportError as error:
        traceback.print_exc(file=sys.stderr)
        emit("error", code="PYTHON_PACKAGE_MISSING", msg=str(error))
        return ENVIRONMENT
    except Exception as error:  # noqa: BLE001  the last door: a person sees one line, the log has the rest
        if is_disk_full(error):
            emit(
                "error", code="DISK_FULL", msg="there is no space left on the disk", path=disk_path(error, options.job)
            )
            return DISK_FULL
        from .device import is_out_of_memory

        traceback.print_exc(file=sys.stderr)
        memory = is_out_of_memory(error)
        emit("error", code="OUT_OF_MEMORY" if memory else "WORKER_FAILED", msg=f"{type(error).__name__}: {error}")
        return OUT_OF_MEMORY if memory else 1
    emit("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
