"""Packed rows as Arrow record batches, without pandas.

Arrays are made from buffers: ``pa.array()`` would import pandas. Each field carries its kind, and with it
the name pool of its codes, in its metadata, so that the files say what their integers mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from ecssim.record.schema import TableSchema


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    types = {
        "f64": pa.float64(),
        "u8": pa.uint8(),
        "enum": pa.uint8(),
        "u16": pa.uint16(),
        "i32": pa.int32(),
        "u64": pa.uint64(),
        "string": pa.string(),
    }
    return types.get(kind, pa.uint32())


def arrow_schema(table: TableSchema) -> pa.Schema:
    """The Arrow schema of ``table``; it comes from the declaration, never from the data."""
    import pyarrow as pa

    fields = []
    for column in table.columns:
        kind = f"{column.kind}:{column.pool}" if column.pool else column.kind
        fields.append(pa.field(column.name, _arrow_type(column.kind), nullable=False, metadata={"kind": kind}))
    return pa.schema(fields, metadata={"table": table.name})


def _strings(values: np.ndarray) -> Any:
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


class Batcher:
    """Turns packed rows of ``table`` into record batches of :attr:`schema`.

    Hours make many small batches, so what does not change from one to the next is looked up once.
    """

    def __init__(self, table: TableSchema) -> None:
        self.schema = arrow_schema(table)
        self._columns = [(column.name, _arrow_type(column.kind), column.kind) for column in table.columns]
        self._dtype = table.dtype

    def batch(self, rows: np.ndarray) -> pa.RecordBatch:
        """The packed ``rows`` as one record batch."""
        import pyarrow as pa

        from_buffers, py_buffer, count = pa.Array.from_buffers, pa.py_buffer, len(rows)
        arrays = []
        for name, kind_type, kind in self._columns:
            if kind == "string":
                arrays.append(_strings(rows[name]))
            else:
                data = py_buffer(np.ascontiguousarray(rows[name]))
                arrays.append(from_buffers(kind_type, count, [None, data]))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def empty(self) -> pa.RecordBatch:
        """A batch without rows."""
        return self.batch(np.empty(0, self._dtype))


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How the parts of a table are encoded, measured on task events: dictionaries cost three times more.

    Floats by byte streams and integers by differences: 8 bytes a task event (27 packed) and 8 us per 1,000
    rows less than plain pages.
    """
    import pyarrow as pa

    split = {field.name: "BYTE_STREAM_SPLIT" for field in schema if pa.types.is_floating(field.type)}
    wide = (pa.int32(), pa.uint32(), pa.uint64())
    delta = {field.name: "DELTA_BINARY_PACKED" for field in schema if field.type in wide}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": False,
        "column_encoding": {**split, **delta},
    }


def into_rows(batch: Any, rows: np.ndarray) -> None:
    """Write a record batch (or the batches of a table) into the packed ``rows``, which has their length."""
    import pyarrow as pa

    batches = batch.to_batches() if isinstance(batch, pa.Table) else [batch]
    at = 0
    for part in batches:
        for name, column in zip(part.schema.names, part.columns, strict=True):
            if not len(part):
                continue
            if column.type == pa.string():
                rows[name][at : at + len(part)] = column.to_pylist()
            else:
                values = np.frombuffer(column.buffers()[1], dtype=rows.dtype[name])
                rows[name][at : at + len(part)] = values[column.offset : column.offset + len(part)]
        at += len(part)
