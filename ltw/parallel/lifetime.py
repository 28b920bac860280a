"""Lifetime of a child process: it ends when its parent ends, however that happens."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from threading import Thread
from types import FrameType

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_SECONDS = 1.0
GRACE_SECONDS = 3.0
"""How long a child that is sent SIGTERM waits for its parent to end first."""


def tie_to_parent() -> None:
    """Make this process end with its parent, which is left to answer Ctrl-C and SIGTERM.

    Call it first thing in a child, from its main thread. Linux's kernel then kills it when the
    thread that started it ends; elsewhere a thread looks every second whether the parent is there.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to every process
    signal.signal(signal.SIGTERM, _end_after_parent)  # and a batch scheduler this one
    if not _killed_by_the_kernel():
        Thread(target=_watch, args=(parent,), daemon=True).start()
    elif os.getppid() != parent:  # it ended before the kernel was told
        os._exit(1)


def _end_after_parent(number: int, frame: FrameType | None) -> None:
    """End later than a parent that was sent SIGTERM too, lest it takes this for a failure."""
    time.sleep(GRACE_SECONDS)
    os._exit(0)


def _killed_by_the_kernel() -> bool:
    """Ask Linux to kill this process when its parent ends; whether it will."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)
