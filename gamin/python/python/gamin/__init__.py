"""Be told when files change, by the Gamin file alteration monitor.

`watch` is what a new program uses. `WatchMonitor` and the constants are the interface of the original's module.
"""

from ._arguments import Ignore
from ._errors import (
    GAM_ARG,
    GAM_AUTH,
    GAM_CONNECT,
    GAM_FILE,
    GAM_INTR,
    GAM_MEM,
    GAM_OK,
    GAM_UNIMPLEM,
    GaminErrmsg,
    GaminErrno,
    GaminException,
)
from ._events import (
    Event,
    GAMAcknowledge,
    GAMChanged,
    GAMCreated,
    GAMDeleted,
    GAMEndExist,
    GAMExists,
    GAMMoved,
    GAMStartExecuting,
    GAMStopExecuting,
)
from ._monitor import WatchMonitor, run_unit_tests
from ._native import __version__
from ._watch import Change, Watch, watch

WatchObject = WatchMonitor.WatchObject
has_debug_api = 0

__all__ = [
    "Change",
    "Event",
    "GAMAcknowledge",
    "GAMChanged",
    "GAMCreated",
    "GAMDeleted",
    "GAMEndExist",
    "GAMExists",
    "GAMMoved",
    "GAMStartExecuting",
    "GAMStopExecuting",
    "GAM_ARG",
    "GAM_AUTH",
    "GAM_CONNECT",
    "GAM_FILE",
    "GAM_INTR",
    "GAM_MEM",
    "GAM_OK",
    "GAM_UNIMPLEM",
    "GaminErrmsg",
    "GaminErrno",
    "GaminException",
    "Ignore",
    "Watch",
    "WatchMonitor",
    "WatchObject",
    "__version__",
    "has_debug_api",
    "run_unit_tests",
    "watch",
]
