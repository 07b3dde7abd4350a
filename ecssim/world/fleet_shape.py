"""What the index remembers about one task shape, and which instances come closest when it fits nowhere."""

from __future__ import annotations

from typing import NamedTuple

from ecssim.world.requests import Request
from ecssim.world.views import FailureReason


class Shape(NamedTuple):
    """The checks of one request that tasks do not move: who is open, in the right zone, with the attributes.

    Good while the fleet's ``facts`` version is ``version``. ``base`` are the instances left after these
    checks, ``fitting`` their number; ``agent``, ``location`` and ``attribute`` how many fell at each
    (PLACE-003). It holds the request itself, so that its identity is not given to another one meanwhile.
    """

    request: Request
    version: int
    base: int
    fitting: int
    agent: int
    location: int
    attribute: int


def fewest_failures(seen: int, failures: list[tuple[FailureReason, int]]) -> tuple[FailureReason, int]:
    """Return the reason and the set of the closest instances of ``seen``, none of which passes every check.

    ``failures`` are the checks in PLACE-003 order, each with the instances that fail it. Closest are those
    that fail the fewest; where they fail different checks, the first of these in that order names the reason
    (PLACE-065 leaves the comparison of different resources open).
    """
    layers = [seen]  # layers[j]: instances that failed j of the checks looked at so far
    for _, failed in failures:
        if not failed:
            continue
        for count in range(len(layers) - 1, -1, -1):
            moved = layers[count] & failed
            if moved:
                layers[count] ^= moved
                if count + 1 == len(layers):
                    layers.append(moved)
                else:
                    layers[count + 1] |= moved
    closest = next(layer for layer in layers if layer)
    return next((reason, closest & failed) for reason, failed in failures if closest & failed)
