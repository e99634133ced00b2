"""A server of the tests' own, and what they have in common.

It is the program that GAMIN_DEBUG_SERVER names, else what cargo has built, else the installed one. With GAM_MODE=embedded there is none.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import gamin

ROOT = Path(__file__).resolve().parents[3]
INSTALLED = Path("/usr/libexec/gam_server")
EMBEDDED = os.environ.get("GAM_MODE") == "embedded"


def _server() -> Path | None:
    if "GAMIN_DEBUG_SERVER" in os.environ:
        return Path(os.environ["GAMIN_DEBUG_SERVER"])
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / profile / "gam_server" for profile in ("release", "debug")]
    there = [path for path in built if path.exists()]
    return max(there, key=lambda path: path.stat().st_mtime, default=INSTALLED if INSTALLED.exists() else None)


def end_server() -> None:
    """Ends the server that the environment leads to."""
    monitor = gamin.WatchMonitor()
    pid = monitor._session.connection.server_pid()
    monitor.disconnect()
    assert pid is not None
    os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="session", autouse=True)
def server() -> Iterator[None]:
    """The server of all tests but those that need another."""
    if EMBEDDED:
        os.environ.pop("GAMIN_DEBUG_SERVER", None)
        yield
        return
    program = _server()
    if program is None:
        pytest.exit("there is no server to test with: cargo build -p gamin-server", returncode=2)
    os.environ["GAMIN_DEBUG_SERVER"] = str(program)
    os.environ["GAM_CLIENT_ID"] = f"pytest-{uuid.uuid4().hex[:8]}"
    yield
    end_server()


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server for one test, which may end it."""
    if EMBEDDED:
        pytest.skip("without a server there is none to end")
    monkeypatch.setenv("GAM_CLIENT_ID", f"pytest-{uuid.uuid4().hex[:8]}")
    yield
    end_server()
