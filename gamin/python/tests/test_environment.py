"""What the environment asks of the module, and what is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

import gamin
from conftest import EMBEDDED


def run(program, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "GAM_DEBUG"}
    command = [sys.executable, "-X", "dev", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def test_version_is_the_installed_one():
    assert gamin.__version__ == metadata.version("gamin")


IMPORTED = """
import sys
import gamin
assert "asyncio" not in sys.modules
with gamin.watch(sys.argv[1]) as changes:
    changes.sync()
assert "asyncio" not in sys.modules
"""


def test_asyncio_is_imported_by_who_needs_it(tmp_path):
    run(IMPORTED, tmp_path)


def test_who_watches_is_known(tmp_path):
    monitor = gamin.WatchMonitor()
    with gamin.watch(tmp_path) as changes:
        assert (changes.is_embedded, monitor.is_embedded) == (EMBEDDED, EMBEDDED)
    monitor.disconnect()
    with pytest.raises(ValueError, match="closed"):
        changes.is_embedded
    with pytest.raises(gamin.GaminException, match="Already disconnected"):
        monitor.is_embedded


WATCHES = """
import sys
import gamin
for _ in range(2):
    gamin.WatchMonitor().disconnect()
    gamin.watch(sys.argv[1]).close()
"""


def test_a_wrong_mode_is_said_once(tmp_path):
    said = run(WATCHES, tmp_path, GAM_MODE="embeded").stderr
    assert said == 'GAM_MODE is "embeded", none of server, embedded and auto: taken for auto\n'
    for mode in ("", "auto", "embedded"):
        assert run(WATCHES, tmp_path, GAM_MODE=mode).stderr == ""


TRACED = """
import os, signal, sys
import gamin

def traces():
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if os.path.islink(link)]
    return [target for target in targets if "/gamin_debug_" in target]

with gamin.watch(sys.argv[1]) as changes:
    os.kill(os.getpid(), signal.SIGUSR2)
    while not traces():
        pass
    (file,) = traces()
    while "trace begins" not in open(file).read():
        pass
    assert open(file).read().startswith("client version=")
    os.kill(os.getpid(), signal.SIGUSR2)
    while traces():
        pass
    os.remove(file)
"""


def test_a_trace_goes_where_it_is_asked_for(tmp_path):
    assert "DEBUG" in run(WATCHES, tmp_path, GAM_DEBUG="").stderr
    assert "trace begins" in run(TRACED, tmp_path, GAM_DEBUG="", PYTHONWARNINGS="ignore").stderr
    # Without it no signal is touched.
    done = subprocess.run([sys.executable, "-c", TRACED, str(tmp_path)], timeout=60, env={**os.environ, "GAM_MODE": "embedded"})
    assert done.returncode < 0


LIMITED = """
import logging, os, sys
import gamin
logging.basicConfig(format="%(message)s", level=logging.WARNING)
folder = sys.argv[1]
for name in "abc":
    os.makedirs(f"{folder}/{name}", exist_ok=True)
with gamin.watch(folder, recursive=True) as changes:
    changes.sync()
    changes.take()
    print(len(changes.gaps))
"""


def test_a_limit_that_is_reached_is_said_once(tmp_path):
    shell = 'echo 0 >/proc/sys/user/max_inotify_instances && echo 0 >/proc/sys/user/max_fanotify_groups || exit 77; exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c", shell, "sh", sys.executable, "-c", LIMITED, str(tmp_path)]
    environment = {**os.environ, "GAM_MODE": "embedded"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no user namespace can be had")
    assert done.stdout == "4\n"
    assert done.stderr == f"{tmp_path}: looked at every second, because the kernel's limit of inotify watches or instances is reached (gamin doctor says which)\n"
