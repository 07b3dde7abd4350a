from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.record.codes import FIXED_POOLS
from ecssim.record.names import Names
from ecssim.record.recorder import Recorder
from ecssim.record.schema import TABLES, Column, declare
from ecssim.record.sinks import MemorySink
from ecssim.record.tables import Table

KINDS = declare("kinds", "f f64, a u8, b u16, c u32, d i32, e u64, n name:x, m enum:origin, s text, t task, i ip")
NAMES = next(table for table in TABLES if table.name == "_names")


@pytest.mark.parametrize("table", [t for t in TABLES if t is not NAMES], ids=lambda t: t.name)
def test_struct_and_numpy_see_the_same_row(table):
    assert struct.calcsize(table.format) == table.dtype.itemsize


def test_every_kind_keeps_its_extremes():
    table = Table(KINDS)
    low = (float("-inf"), 0, 0, 0, -(2**31), 0, 0, 0, 0, 0, 0)
    u32 = 2**32 - 1
    high = (5e-324, 255, 65535, u32, 2**31 - 1, 2**64 - 1, u32, 255, u32, u32, u32)
    table.append(*low)
    table.append(*high)
    assert table.peek(0, 2).tolist() == [low, high]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(1, 256, id="u8 above 255"),
        pytest.param(2, 65536, id="u16 above 65535"),
        pytest.param(3, -1, id="u32 below zero"),
        pytest.param(3, 1.5, id="u32 with a fraction"),
        pytest.param(4, 2**31, id="i32 above its top"),
        pytest.param(5, 2**64, id="u64 above its top"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_leaves_no_row(at, value):
    table = Table(KINDS)
    row = [0.0] + [0] * 10
    row[at] = value
    with pytest.raises(struct.error):
        table.append(*row)
    assert table.rows == 0


def test_rows_can_be_appended_while_the_hot_path_holds_pack_and_buffer():
    table = Table(KINDS)
    pack, buffer = table.pack, table.buffer
    buffer += pack(1.0, *range(10))
    table.take(1)
    buffer += pack(2.0, *range(10))
    assert table.peek(0, 1)["f"].tolist() == [2.0]
    assert table.rows == 2


def test_a_tick_of_rows_needs_the_dtype_of_the_table():
    table = Table(KINDS)
    with pytest.raises(TypeError, match="kinds takes rows of"):
        table.extend_array(np.zeros(3, dtype=[("f", "<f8")]))


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40), st.lists(st.integers(1, 5), max_size=20))
def test_the_digest_does_not_depend_on_how_rows_leave(values: list[int], takes: list[int]):
    schema = declare("one", "v u32")
    whole, pieces = Table(schema), Table(schema)
    for value in values:
        whole.append(value)
        pieces.append(value)
    whole.take(len(values))
    for count in takes:
        pieces.take(count)
    pieces.take(pieces.pending)
    assert (pieces.digest(), pieces.rows) == (whole.digest(), len(values))


def test_the_digest_depends_on_every_value():
    digests = set()
    for row in ([1, 2], [2, 1], [1, 2, 0]):
        table = Table(declare("one", "v u32"))
        for value in row:
            table.append(value)
        table.take(table.pending)
        digests.add(table.digest())
    assert len(digests) == 3


def test_codes_count_from_1_in_the_order_of_first_use_and_null_is_0():
    names = Names(NAMES, fixed={})
    pool = names.pool("service")
    assert [pool["web"], pool["api"], pool["web"], pool[None]] == [1, 2, 1, 0]
    assert [names.code("service", "api"), names.code("other", "api"), names.code("other", None)] == [2, 1, 0]
    assert names.peek(0, 9).tolist() == [("service", 1, "web"), ("service", 2, "api"), ("other", 1, "api")]


def test_fresh_texts_get_codes_of_their_own_and_are_not_looked_up():
    names = Names(NAMES, fixed={})
    text = names.pool("text")
    assert [text.fresh("again"), text.fresh("again"), text["again"], text["again"]] == [1, 2, 3, 3]
    assert [row[2] for row in names.peek(0, 9).tolist()] == ["again"] * 3


def test_fixed_pools_have_their_promised_codes_before_the_first_row():
    names = Names(NAMES)
    for pool, members in FIXED_POOLS.items():
        assert [names.code(pool, member) for member in members] == list(range(1, len(members) + 1))
    assert names.rows == sum(map(len, FIXED_POOLS.values()))


@pytest.mark.rule("LIFE-040")
@pytest.mark.parametrize(
    ("pool", "shape"),
    [("stop_code", "TaskStopCode"), ("launch_type", "LaunchType"), ("network_mode", "NetworkMode")],
)
def test_fixed_pools_have_the_members_of_the_api(pool, shape):
    session = pytest.importorskip("botocore.session").get_session()
    members = session.get_service_model("ecs").shape_for(shape).enum
    assert sorted(FIXED_POOLS[pool]) == sorted(members)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        pytest.param("caf\u00e9 \U0001f433\n", "caf\u00e9 \U0001f433\n", id="any text"),
        pytest.param("", "", id="the empty text is not null"),
        pytest.param("a\ud800b", "a\\ud800b", id="a lone surrogate shows as its escape"),
    ],
)
def test_strings_can_always_be_written(text, stored):
    names = Names(NAMES, fixed={})
    assert names.code("text", text) == 1
    assert names.take(1).tolist() == [("text", 1, stored)]


def test_digests_of_names_see_where_one_string_ends():
    digests = set()
    for texts in (("ab", "c"), ("a", "bc")):
        names = Names(NAMES, fixed={"p": texts})
        names.take(names.pending)
        digests.add(names.digest())
    assert len(digests) == 2


def test_event_numbers_count_from_1():
    recorder = Recorder(MemorySink())
    assert [recorder.new_event(), recorder.new_event()] == [1, 2]


@pytest.mark.parametrize("text", ["a", "a f65", "a name", "a u32:pool", "a enum"])
def test_a_column_with_a_wrong_kind_is_refused(text):
    with pytest.raises(ValueError, match="not a column"):
        Column.parse(text)
