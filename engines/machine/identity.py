"""What this machine is, found without importing anything heavy: what was measured here is kept under these names."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from pathlib import Path

from stylefader.engines.machine.processor import held_to

_MEMINFO = Path("/proc/meminfo")
_CPUINFO = Path("/proc/cpuinfo")


def has_nvidia_driver() -> bool:
    """Whether the driver's library is here, which says nothing yet of a GPU that works."""
    return _driver() is not None


@functools.cache
def gpu_name() -> str:
    """The first NVIDIA GPU with what its driver can do; empty where there is none."""
    driver = _driver()
    if driver is None or driver.cuInit(0):
        return ""
    device, version, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    if driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, len(name), device):
        return ""
    driver.cuDriverGetVersion(ctypes.byref(version))
    return (
        f"{name.value.decode(errors='replace')} (driver for CUDA {version.value // 1000}.{version.value % 1000 // 10})"
    )


@functools.cache
def cpu_name() -> str:
    """The processor, with the cores that this process may use, and what its kernels are held to."""
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        lines = []  # not Linux
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(named, "") or platform.processor() or platform.machine()  # the second starts a process on some systems
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    held = f", held to {held_to()}" if held_to() else ""
    return f"{name} ({cores} {'core' if cores == 1 else 'cores'}{held})"


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, if the system says so."""
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _driver() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
