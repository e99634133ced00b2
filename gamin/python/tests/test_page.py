"""What pages show: the session of the original's home page, and the program of docs/python.md."""

from __future__ import annotations

import doctest
import gc
import re
import select
import subprocess
import sys
from pathlib import Path

SESSION = """
>>> import gamin
>>>
>>> def callback(path, event):
...     print("Got callback: %s, %s" % (path, event))
...
>>> mon = gamin.WatchMonitor()
>>> mon.watch_directory(".", callback)
<gamin.WatchObject instance at 0x...>
>>> mon.sync()  # on the page, the person at the keyboard is slower than the server
>>> mon.event_pending()
1
>>> mon.handle_one_event()
Got callback: /.../temp, 8
1
>>> mon.handle_events()
Got callback: bar1, 8
Got callback: foo1, 8
Got callback: /.../temp, 9
3
>>> mon.stop_watch(".")
>>> del mon
"""


def test_session_of_the_home_page(tmp_path, monkeypatch):
    folder = tmp_path / "temp"
    folder.mkdir()
    for name in ("bar1", "foo1"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    session = doctest.DocTestParser().get_doctest(SESSION, {}, "page", None, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(session, out=said.append)
    assert not runner.failures, "".join(said)
    gc.collect()


def test_unit_tests_of_the_module_run(tmp_path, monkeypatch, capsys):
    import gamin

    monkeypatch.chdir(tmp_path)
    gamin.run_unit_tests()
    assert f"Got callback: {tmp_path}, 9" in capsys.readouterr().out


def test_program_of_asyncio_runs(tmp_path):
    page = (Path(__file__).resolve().parents[3] / "docs/python.md").read_text(encoding="utf-8")
    (program,) = (block for block in re.findall("```python\n(.*?)```", page, re.S) if "import asyncio" in block)
    (tmp_path / "inbox").mkdir()
    command = [sys.executable, "-X", "dev", "-u", "-c", program]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        # It does not say when it watches: something new is made until it tells of it.
        for turn in range(1000):
            (tmp_path / "inbox" / str(turn)).touch()
            if select.select([running.stdout], [], [], 0.05)[0]:
                break
        assert re.fullmatch(r"new: inbox/\d+\n", running.stdout.readline())
        running.terminate()
