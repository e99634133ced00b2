"""The session of the original's home page prints what the page shows."""

from __future__ import annotations

import doctest
import gc

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
