"""Response times of tasks as a queue: many servers, one line, service times that vary.

The model is M/G/c, stated in three parts. Whether a request waits is Erlang's C formula, exact for M/M/c and used for
every law of the service time. How long it waits if it does is the wait of one server that is ``c`` times as fast
(M/G/1, Pollaczek and Khinchine), whose first two moments are exact; this gives the mean wait of Lee and Longton,
``(1 + scv) / 2`` times that of M/M/c, which Kimura's correction makes shorter where servers share little work. The
wait is then written as a mixture of two exponentials with its moments, the service time by its own quantiles, so that
the chance that their sum is longer than anything has a closed form. Where service times vary more than exponentially,
two moments say too little: those queues are looked up in ``waiting_tables``.

Everything works on vectors, element by element: a value alone and among others has the same bits. Exponentials and
logarithms are numpy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.workload.distributions import Law
from ecssim.workload.waiting_tables import SERVERS, tables_of

Floats = npt.NDArray[np.float64]

#: The chances to take longer than the percentiles that are published: p50, p95, p99.
TAILS: Final = (0.5, 0.05, 0.01)
_TAILS: Final = np.array([[0.5], [0.05], [0.01]])
_LOG_TAILS: Final = np.log(_TAILS)

#: Above this utilisation the stationary queue is cut: it needs longer than a minute to build up, and what the
#: servers do not get done stands in the backlog.
BUSIEST: Final = 0.98

#: Steps of the search for a percentile.
STEPS: Final = 12

#: A utilisation below this counts as this where somebody waits.
LEAST: Final = 1e-4

#: Up to so many servers Erlang's sum is simply added up.
FEW_SERVERS: Final = 12

#: Above this squared coefficient of variation response times come from tables.
VARIED: Final = 1.05


class Shape(NamedTuple):
    """How the service time varies, with its mean as the unit.

    Its squared coefficient of variation, its third moment, its quantiles at :data:`EDGES`, and the law itself where
    more than that has to be known of it.
    """

    scv: float
    third: float
    edges: tuple[float, ...]
    law: Law | None = None


#: Where the quantiles of a service time are known; between two of them it is taken as uniform.
EDGES: Final = (0.0, 0.05, 0.15, 0.3, 0.5, 0.65, 0.8, 0.9, 0.94, 0.96, 0.98, 0.99, 0.995, 0.999, 0.9999)
_PARTS: Final = np.diff(np.array(EDGES)) / EDGES[-1]


def shape_of(law: Law) -> Shape | None:
    """Return the shape of a law's values, None for the exponential law itself or for one that is always 0.

    A constant is spread over a thousandth of itself, so that its times still have a density.
    """
    mean = law.mean
    if law.kind == "exponential" or mean <= 0.0:
        return None
    second, third = law.moments
    edges = law.quantiles(EDGES)
    ratios = [edge / mean for edge in edges]
    if ratios[-1] - ratios[0] < 1e-3:
        ratios = [0.9995 + 0.001 * at for at in EDGES]
    scv = max(second / mean**2 - 1.0, 0.0)
    return Shape(scv, third / mean**3, tuple(ratios), law if scv > VARIED else None)


#: Exponential service: M/M/c.
EXPONENTIAL: Final = Shape(1.0, 6.0, tuple((-np.log1p(-np.array(EDGES))).tolist()))


class Backlog(NamedTuple):
    """What requests that arrive in one span of time wait for a queue that overload built up.

    ``share`` of them arrive while it stands; they wait between ``least`` and ``most`` seconds, evenly, but for
    ``flat`` of them, who find it at its longest.
    """

    share: Floats
    least: Floats
    most: Floats
    flat: Floats


def backlog(before: Floats, after: Floats, rho: Floats, span: Floats) -> Backlog:
    """Return how a queue of ``before`` seconds became one of ``after`` seconds within ``span``.

    At utilisation ``rho`` it grows or shrinks by ``rho - 1`` seconds a second; it may be gone before the span is over,
    or stop to grow where requests time out.
    """
    shrinks = np.maximum(1.0 - rho, 1e-9) * span
    grows = np.maximum(rho - 1.0, 1e-9) * span
    share = np.where(after > 0.0, 1.0, np.minimum(before / shrinks, 1.0))
    flat = np.where(after > before, 1.0 - np.minimum((after - before) / grows, 1.0), 0.0)
    flat = np.where((after == before) & (after > 0.0), 1.0, flat)
    return Backlog(share, np.minimum(before, after), np.maximum(before, after), flat)


class Responses(NamedTuple):
    """Response times in seconds: mean and percentiles, one value per station."""

    mean: Floats
    p50: Floats
    p95: Floats
    p99: Floats


class Station(NamedTuple):
    """What the response times of one span follow from; one value per station.

    Requests a second, servers, completions a second of one of them, the part of a response that needs no server; the
    seconds that the backlog takes to be served at the begin (``before``) and end of the span, and its length.
    """

    arrival_rate: Floats
    servers: Floats
    rate: Floats
    base: Floats
    before: Floats
    after: Floats
    span: Floats

    def at(self, index: npt.NDArray[np.int64]) -> Station:
        """Some of the stations."""
        return Station(*(values[index] for values in self))


def responses(stations: Station, shape: Shape | None = None) -> Responses:
    """Return the response times of the requests of one span: stationary, or behind a backlog where there is one."""
    out = stationary(stations.arrival_rate, stations.servers, stations.rate, stations.base, shape)
    late = np.flatnonzero((stations.before > 0.0) | (stations.after > 0.0))
    if len(late):
        behind = _behind(stations.at(late), shape or EXPONENTIAL)
        for values, better in zip(out, behind, strict=True):
            values[late] = better
    return out


def _behind(stations: Station, shape: Shape) -> Responses:
    """Return the response times where part of the requests find a backlog."""
    arrival_rate, servers, rate, base, before, after, span = stations
    rho = arrival_rate / np.maximum(servers * rate, 1e-300)
    queue = backlog(before, after, rho, span)
    calm = stationary(arrival_rate, servers, rate, base, shape)
    mu = np.where(np.isfinite(rate), rate, 1e12)
    on_average = (1.0 - queue.flat) * (queue.least + queue.most) / 2.0 + queue.flat * queue.most
    mean = queue.share * (on_average + 1.0 / mu + base) + (1.0 - queue.share) * calm.mean
    p50, p95, p99 = _general(mu, arrival_rate, servers, shape, queue) + base
    return Responses(mean, p50, p95, p99)


def erlang_c(servers: Floats, rho: Floats) -> Floats:
    """Return the chance to wait in M/M/c at utilisation ``rho`` below 1.

    A number of servers that is not whole (an average over a minute) lies between its neighbours at the same
    utilisation; fewer than one server is one slower server.
    """
    below = np.maximum(np.floor(servers), 1.0)
    part = np.maximum(servers - below, 0.0)
    if not part.any():
        return _erlang_c_whole(below, rho)
    low, high = _erlang_c_whole(np.stack([below, below + 1.0]), rho)
    out: Floats = low + part * (high - low)
    return out


def _erlang_c_whole(n: Floats, rho: Floats) -> Floats:
    """Erlang C for whole numbers of servers."""
    a = n * np.maximum(rho, LEAST)
    few = n <= FEW_SERVERS
    if few.all():
        blocked = _blocked_of_few(n, a)
    elif not few.any():
        blocked = _blocked_of_many(n, a)
    else:
        blocked = np.empty_like(a)
        blocked[few] = _blocked_of_few(n[few], a[few])
        blocked[~few] = _blocked_of_many(n[~few], a[~few])
    out: Floats = blocked / (1.0 - rho * (1.0 - blocked))
    return out


def _blocked_of_few(n: Floats, a: Floats) -> Floats:
    """Erlang B term by term: ``1 / B = 1 + n/a + n(n-1)/a^2 + ...``."""
    term, total, left = np.ones_like(a), np.ones_like(a), n.copy()
    for _ in range(int(n.max(initial=0.0))):
        term *= left
        term /= a
        total += term
        left -= 1.0
    out: Floats = 1.0 / total
    return out


def _blocked_of_many(n: Floats, a: Floats) -> Floats:
    """Erlang B as the chance that a Poisson number with mean ``a`` is ``n``, given that it is not more."""
    # Late: a third of a second that nobody should wait for who has no traffic.
    from scipy.special import gammaln, pdtr

    out: Floats = np.exp(n * np.log(a) - a - gammaln(n + 1.0)) / pdtr(n, a)
    return out


def stationary(
    arrival_rate: Floats, servers: Floats, rate: Floats, base: Floats, shape: Shape | None = None
) -> Responses:
    """Return the response times of stations in the steady state.

    ``base`` is the part of a response that needs no server (waiting elsewhere), ``rate`` completions a second of one
    server, infinite for a request that needs none. Service times are exponential unless they have a ``shape``.
    """
    c = np.maximum(servers, 1e-9)
    mu = np.where(np.isfinite(rate), rate, 1e12)
    rho = np.clip(arrival_rate / (c * mu), 0.0, BUSIEST)
    chance = erlang_c(c, rho)
    drain = c * mu * (1.0 - rho)
    if shape is None:
        mean = base + 1.0 / mu + chance / drain
        p50, p95, p99 = _exponential(mu, chance, drain) + base
        return Responses(mean, p50, p95, p99)
    wait = longer_wait(c, rho, shape.scv) / drain
    mean = base + 1.0 / mu + chance * wait
    if shape.law is None:
        p50, p95, p99 = _general(mu, arrival_rate, servers, shape, None) + base
        return Responses(mean, p50, p95, p99)
    listed = (c >= 1.0) & (c <= SERVERS[-1])
    times = np.empty((3, len(c)))
    there, others = np.flatnonzero(listed), np.flatnonzero(~listed)
    if len(there):
        longer, found = tables_of(shape.law, shape.scv, shape.third).look_up(c[there], rho[there])
        times[:, there] = found / mu[there] + base[there]
        first = (1.0 + shape.scv) / 2.0
        mean[there] = (base + 1.0 / mu)[there] + (chance / drain)[there] * first * longer
    if len(others):
        times[:, others] = _general(mu[others], arrival_rate[others], servers[others], shape, None) + base[others]
    return Responses(mean, times[0], times[1], times[2])


def longer_wait(servers: Floats, rho: Floats, scv: float) -> Floats:
    """Return how many times as long as in M/M/c a request waits in M/G/c.

    Kimura's harmonic mean of M/M/c and M/D/c, the latter by Cosmetatos; ``(1 + scv) / 2`` with one server, exactly,
    and with many in heavy traffic.
    """
    c = np.maximum(servers, 1.0)
    more = (1.0 - rho) * (c - 1.0) * (np.sqrt(4.0 + 5.0 * c) - 2.0) / (16.0 * np.maximum(rho, 1e-9) * c)
    even = (1.0 + np.minimum(more, 0.25)) / 2.0
    out: Floats = (1.0 + scv) / (2.0 * scv + (1.0 - scv) / even)
    return out


def _exponential(mu: Floats, chance: Floats, drain: Floats) -> Floats:
    """Return p50, p95 and p99 of service plus wait: exponential service, exponential wait with an atom at 0.

    ``P(T > t) = e^-mt + C m (e^-dt - e^-mt) / (m - d)``. On a logarithmic scale the tail is nearly straight: one
    Newton step from the sum of both means is within 0.5 % (tested against many steps).
    """
    gap = mu - drain
    gap = np.where(np.abs(gap) < 1e-6 * mu, 1e-6 * mu, gap)
    drain = mu - gap
    factor = chance * mu / gap
    t = -_LOG_TAILS * (1.0 / mu + chance / drain)
    a, b = np.exp(-mu * t), np.exp(-drain * t)
    above = a + factor * (b - a)
    slope = mu * a - factor * (mu * a - drain * b)
    step: Floats = (np.log(np.maximum(above, 1e-300)) - _LOG_TAILS) * above / np.maximum(slope, 1e-300)
    times: Floats = np.maximum(0.0, t + step)
    return times


def _general(mu: Floats, arrival_rate: Floats, servers: Floats, shape: Shape, queue: Backlog | None) -> Floats:
    """Return p50, p95 and p99 of service plus wait for a service time of this shape.

    Those that wait wait a mixture of two exponentials with mean ``wait`` and the variation of M/G/1 on a server that
    is ``c`` times as fast: ``E[W^2 | W > 0] = 2 rho E[W | W > 0]^2 + E[S^3] / (3 E[S] (1 - rho))``.
    With a ``queue``, its share of the requests waits for the backlog instead.
    """
    c = np.maximum(servers, 1e-9)
    rho = np.clip(arrival_rate / (c * mu), 0.0, BUSIEST)
    chance = erlang_c(c, rho)
    wait = longer_wait(c, rho, shape.scv) / (c * mu * (1.0 - rho))
    first = (1.0 + shape.scv) / 2.0
    second = 2.0 * rho * first * first + shape.third * (1.0 - rho) / 3.0
    scv = second / (first * first) - 1.0
    even = np.sqrt(np.maximum(scv - 1.0, 0.0) / (scv + 1.0))
    p = (1.0 + even) / 2.0
    # Less variable than an exponential: a constant part and an exponential rest.
    rest = wait * np.where(scv >= 1.0, 1.0, np.sqrt(np.maximum(scv, 1e-4)))
    shift = wait - rest
    fast, slow = rest / (2.0 * p), rest / (2.0 * np.maximum(1.0 - p, 1e-12))
    edges = np.array(shape.edges)[:, None, None] / mu
    widths = np.maximum(np.diff(edges, axis=0), 1e-12 / mu)
    parts = _PARTS[:, None, None]

    def waited(t: Floats) -> Floats:
        """The integral from 0 to ``t`` of the chance to wait longer, of those that wait."""
        s = np.maximum(t - shift, 0.0)
        whole: Floats = np.minimum(np.maximum(t, 0.0), shift) + (
            p * fast * -np.expm1(-s / fast) + (1.0 - p) * slow * -np.expm1(-s / slow)
        )
        return whole

    def tail(t: Floats) -> Floats:
        late = np.clip((edges[1:] - t) / widths, 0.0, 1.0)
        behind = waited(t - edges)
        queued = late + (behind[:-1] - behind[1:]) / widths
        calm: Floats = (parts * ((1.0 - chance) * late + chance * np.minimum(queued, 1.0))).sum(axis=0)
        if queue is None:
            return calm
        full = np.clip((edges[1:] + queue.most - t) / widths, 0.0, 1.0)
        long = np.maximum(queue.most - queue.least, 1e-6 / mu)
        ramp = _ramp(t - queue.least - edges) - _ramp(t - queue.least - long - edges)
        rising = 1.0 - (ramp[:-1] - ramp[1:]) / (widths * long)
        stuck: Floats = (parts * (queue.flat * full + (1.0 - queue.flat) * rising)).sum(axis=0)
        return queue.share * stuck + (1.0 - queue.share) * calm

    longest = edges[-1] + 12.0 * slow + shift
    return quantiles(tail, longest if queue is None else longest + queue.most)


def _ramp(x: Floats) -> Floats:
    """The integral of ``max(x, 0)``."""
    positive = np.maximum(x, 0.0)
    out: Floats = positive * positive / 2.0
    return out


def quantiles(tail: Callable[[Floats], Floats], high: Floats) -> Floats:
    """Solve ``tail(t) = 0.5, 0.05, 0.01`` for t between 0 and ``high``.

    On a logarithmic scale tails are nearly straight: false position on it, with Illinois' remedy, needs a few steps.
    """
    low, high = np.zeros((3, len(high))), np.zeros((3, 1)) + high
    f_low = np.zeros_like(low) - _LOG_TAILS
    f_high = np.log(np.maximum(tail(high), 1e-12)) - _LOG_TAILS
    t = high
    for step in range(STEPS):
        slope = f_high - f_low
        guess = high - f_high * (high - low) / np.where(slope < 0.0, slope, -1.0)
        # Every third step halves, against tails that bend.
        t = (low + high) / 2.0 if step % 3 == 2 else np.clip(guess, low, high)
        f = np.log(np.maximum(tail(t), 1e-12)) - _LOG_TAILS
        more = f > 0.0
        f_high = np.where(more, f_high * 0.5, f)
        f_low = np.where(more, f, f_low * 0.5)
        low = np.where(more, t, low)
        high = np.where(more, high, t)
    last: Floats = np.clip(
        high - f_high * (high - low) / np.where(f_high - f_low < 0.0, f_high - f_low, -1.0), low, high
    )
    return last
