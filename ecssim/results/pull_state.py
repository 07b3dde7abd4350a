"""Under which lastStatus an image pull is shown: a label, not a matter of time (LIFE-007)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecssim.record.codes import TASK_STATUSES

_ACTIVATING: Final = TASK_STATUSES.index("ACTIVATING") + 1
#: Two ticks of the clock, in seconds: what is as close as this is at the same time.
_AT_ONCE: Final = 2.0**-19


def pulls_as_pending(events: np.ndarray, pulled_at: np.ndarray) -> np.ndarray:
    """Return the packed rows of ``task_events`` as the option ``imagePullState: PENDING`` shows them.

    ``pulled_at`` is the end of the pull of each row's task, NaN if it had none. A task is ACTIVATING from then on;
    one that ended before, or failed in its pull, never was. The rows stay in the order of time.
    """
    shown = events.copy()
    activating = events["last_status"] == _ACTIVATING
    later = activating & (pulled_at > events["t"])
    shown["t"][later] = pulled_at[later]
    # The next event of each task: the rows of a task are in the order of time already.
    order = np.argsort(events["task"], kind="stable")
    following = np.full(len(events), np.inf)
    same = events["task"][order[1:]] == events["task"][order[:-1]]
    following[order[:-1][same]] = events["t"][order[1:][same]]
    kept = ~later | (shown["t"] + _AT_ONCE < following)
    rows = shown[kept]
    ordered: np.ndarray = rows[np.argsort(rows["t"], kind="stable")]
    return ordered
