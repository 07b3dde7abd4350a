"""What traffic is made of: streams of requests, and the targets at whose doors they arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from ecssim.scenario.traffic import CONNECTION_SECONDS, REQUEST_BYTES, REQUESTS_PER_CONNECTION, RESPONSE_BYTES
from ecssim.workload.arrivals import Load, Piece

if TYPE_CHECKING:
    from ecssim.engine.retries import Retries
    from ecssim.engine.uneven import Uneven

#: A target whose servers are busier than this is watched between minutes.
HOT: Final = 0.7

#: Up to so many cells the minute goes through them one by one.
FEW: Final = 24

#: Added before rounding down: a cumulative load that is whole up to float noise counts as whole.
WHOLE: Final = 1e-6


@dataclass(slots=True, eq=False)
class Clients:
    """Who sends a stream, as far as it matters behind the load balancer.

    ``patience`` seconds after which they give up (infinite: never), ``attempts`` in all, ``backoff`` seconds before the
    first retry, each further one ``factor`` times later; ``on`` are the failures that they retry. A client stays with
    its target for ``stays`` seconds where connections or cookies hold it, and sends ``per_connection`` requests on one
    connection that lasts ``connection_lasts`` seconds. A request has ``sent`` bytes and its response ``received``; the
    latter are billed as egress (``egress``) where the scenario says how many. ``zones`` is the share of the clients in
    each zone; ``protocol`` is http1, http2 or grpc.
    """

    patience: float = float("inf")
    attempts: int = 1
    backoff: float = 1.0
    factor: float = 2.0
    on: frozenset[str] = frozenset({"502", "503", "504", "460"})
    stays: float | None = None
    per_connection: int = REQUESTS_PER_CONNECTION
    connection_lasts: float = CONNECTION_SECONDS
    sent: int = REQUEST_BYTES
    received: int = RESPONSE_BYTES
    egress: bool = False
    zones: tuple[tuple[str, float], ...] = ()
    protocol: str = "http1"


#: Clients that say nothing about themselves.
PLAIN: Final = Clients()


@dataclass(slots=True, eq=False)
class Stream:
    """One entry of ``traffic``: a load, and the targets that share it by weight.

    ``goal`` are the weights that it drifts to where users stick to the target group that they first got (LB-025),
    ``sticks`` the seconds for which they do; ``listener`` is the one that it comes through, ``rules`` the number of
    its rules.
    """

    index: int
    name: str
    source: Load
    targets: list[Target]
    weights: list[float]
    clients: Clients = PLAIN
    carry: float = 0.0
    goal: list[float] | None = None
    sticks: float = 0.0
    drifted: float = 0.0
    listener: str = ""
    rule: str = ""
    rules: int = 0
    #: The targets whose protocol version does not take this stream's requests (LB-030); None: there are none.
    odd: frozenset[int] | None = None
    #: Stretches of the minute that runs, where its rate changes inside of it.
    pieces: tuple[Piece, ...] = ()


@dataclass(slots=True, eq=False)
class Target:
    """A target group, or a service that is reached directly.

    ``default`` is the cell that stands for it while no other exists: requests always belong to some service. A target
    with something special (``uneven`` routing, ``retries``, clients that give up) is moved alone, never as a vector;
    ``late`` is what its time-outs count as. ``opened`` are the requests of this minute that were sent to targets that
    fail their checks (LB-010).
    """

    index: int
    code: int
    group: int
    balanced: bool
    default: int = -1
    stressed: bool = True
    cells: list[int] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    uneven: Uneven | None = None
    retries: Retries | None = None
    late: str = "f504"
    patience: float = 60.0
    opened: int = 0
    mismatched: bool = False

    @property
    def alone(self) -> bool:
        """Whether it is moved by itself."""
        return self.uneven is not None or self.retries is not None or self.late != "f504" or self.mismatched


class Holder(Protocol):
    """Who knows the cell that a task serves in: its target in a target group, or the task itself."""

    cell: int
