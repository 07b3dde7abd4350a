"""Requests as flow: nothing is lost, one cell alone and many as vectors agree, and the queue is M/M/c."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.workload.flow import IDLE_TIMEOUT, latency, shares, step, steps

counts = st.integers(0, 5_000_000)
grid = st.integers(0, 60 * 2**20).map(lambda n: n * 2.0**-20)
rates = st.one_of(st.just(float("inf")), st.floats(0.001, 1e5))


@given(
    in_flight=counts,
    arrivals=counts,
    dt=grid,
    servers=st.integers(0, 500),
    rate=rates,
    unloaded=st.floats(0, 30),
    carry=st.floats(0, 0.999),
)
def test_one_cell_conserves_requests(in_flight, arrivals, dt, servers, rate, unloaded, carry) -> None:
    done = step(in_flight, arrivals, dt, float(servers), rate, unloaded, carry)
    assert in_flight + arrivals == done.served + done.timed_out + done.in_flight
    assert min(done.served, done.timed_out, done.in_flight) >= 0
    assert done.carry >= 0.0


cell = st.tuples(counts, counts, grid, st.integers(0, 50), rates, st.floats(0, 5), st.floats(0, 0.999))


@given(st.lists(cell, min_size=1, max_size=20))
def test_many_cells_as_vectors_are_each_cell_alone(cells) -> None:
    columns = [np.array(column) for column in zip(*cells, strict=True)]
    ints, floats = np.int64, np.float64
    served, late, left, rest = steps(
        columns[0].astype(ints),
        columns[1].astype(ints),
        columns[2].astype(floats),
        columns[3].astype(floats),
        columns[4].astype(floats),
        columns[5].astype(floats),
        columns[6].astype(floats),
    )
    for i, (a, b, dt, servers, rate, unloaded, carry) in enumerate(cells):
        alone = step(a, b, dt, float(servers), rate, unloaded, carry)
        assert (alone.served, alone.timed_out, alone.in_flight, alone.carry) == (served[i], late[i], left[i], rest[i])


def test_an_overloaded_cell_queues_and_then_times_out() -> None:
    # 10 servers of 1 request a second against 20 a second: ten of them queue every second.
    backlog, carry, late = 0, 0.0, 0
    for _ in range(5):
        done = step(backlog, 1200, 60.0, 10.0, 1.0, 1.0, carry)
        backlog, carry = done.in_flight, done.carry
        late += done.timed_out
        assert done.served == 600
    # 20 are being worked on at any time (Little), and nobody waits longer than the idle timeout.
    assert backlog == 20 + 10 * IDLE_TIMEOUT
    assert late == 5 * 1200 - 5 * 600 - backlog


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=9), st.floats(0, 0.999))
def test_shares_add_up(count, weights, carry) -> None:
    parts, rest = shares(count, weights, carry)
    assert sum(parts) == count
    assert min(parts) >= 0
    assert 0.0 <= rest < 1.0


def test_the_carried_remainder_keeps_a_small_stream_fair() -> None:
    total, carry = [0, 0], 0.0
    for _ in range(1000):
        parts, carry = shares(1, [1.0, 3.0], carry)
        total = [a + b for a, b in zip(total, parts, strict=True)]
    assert total == [250, 750]


def _simulated(arrival_rate: float, servers: int, rate: float, n: int = 120_000) -> np.ndarray:
    """Response times of a first-come-first-served M/M/c queue, request by request."""
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(1 / arrival_rate, n)).tolist()
    work = rng.exponential(1 / rate, n).tolist()
    free = [0.0] * servers
    times = []
    for at, need in zip(arrivals, work, strict=True):
        start = max(at, heapq.heappop(free))
        heapq.heappush(free, start + need)
        times.append(start + need - at)
    return np.array(times[n // 10 :])


@pytest.mark.parametrize(("servers", "load"), [(1, 0.3), (1, 0.8), (4, 0.5), (10, 0.8), (10, 0.85), (50, 0.9)])
def test_response_times_are_those_of_a_queue_simulated_request_by_request(servers: int, load: float) -> None:
    rate = 5.0
    times = _simulated(load * servers * rate, servers, rate)
    one = np.array([load * servers * rate])
    model = latency(one, np.array([float(servers)]), np.array([rate]), np.zeros(1), np.zeros(1))
    # Sakasegawa is within some percent, and so is the sample where the queue has a long memory.
    assert model.mean[0] == pytest.approx(times.mean(), rel=0.08)
    assert model.p95[0] == pytest.approx(np.quantile(times, 0.95), rel=0.08)


def _quantile(tail: float, mu: float, chance: float, drain: float) -> float:
    """The response time that a share of ``tail`` exceeds, by bisection."""
    gap = mu - drain if abs(mu - drain) > 1e-6 * mu else 1e-6 * mu
    low, high = 0.0, 1e4
    for _ in range(200):
        t = (low + high) / 2
        above = np.exp(-mu * t) + chance * mu / gap * (np.exp(-drain * t) - np.exp(-mu * t))
        low, high = (t, high) if above > tail else (low, t)
    return low


@pytest.mark.parametrize("servers", [1.0, 2.0, 5.0, 20.0, 200.0])
@pytest.mark.parametrize("load", [0.05, 0.3, 0.6, 0.8, 0.9, 0.97])
def test_one_newton_step_is_within_half_a_percent_of_the_quantile(servers: float, load: float) -> None:
    mu = 3.0
    chance = load ** (np.sqrt(2 * (servers + 1)) - 1)
    drain = servers * mu * (1 - load)
    one = np.ones(1)
    got = latency(load * servers * mu * one, servers * one, mu * one, 0 * one, 0 * one)
    for tail, t in ((0.5, got.p50), (0.05, got.p95), (0.01, got.p99)):
        assert t[0] == pytest.approx(_quantile(tail, mu, chance, drain), rel=0.005)
