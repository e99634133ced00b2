"""A plugin for pytest that has watchdog's own tests of emitters run against ours: `ci/watchdog` loads it.

What our vocabulary is, and which tests can't be said in it, stands here. A test that is neither left out nor holds is a failure.
"""

from __future__ import annotations

import os

import pytest
from watchdog import events

from gamin.watchdog import GaminEmitter

MOVED = "it expects what is in a directory to move with it; gamin tells that it is gone before, and has come after"
FULL = "it is about inotify's emitter that tells halves of renames"
CLOSED = "it expects to be told of opening and closing, which gamin does not tell"
RATIONED = "it expects every one of thirty names that go as soon as they come; gamin tells some, and how it ends"

LEFT_OUT = {
    "test_closed": CLOSED,
    "test_fast_subdirectory_creation_deletion": RATIONED,
    "test_move_from_full": FULL,
    "test_move_nested_subdirectories": MOVED,
    "test_move_to_full": FULL,
    "test_renaming_top_level_directory": MOVED,
}

# What gamin has no word for, and which of its words stands for another.
UNSPOKEN = (
    events.FileOpenedEvent,
    events.FileClosedEvent,
    events.FileClosedNoWriteEvent,
    # Where entries come and go it is told once; inotify's emitter tells it of each step.
    events.DirModifiedEvent,
)
SPOKEN_AS = {"FileAttribEvent": events.FileModifiedEvent, "DirAttribEvent": events.DirModifiedEvent}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is left out, and puts our emitter in place of watchdog's."""
    from tests import utils

    utils.Emitter = GaminEmitter
    utils._EventsChecker.check_events = check_events
    for item in items:
        reason = LEFT_OUT.get(item.name)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))
        # A test that holds sometimes does not hold.
        item.own_markers = [marker for marker in item.own_markers if marker.name != "flaky"]
    left_out = [item.name for item in items if item.name in LEFT_OUT]
    assert sorted(left_out) == sorted(LEFT_OUT), "what is left out is there"


def check_events(self, timeout: float = 2) -> None:
    """Compares what was told with what the test expects of it, as far as gamin has words for it."""
    found = []
    while True:
        try:
            event, _ = self.event_queue.get(timeout=timeout)
        except Exception:
            break
        if not isinstance(event, UNSPOKEN):
            found.append((type(event), os.path.normpath(event.src_path), event.dest_path or None))
    expected = []
    for one in self.expected_events:
        kind = SPOKEN_AS.get(one.expected_class.__name__, one.expected_class)
        if not issubclass(kind, UNSPOKEN):
            told = kind, self._make_path(one.src_path), self._make_path(one.dest_path) if one.dest_path else None
            # Changes that follow one another closely are told as one.
            if not (expected and expected[-1] == told):
                expected.append(told)
    assert found == expected
