"""Claims on recordings: which process has taken one, and whether it may still be working on it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

STALE = 600.0  # seconds after which the claim of a process on another machine counts for nothing


def owner_name() -> str:
    """This process, as the owner of claims: host, number and when it began."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(process: int) -> str:
    """When a process of this machine began, as the system counts; "" where it does not say, or it has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *others = stat.rpartition(")")[2].split()
    return "" if state == "Z" else others[18]


def is_alive(owner: str, renewed: float) -> bool:
    """Whether the owner of a claim may still be working on it."""
    host, process, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return time.time() - renewed < STALE
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's
    return not started or _started(int(process)) == started
