"""Requests as flow: nothing is lost, one cell alone and many as vectors agree."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecssim.workload.flow import IDLE_TIMEOUT, shares, step, steps

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
    patience=st.floats(0.1, 4000),
)
def test_one_cell_conserves_requests(in_flight, arrivals, dt, servers, rate, unloaded, carry, patience) -> None:
    done = step(in_flight, arrivals, dt, float(servers), rate, unloaded, carry, patience)
    assert in_flight + arrivals == done.served + done.timed_out + done.in_flight
    assert min(done.served, done.timed_out, done.in_flight) >= 0
    assert done.carry >= 0.0


patiences = st.sampled_from([0.5, 2.0, 60.0, 350.0])
cell = st.tuples(counts, counts, grid, st.integers(0, 50), rates, st.floats(0, 5), st.floats(0, 0.999), patiences)


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
        columns[7].astype(floats),
    )
    for i, (a, b, dt, servers, rate, unloaded, carry, patience) in enumerate(cells):
        alone = step(a, b, dt, float(servers), rate, unloaded, carry, patience)
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
