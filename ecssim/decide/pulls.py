"""How long image pulls take that share a link, and when a pull that fails is tried again: plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Final

#: Seconds after which the agent asks for a manifest again, and for the image itself (AGENT-032): nine and five tries.
MANIFEST_RETRIES: Final = (0.01, 0.03, 0.09, 0.27, 0.81, 2.43, 5.0, 5.0)
PULL_RETRIES: Final = (1.1, 2.2, 4.4, 5.0)


def finished_at(transfers: Sequence[tuple[float, float]]) -> list[float]:
    """Return when each transfer ends that shares one link equally with all that are under way (AGENT-031).

    A transfer is (start, seconds that it takes alone). ``n`` of them at a time are each ``n`` times slower; one
    alone ends at exactly start + seconds.
    """
    ends = [0.0] * len(transfers)
    order = sorted(range(len(transfers)), key=lambda i: (transfers[i][0], i))
    under_way: list[tuple[float, int]] = []  # (service at which it is done, which)
    served, t, at = 0.0, 0.0, 0
    while at < len(order) or under_way:
        if not under_way:
            served, t = 0.0, max(t, transfers[order[at]][0])
        begins = transfers[order[at]][0] if at < len(order) else float("inf")
        if under_way:
            done, first = under_way[0]
            end = t + (done - served) * len(under_way)
            if end <= begins:
                heappop(under_way)
                ends[first] = end
                served, t = done, end
                continue
            served += (begins - t) / len(under_way)
            t = begins
        which = order[at]
        at += 1
        heappush(under_way, (served + transfers[which][1], which))
    return ends


def attempts(jitter: Callable[[int], float]) -> list[float]:
    """Return the seconds from the first at which the agent asks a registry that does not answer (AGENT-032).

    Nine times for the manifest, then five times for the image, the waits longer by ``jitter(i)`` (a share). The
    last one is the last: after it the pull has failed.
    """
    offsets = [0.0]
    for i, wait in enumerate((*MANIFEST_RETRIES, 0.0, *PULL_RETRIES)):
        offsets.append(offsets[-1] + wait * (1.0 + jitter(i)))
    return offsets
