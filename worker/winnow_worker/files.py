"""Files that appear under their own name whole, or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

FULL = re.compile(r"no space left|disk quota exceeded|quota exceeded", re.IGNORECASE)


def temporary_name(path: Path) -> Path:
    """A name beside `path` that no other process uses. With the mark of the process that started the worker, whose next
    command deletes what a killed one has left."""
    mark = os.environ.get("WINNOW_PROCESS_MARK") or f"pid-{os.getpid()}-0"
    return path.with_name(f".tmp-{path.name[:80]}-{mark}-{secrets.token_hex(6)}")


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` write a temporary file, then flush and rename it. The folder is made. Raises OSError with the path
    where the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except Exception as error:
        raise with_path(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Libraries wrap the system's error, and some only keep its words."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or bool(FULL.search(str(error)))


def with_path(error: BaseException, path: Path) -> BaseException:
    """An error that says which file could not be written for want of space; any other as it is."""
    return OSError(errno.ENOSPC, "No space left on device", str(path)) if is_disk_full(error) else error
