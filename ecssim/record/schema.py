"""Every table of a run, declared: what one row is, and how its columns are packed.

Rows are packed little-endian without padding; :attr:`TableSchema.format` is the ``struct`` format of a row
and :attr:`TableSchema.dtype` the numpy view of the same bytes. Integers inside, names in tables: a column of
kind ``name:<pool>`` holds a code of that name pool, whose strings are rows of ``_names``.

Kinds of columns:

=================  =====================================================================================
``f64``            a float; times are seconds from the start of the run, NaN means not reached or unknown
``u8 u16 u32 u64`` an unsigned integer
``i32``            a signed integer
``name:<pool>``    u32 code of a name pool; 0 is null
``enum:<pool>``    u8 code of one of the fixed pools of :mod:`ecssim.record.codes`; 0 is null
``text``           as ``name:text``: sentences, interned where they repeat
``task``           u32 ordinal of a task; **ordinals count from 1**, 0 is null; read as ``task_id``
``ip``             u32, an IPv4 address in host order; 0 is null
``string``         the text itself; only ``_names`` has it, and it is not packed
=================  =====================================================================================

``event_id`` counts from 1 over all event tables of a run; ``cause_id`` 0 means that nothing inside the run
caused the event (the scenario did). Tables whose name starts with ``_`` are internal: the frames of
:mod:`ecssim.results` join them and do not show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ecssim.record.public import PUBLIC, TASK_TIMES

_PACKED: Final = {
    "f64": ("d", "<f8"),
    "u8": ("B", "|u1"),
    "u16": ("H", "<u2"),
    "u32": ("I", "<u4"),
    "i32": ("i", "<i4"),
    "u64": ("Q", "<u8"),
    "name": ("I", "<u4"),
    "enum": ("B", "|u1"),
    "text": ("I", "<u4"),
    "task": ("I", "<u4"),
    "ip": ("I", "<u4"),
    "string": ("", "|O"),
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind (see the module) and, for coded kinds, the name pool of its codes."""

    name: str
    kind: str
    pool: str | None

    @classmethod
    def parse(cls, text: str) -> Column:
        """The column written as ``name kind`` or ``name kind:pool``."""
        name, _, kind = text.partition(" ")
        kind, _, pool = kind.partition(":")
        if kind not in _PACKED or bool(pool) != (kind in ("name", "enum")):
            raise ValueError(f"not a column: {text!r}")
        return cls(name, kind, "text" if kind == "text" else pool or None)


@dataclass(frozen=True)
class TableSchema:
    """One table: its name and its packed columns in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def internal(self) -> bool:
        """Whether the table is only joined into others and never shown by itself."""
        return self.name.startswith("_")

    @cached_property
    def format(self) -> str:
        """The ``struct`` format of one row."""
        return "<" + "".join(_PACKED[column.kind][0] for column in self.columns)

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The numpy dtype over the same bytes."""
        return np.dtype([(column.name, _PACKED[column.kind][1]) for column in self.columns])


def declare(name: str, columns: str) -> TableSchema:
    """The table ``name`` with its columns, separated by commas."""
    return TableSchema(name, tuple(Column.parse(" ".join(part.split())) for part in columns.split(",")))


INTERNAL: Final = {
    # The strings behind the codes, in the order in which they were first recorded.
    "_names": "pool string, code u32, string string",
    # What stays the same over a task's life, known when it gets its id (key and launch number make the id).
    "_task_ids": """
        task task, event_id u32, owner name:group, service name:service, key u64, launch_number u32,
        template u32, deployment name:deployment, origin enum:origin,
        capacity_provider name:capacity_provider, cluster name:cluster, region name:region, created_at f64,
        instance name:instance, subnet name:subnet, private_ip ip, zone name:availability_zone
    """,
    # Where a task went that was placed after its creation; seen by its events from `event_id` on.
    "_task_places": """
        task task, event_id u32, instance name:instance, subnet name:subnet, private_ip ip,
        zone name:availability_zone
    """,
    # Launches that look alike: task definition, revision and size, by number.
    "_templates": """
        template u32, task_definition name:task_definition, revision u32, cpu u32, memory u32,
        launch_type enum:launch_type, network_mode enum:network_mode, gpus u32
    """,
    # What was used in a simulated hour, in whole numbers of the unit; who used it, of what, at which price it is
    # sold (``sku``: Fargate platform, instance type and market, or the name of a unit price).
    "_meters": """
        hour u32, service name:service, cluster name:cluster, resource name:resource,
        dimension name:dimension, sku name:sku, quantity u64, unit name:unit, region name:region
    """,
    # What was known of an entity before its end; read only while its own table has no row of it.
    "_tasks_open": TASK_TIMES,
    "_instances_open": PUBLIC["instances"],
    "_deployments_open": PUBLIC["deployments"],
}

TABLES: Final = tuple(declare(name, columns) for name, columns in {**PUBLIC, **INTERNAL}.items())
"""Every table of a run, public ones first, each in the order of its columns."""
