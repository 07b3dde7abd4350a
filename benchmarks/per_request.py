"""A queue simulated request by request: what the fluid model of traffic is measured against.

    python -m benchmarks.per_request

First come, first served, ``c`` servers, every request with its own arrival and service time. One server is Lindley's
recursion, done with running sums; several are the recursion of Kiefer and Wolfowitz on a heap of the times at which
servers get free. Nothing of ecssim's own queueing is used here.
"""

from __future__ import annotations

import argparse
import heapq
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Row, row

Floats = npt.NDArray[np.float64]

SIZES = {"small": 100_000, "full": 1_000_000}


def response_times(arrivals: Floats, work: Floats, servers: int) -> Floats:
    """Return the response time of each request: wait and service, in the order of arrival."""
    if servers == 1:
        ends = np.cumsum(work)
        # The server is behind by the largest gap so far between what has arrived and what it has done.
        starts = np.maximum.accumulate(arrivals - (ends - work))
        out: Floats = starts + ends - arrivals
        return out
    free = [0.0] * servers
    times = []
    for at, need in zip(arrivals.tolist(), work.tolist(), strict=True):
        got = heapq.heappop(free)
        done = (got if got > at else at) + need
        heapq.heappush(free, done)
        times.append(done - at)
    return np.array(times)


def poisson(rates: list[tuple[float, float]], rng: np.random.Generator) -> Floats:
    """Return arrival times of a Poisson stream whose rate is given by (rate, seconds) parts in a row."""
    parts, begin = [], 0.0
    for rate, seconds in rates:
        n = rng.poisson(rate * seconds)
        parts.append(begin + np.sort(rng.random(n)) * seconds)
        begin += seconds
    return np.concatenate(parts)


def steady(n: int, rate: float, rng: np.random.Generator) -> Floats:
    """Return ``n`` arrival times whose mean rate is exactly ``rate``: less noise at the same number of requests."""
    gaps = rng.exponential(1.0, n)
    out: Floats = np.cumsum(gaps / gaps.mean()) / rate
    return out


def lognormal(n: int, scv: float, rng: np.random.Generator) -> Floats:
    """Return ``n`` service times with mean exactly 1 and this squared coefficient of variation."""
    sigma = np.sqrt(np.log1p(scv))
    out: Floats = np.exp(rng.normal(0.0, sigma, n))
    return out / out.mean()


def hyperexponential(n: int, scv: float, rng: np.random.Generator) -> Floats:
    """Return ``n`` service times with mean exactly 1, of one of two exponential kinds that carry half the work each."""
    first = (1.0 + np.sqrt((scv - 1.0) / (scv + 1.0))) / 2.0
    out: Floats = rng.exponential(1.0, n) / np.where(rng.random(n) < first, 2.0 * first, 2.0 * (1.0 - first))
    return out / out.mean()


def exponential(n: int, rng: np.random.Generator) -> Floats:
    """Return ``n`` exponential service times with mean exactly 1."""
    out: Floats = rng.exponential(1.0, n)
    return out / out.mean()


def drained_at(arrivals: Floats, responses: Floats, work: Floats, after: float, servers: int) -> float:
    """Return when, from ``after`` on, a request first found a server free: the backlog is gone."""
    waits = responses - work
    found = (arrivals >= after) & (waits <= 1e-9)
    return float(arrivals[int(np.argmax(found))])


def run(size: str = "full") -> list[Row]:
    """Return the largest error of ecssim's response times over utilisations, for three laws of the service time."""
    from ecssim.workload.distributions import Law
    from ecssim.workload.distributions import lognormal as law_of
    from ecssim.workload.queueing import shape_of, stationary

    n = SIZES[size]
    rows: list[Row] = []
    laws: list[tuple[str, Law, float]] = [("exponential", Law("exponential", 1.0), 1.0)]
    for scv in (2.0, 4.0):
        sigma = float(np.sqrt(np.log1p(scv)))
        heavy = law_of(float(np.exp(-(sigma**2) / 2)), float(np.exp(-(sigma**2) / 2 + 1.6448536269514722 * sigma)))
        laws.append((f"lognormal_scv_{scv:.0f}", heavy, scv))
    for name, law, scv in laws:
        worst: dict[str, float] = {"mean": 0.0, "p95": 0.0}
        for servers in (1, 4, 10):
            for load in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95):
                # Close to saturation a heavy tail needs several runs: one still scatters by 5 %.
                seeds = range(8 if load == 0.95 and name != "exponential" else 1)
                means, p95s = [], []
                for seed in seeds:
                    rng = np.random.default_rng(7 + seed)
                    work = exponential(n, rng) if name == "exponential" else lognormal(n, scv, rng)
                    times = response_times(steady(n, load * servers, rng), work, servers)[n // 20 :]
                    means.append(times.mean())
                    p95s.append(np.quantile(times, 0.95))
                one = np.ones(1)
                got = stationary(load * servers * one, servers * one, one, 0.0 * one, shape_of(law))
                worst["mean"] = max(worst["mean"], abs(float(got.mean[0] / np.mean(means)) - 1.0))
                worst["p95"] = max(worst["p95"], abs(float(got.p95[0] / np.mean(p95s)) - 1.0))
        for what, error in worst.items():
            how = f"largest error of the {what} response time: load 0.1 to 0.95, 1, 4, 10 servers, {n:,} requests"
            rows.append(row(f"fluid_error_{name}_{what}", round(100.0 * error, 2), "%", how))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    rows: list[dict[str, Any]] = run(parser.parse_args().size)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
