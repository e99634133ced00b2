"""The stubs say what is there: mypy and stubtest, where they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize(
    "command",
    [
        ["mypy", "--strict", "-p", "gamin", "-p", "_gamin"],
        ["mypy", "--strict", str(HERE / "typed.py")],
        # What may be inherited together is not said anywhere, and is no promise.
        ["mypy.stubtest", "--ignore-disjoint-bases", "gamin", "_gamin"],
    ],
    ids=["module", "program", "stubs"],
)
def test_types_hold(command, tmp_path):
    pytest.importorskip("mypy")
    if "stubtest" in command[0] and sys.version_info < (3, 11):
        pytest.skip("what of typing is a class is another matter there")
    environment = {**os.environ, "MYPY_CACHE_DIR": str(tmp_path), "MYPYPATH": str(HERE.parent / "python")}
    command = [sys.executable, "-m", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
