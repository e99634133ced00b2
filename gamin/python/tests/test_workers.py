"""A server whose workers are forked from a process that has watched already: what is made in its modules serves each worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import EMBEDDED

# A program whose module watches before there are workers. Each worker makes a file, and is told of those of both.
APPLICATION = """
import json, os
import gamin

def sockets():
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink("/proc/self/fd/" + number))
        except FileNotFoundError:
            pass
    return {link for link in links if link.startswith("socket:")}

folder = os.environ["WATCHED"]
others = sockets()
changes = gamin.watch(folder, initial=True)
told = []
monitor = gamin.WatchMonitor()
monitor.watch_directory(folder, lambda path, event: told.append(os.path.basename(path)))
of_parent = sockets() - others

def numbers(names):
    return sorted({name for name in names if name.isdigit()})

def serve():
    kept = len(of_parent & sockets())
    open(f"{folder}/{os.getpid()}", "w").close()
    seen = []
    while len(numbers(seen)) < 2:
        change = changes.next(30)
        assert change is not None, seen
        seen.append(os.path.basename(change.path))
    while len(numbers(told)) < 2:
        monitor.handle_one_event()
    own = sorted(sockets() - others - of_parent)
    return json.dumps(dict(pid=os.getpid(), kept=kept, own=own, seen=numbers(seen), told=numbers(told))) + "\\n"

def application(environ, start_response):
    # It may have a socket of its client.
    body = serve().encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""

FORKED = """
import os, sys
import application

children = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        os.write(1, application.serve().encode())
        os._exit(0)
    children.append(pid)
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
application.changes.sync()
names = [os.path.basename(change.path) for change in application.changes.take()]
assert application.numbers(names) == sorted(map(str, children)), names
application.monitor.sync()
application.monitor.handle_events()
assert application.numbers(application.told) == sorted(map(str, children)), application.told
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """The folder that the program is in. It watches another."""
    (tmp_path / "application.py").write_text(APPLICATION)
    (tmp_path / "watched").mkdir()
    monkeypatch.setenv("WATCHED", str(tmp_path / "watched"))
    return tmp_path


def check(answers):
    """Looks whether two workers were told of both, each over its own connections."""
    first, second = answers
    both = sorted([str(first["pid"]), str(second["pid"])])
    assert first["pid"] != second["pid"]
    for answer in answers:
        assert (answer["seen"], answer["told"], answer["kept"]) == (both, both, 0)
    own, of_other = set(first["own"]), set(second["own"])
    # What they share is the server's in which they work.
    assert EMBEDDED or len(own - of_other) >= 2 <= len(of_other - own)


def test_forked_workers_use_what_a_module_has_made(program):
    command = [sys.executable, "-X", "dev", "-c", FORKED]
    done = subprocess.run(command, cwd=program, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    check([json.loads(line) for line in done.stdout.splitlines()])


def test_workers_of_gunicorn_use_what_a_module_has_made(program):
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(program / "socket"))
    # Who comes before there is a worker waits here.
    listener.listen()
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--timeout=60"]
    command += [f"--bind=fd://{listener.fileno()}", "application:application"]
    with open(program / "log", "w") as log:
        server = subprocess.Popen(command, cwd=program, pass_fds=[listener.fileno()], stdout=log, stderr=log)
    try:
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(ask, [program / "socket"] * 2))
    except (OSError, ValueError):
        print((program / "log").read_text())
        raise
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(60)
        listener.close()
    assert status == 0
    check(answers)


def ask(path):
    """Sends a request, and gives what is answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with client.makefile("rb") as answer:
            return json.loads(answer.read().partition(b"\r\n\r\n")[2])
