"""The process that started the worker: a worker whose parent is gone ends at once, and works for nobody."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

from .protocol import CANCELLED

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """End when the parent does: by the kernel's word on Linux, and everywhere when standard input closes, which the
    parent holds open. What is finished stays; what is begun has a temporary name."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(CANCELLED)
