"""How much memory the machine can still give."""

from __future__ import annotations

import os

UNKNOWN = 8.0 * 2**30
"""Assumed where the system does not tell, bytes."""


def available_memory() -> float:
    """Bytes that can be had without swapping, as far as the system tells.

    Examples
    --------
    >>> available_memory() > 0
    True
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return UNKNOWN
