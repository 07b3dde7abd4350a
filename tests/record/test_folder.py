from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ecssim import __version__
from ecssim.errors import BadInput
from ecssim.record.arrow import arrow_schema
from ecssim.record.recorder import PART_ROWS, Recorder
from ecssim.record.schema import TABLES
from ecssim.record.sinks import FolderSink, MemorySink


def usage(recorder: Recorder, count: int) -> None:
    table = recorder.tables["subnet_usage"]
    code = recorder.names.code("subnet", "private-a")
    for _ in range(count):
        table.append(60.0 * table.rows, code, 0, table.rows, 0)


def parts(folder: Path, table: str) -> list[int]:
    paths = sorted((folder / "tables" / table).glob("part-*.parquet"))
    assert [path.name for path in paths] == [f"part-{n:05d}.parquet" for n in range(len(paths))]
    return [pq.ParquetFile(path).metadata.num_rows for path in paths]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(0, [0], id="a table without rows has one empty part"),
        pytest.param(1, [1], id="one row makes a short part"),
        pytest.param(9, [9], id="one row less than a part"),
        pytest.param(10, [10], id="a part filled to the last row has no empty one behind it"),
        pytest.param(11, [10, 1], id="one row more than a part"),
        pytest.param(35, [10, 10, 10, 5], id="several parts at once"),
    ],
)
def test_parts(tmp_path, rows, expected):
    recorder = Recorder(FolderSink(tmp_path), part_rows=10)
    usage(recorder, rows)
    recorder.close(complete=True)
    assert parts(tmp_path, "subnet_usage") == expected


def test_a_part_has_131072_rows(tmp_path):
    recorder = Recorder(FolderSink(tmp_path))
    table = recorder.tables["subnet_usage"]
    table.extend_array(table.new_rows(PART_ROWS + 1))
    recorder.spill()
    assert parts(tmp_path, "subnet_usage") == [131_072]
    assert table.pending == 1


def test_every_table_has_its_schema_from_the_code_even_without_rows(tmp_path):
    Recorder(FolderSink(tmp_path)).close(complete=True)
    for table in TABLES:
        schema = pq.read_schema(tmp_path / "tables" / table.name / "part-00000.parquet")
        assert schema.equals(arrow_schema(table), check_metadata=True)


def test_the_manifest_comes_first_and_says_complete_only_at_the_end(tmp_path):
    recorder = Recorder(FolderSink(tmp_path / "a" / "b"), manifest={"seed": 7})
    path = tmp_path / "a" / "b" / "manifest.json"
    assert json.loads(path.read_text()) == {"ecssim": __version__, "seed": 7, "complete": False}
    usage(recorder, 3)
    recorder.new_event()
    recorder.close(complete=True, manifest={"wall_time": 1.5})
    manifest = json.loads(path.read_text())
    assert manifest["complete"] is True
    assert (manifest["seed"], manifest["wall_time"], manifest["events"]) == (7, 1.5, 1)
    assert manifest["tables"]["subnet_usage"]["rows"] == 3
    assert set(manifest["tables"]) == {table.name for table in TABLES}


def test_a_clean_end_leaves_neither_tails_nor_hidden_parts(tmp_path):
    recorder = Recorder(FolderSink(tmp_path), part_rows=10)
    usage(recorder, 4)
    recorder.commit_hour(1)
    assert (tmp_path / "tables" / "subnet_usage" / ".tail.arrows").exists()
    recorder.close(complete=True)
    hidden = [path.name for path in tmp_path.rglob(".*")]
    assert hidden == [".hours"]


def test_each_hour_is_one_line_with_the_rows_of_every_table_that_has_some(tmp_path):
    recorder = Recorder(FolderSink(tmp_path), part_rows=10)
    for hour in (1, 2):
        usage(recorder, 7)
        recorder.commit_hour(hour)
    lines = [json.loads(line) for line in (tmp_path / "tables" / ".hours").read_text().splitlines()]
    assert [(line["hour"], line["t"], line["rows"]["subnet_usage"]) for line in lines] == [
        (1, 3600.0, 7),
        (2, 7200.0, 14),
    ]
    assert "alarms" not in lines[0]["rows"]


def test_memory_and_folder_give_the_same_digests(tmp_path):
    manifests = []
    for sink in (MemorySink(), FolderSink(tmp_path)):
        recorder = Recorder(sink, part_rows=10)
        for hour in range(3):
            usage(recorder, 8)
            recorder.commit_hour(hour)
        recorder.close(complete=True)
        manifests.append(sink.manifest["tables"])
    assert manifests[0] == manifests[1]
    assert len({entry["digest"] for entry in manifests[0].values()}) == 3  # names, usage, and all the empty ones


def test_an_older_run_is_replaced_with_everything_in_its_folder(tmp_path):
    first = Recorder(FolderSink(tmp_path), part_rows=10)
    usage(first, 25)
    first.commit_hour(1)
    first.close(complete=True)
    (tmp_path / "report.html").write_text("old")
    second = Recorder(FolderSink(tmp_path))
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "tables" / ".hours").exists()
    second.close(complete=True)
    assert parts(tmp_path, "subnet_usage") == [0]


def strangers(folder: Path, kind: str) -> Path:
    target = folder / "runs"
    if kind == "file":
        target.write_text("mine")
        return target
    target.mkdir()
    content = {
        "notes": ("notes.txt", "mine"),
        "foreign manifest": ("manifest.json", '{"name": "my extension"}'),
        "list manifest": ("manifest.json", "[]"),
        "broken manifest": ("manifest.json", "{"),
        "binary manifest": ("manifest.json", "\udcff"),
    }
    name, text = content[kind]
    (target / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    return target


@pytest.mark.parametrize(
    "kind", ["file", "notes", "foreign manifest", "list manifest", "broken manifest", "binary manifest"]
)
def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path, kind):
    target = strangers(tmp_path, kind)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadInput) as refusal:
        FolderSink(target)
    assert str(target) in str(refusal.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_below_a_file_is_bad_input_too(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput):
        Recorder(FolderSink(tmp_path / "file" / "run"))


@pytest.mark.parametrize("death", [0, 1], ids=["before its first manifest", "before its last manifest"])
def test_a_folder_whose_run_died_in_a_manifest_can_be_taken_again(tmp_path, death):
    class KilledError(Exception):
        pass

    renames: list[Path] = []

    def die(path: Path) -> None:
        renames.append(path)
        if path.name == "manifest.json" and sum(p.name == "manifest.json" for p in renames) == death + 1:
            raise KilledError

    def attempt() -> None:
        Recorder(FolderSink(tmp_path, die)).close(complete=True)

    with pytest.raises(KilledError):
        attempt()
    Recorder(FolderSink(tmp_path)).close(complete=True)
    assert json.loads((tmp_path / "manifest.json").read_text())["complete"] is True
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
