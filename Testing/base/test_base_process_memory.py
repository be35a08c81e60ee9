"""Memory that is kept between computations and returned after them, in a separate process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from SpinalDiseaseAILib.base.process_memory import give_back_freed_memory, keep_freed_memory

PROGRAM = """
import resource
import numpy as np
from SpinalDiseaseAILib.base.process_memory import give_back_freed_memory, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 2**20

def compute():
    np.ones(2**25)  # 256 MiB
    return resident()

before = resident()
print(compute() - before)
assert keep_freed_memory()
print(compute() - before)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(compute() - before)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
assert give_back_freed_memory()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="The C library of Linux alone gives memory back at once.")
def test_memory_is_kept_for_the_next_computation_and_given_back_on_request():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    as_usual, kept, again, faults, given_back = map(int, done.stdout.split())
    assert as_usual < 30 and given_back < 30  # MiB
    assert kept > 200 and again > 200
    assert faults < 1000  # pages; 65536 for memory that was returned


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_nothing_is_changed_on_other_systems(monkeypatch, platform):
    monkeypatch.setattr("SpinalDiseaseAILib.base.process_memory.sys.platform", platform)
    assert not keep_freed_memory()
    assert not give_back_freed_memory()


def test_nothing_is_changed_in_a_c_library_without_such_settings(monkeypatch):
    monkeypatch.setattr("SpinalDiseaseAILib.base.process_memory.ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()
    assert not give_back_freed_memory()
