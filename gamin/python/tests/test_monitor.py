"""The original's interface, beyond what its own programs check."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import threading
import weakref

import _gamin
import pytest

import gamin
from recording import ACKNOWLEDGE, CREATED, END, EXISTS, Monitor, Record, raised_when_it_ends


@pytest.fixture
def mon():
    monitor = Monitor()
    yield monitor
    monitor.disconnect()


def test_constants_and_errors():
    assert [getattr(gamin, "GAM" + name) for name in ("Changed", "Deleted", "StartExecuting", "StopExecuting", "Created")] == [1, 2, 3, 4, 5]
    assert [gamin.GAMMoved, gamin.GAMAcknowledge, gamin.GAMExists, gamin.GAMEndExist] == [6, 7, 8, 9]
    assert [gamin.GAM_OK, gamin.GAM_ARG, gamin.GAM_FILE, gamin.GAM_CONNECT] == [0, 1, 2, 3]
    assert [gamin.GAM_AUTH, gamin.GAM_MEM, gamin.GAM_UNIMPLEM, gamin.GAM_INTR] == [4, 5, 6, 7]
    assert gamin.GaminErrmsg(gamin.GAM_FILE) and gamin.GaminErrmsg(0) == gamin.GaminErrmsg(99) == ""
    assert gamin.has_debug_api == 0


def test_use_after_disconnect_raises(mon, tmp_path):
    watched = mon.watch_directory(tmp_path, print)
    descriptor = mon.get_fd()
    mon.disconnect()
    mon.disconnect()
    with pytest.raises(OSError):
        os.fstat(descriptor)
    for use in (mon.get_fd, mon.event_pending, mon.handle_one_event, mon.handle_events, mon.sync, watched.cancel):
        with pytest.raises(gamin.GaminException, match="Already disconnected"):
            use()
    for watch in (mon.watch_file, mon.watch_directory):
        with pytest.raises(gamin.GaminException, match="Already disconnected"):
            watch(tmp_path, print)
    assert mon.stop_watch(tmp_path) is None and mon.no_exists() is None
    assert gamin.GaminErrno() == gamin.GAM_ARG


def test_who_waits_in_what_is_disconnected_is_told_as_who_comes_later(mon):
    error = raised_when_it_ends(mon.handle_one_event, mon.disconnect)
    assert (type(error), error.value) == (gamin.GaminException, "Already disconnected")


def test_exception_has_the_number_of_its_time(mon):
    with pytest.raises(gamin.GaminException) as raised:
        mon.watch_file("/" + "x" * 5000, print)
    error = raised.value
    assert (error.errno, gamin.GaminErrno()) == (gamin.GAM_FILE, gamin.GAM_FILE)
    assert str(error) == f"{error.value!r}: Bad filename"
    with pytest.raises(gamin.GaminException, match="not monitored"):
        mon.stop_watch("/never/watched")


def test_no_server_is_an_exception(monkeypatch):
    monkeypatch.delenv("GAM_MODE", raising=False)
    monkeypatch.setenv("GAM_CLIENT_ID", "nobody-listens-here")
    monkeypatch.setenv("GAMIN_DEBUG_SERVER", "/nowhere/gam_server")
    with pytest.raises(gamin.GaminException, match="/nowhere/gam_server") as raised:
        gamin.WatchMonitor()
    assert raised.value.errno == gamin.GAM_CONNECT


def test_objects_are_by_absolute_path(mon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = mon.watch_directory(".", print), mon.watch_file("../" + tmp_path.name, print)
    assert mon.objects == {str(tmp_path): [first, second]}
    assert (first.monitor, first.callback, first.data, first.path) == (mon, print, None, str(tmp_path))
    mon.stop_watch(".")
    assert mon.objects == {str(tmp_path): []} and mon.cancelled == [first, second]
    mon.stop_watch(".")
    mon.sync()
    first.callback = second.callback = Record()
    assert mon.handle_events() == 2
    assert first.callback.events() == [ACKNOWLEDGE] * 2 and mon.cancelled == []


@pytest.mark.parametrize("data", [0, "", [], False, object()])
def test_data_is_handed_over_unless_it_is_none(mon, tmp_path, data):
    told = []
    mon.watch_directory(tmp_path, lambda *arguments: told.append(arguments), data)
    mon.settle()
    assert all(len(arguments) == 3 and arguments[2] is data for arguments in told)


def test_names_of_bytes_come_as_bytes_and_others_escaped(mon, tmp_path):
    name = b"na\xffme"
    (tmp_path / os.fsdecode(name)).touch()
    told = []
    mon.watch_directory(os.fsencode(tmp_path), lambda path, event: told.append(path))
    mon.watch_directory(tmp_path, lambda path, event: told.append(path))
    mon.settle()
    assert name in told and "na\udcffme" in told


def test_exception_in_a_callback_is_printed_and_the_loop_goes_on(mon, tmp_path, capsys):
    told = Record()

    def callback(path, event):
        told(path, event)
        raise RuntimeError("of the callback")

    mon.watch_directory(tmp_path, callback)
    assert mon.settle() == 2 and told.events() == [EXISTS, END]
    assert capsys.readouterr().err.count("RuntimeError: of the callback") == 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_reaches_the_caller(mon, tmp_path, kind):
    told = Record()

    def callback(path, event):
        told(path, event)
        if event == EXISTS:
            raise kind

    mon.watch_directory(tmp_path, callback)
    mon.sync()
    with pytest.raises(kind):
        mon.handle_events()
    mon.handle_events()
    assert told.events() == [EXISTS, END]


def test_callback_may_do_everything(mon, tmp_path):
    told = Record()

    def callback(path, event):
        told(path, event)
        if event == EXISTS:
            second = mon.watch_file(tmp_path, told)
            mon.sync()
            assert mon.event_pending() == 1 and mon.handle_one_event() == 1
            second.cancel()
            mon.stop_watch(tmp_path)
            mon.sync()
            mon.handle_events()
            mon.disconnect()

    mon.watch_directory(tmp_path, callback)
    assert mon.handle_one_event() == 1
    assert told.take()[0] == (tmp_path.name, EXISTS)


def test_descriptor_tells_of_events_and_is_not_inherited(mon, tmp_path):
    told = mon.directory(tmp_path)
    mon.settle()
    descriptor = mon.get_fd()
    assert select.select([mon], [], [], 0)[0] == [] and not os.get_inheritable(descriptor)
    (tmp_path / "file").touch()
    assert select.select([descriptor], [], [], 10)[0] == [descriptor]
    mon.settle()
    assert told.take()[-1] == ("file", CREATED) and mon.get_fd() == descriptor


def test_killed_server_is_replaced_on_the_same_descriptor(own_server, tmp_path):
    mon = Monitor()
    told, descriptor = mon.directory(tmp_path), mon.get_fd()
    mon.settle()
    told.take()
    os.kill(mon._session.connection.server_pid(), signal.SIGKILL)
    (tmp_path / "file").touch()
    mon.settle()
    assert told.take() == [("file", CREATED)] and mon.get_fd() == descriptor
    mon.disconnect()


def test_unreachable_monitor_closes_its_descriptor(tmp_path):
    mon = gamin.WatchMonitor()
    mon.itself = mon
    mon.watch_directory(tmp_path, lambda path, event, data: None, mon)
    descriptor, gone = mon.get_fd(), weakref.ref(mon)
    del mon
    gc.collect()
    assert gone() is None
    with pytest.raises(OSError):
        os.fstat(descriptor)


INTERRUPTED = """
import os, signal, sys, threading
import gamin

folder, what = sys.argv[1:]
told = []
mon = gamin.WatchMonitor()
mon.watch_directory(folder, lambda path, event: told.append((path, event)))
mon.sync()
mon.handle_events()


def raises(number, frame):
    raise LookupError


if what == "raises":
    signal.signal(signal.SIGALRM, raises)
elif what == "returns":
    signal.signal(signal.SIGALRM, lambda number, frame: open(folder + "/by-handler", "w").close())
number = signal.SIGINT if what == "SIGINT" else signal.SIGALRM
signal.setitimer(signal.ITIMER_REAL, 0.2) if number == signal.SIGALRM else threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
try:
    mon.handle_one_event()
    print("handled", told[-1])
except (KeyboardInterrupt, LookupError) as error:
    print(type(error).__name__)
open(folder + "/after", "w").close()
mon.sync()
mon.handle_events()
print(told[-1])
"""


@pytest.mark.parametrize(
    "what, said", [("SIGINT", "KeyboardInterrupt"), ("raises", "LookupError"), ("returns", "handled ('by-handler', 5)")]
)
def test_signal_ends_a_wait_only_if_its_handler_raises(tmp_path, what, said):
    command = [sys.executable, "-X", "dev", "-c", INTERRUPTED, str(tmp_path), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{said}\n('after', 5)\n", "")


def test_waiting_lets_other_threads_run(mon, tmp_path):
    told = mon.directory(tmp_path)
    mon.settle()
    told.take()
    waiter = threading.Thread(target=mon.handle_one_event)
    waiter.start()
    (tmp_path / "file").touch()
    waiter.join(10)
    assert not waiter.is_alive() and told.take() == [("file", CREATED)]


class _Watched:
    def __init__(self):
        self.told = []

    def _internal_callback(self, path, event):
        self.told.append((path, event))


def test_functions_below_the_module(tmp_path):
    connection = _gamin.MonitorConnect()
    watched, as_file = _Watched(), _Watched()
    request = _gamin.MonitorDirectory(connection, str(tmp_path), watched)
    assert _gamin.MonitorFile(connection, str(tmp_path), as_file) != request
    assert min(connection, request, _gamin.GetFd(connection)) >= 0
    assert _gamin.ProcessOneEvent(connection) == 1
    assert _gamin.MonitorNoExists(connection) == 0 and _gamin.MonitorCancel(connection, request) == 0
    # Which of the two is answered first is not promised.
    while (str(tmp_path), ACKNOWLEDGE) not in watched.told or len(as_file.told) < 2:
        assert _gamin.ProcessOneEvent(connection) == 1
    assert _gamin.ProcessEvents(connection) == 0
    assert as_file.told == [(str(tmp_path), EXISTS), (str(tmp_path), END)]
    assert _gamin.EventPending(connection) == 0
    assert _gamin.MonitorClose(connection) == 0
    assert _gamin.MonitorClose(connection) == _gamin.EventPending(connection) == -1
    assert _gamin.Errno() == gamin.GAM_ARG
