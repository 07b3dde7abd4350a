"""The path grammar and the human units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from ecssim.errors import BadInput
from ecssim.scenario.nodes import Place, from_python
from ecssim.scenario.paths import apply_patch, parse_path, split_option
from ecssim.scenario.units import parse_duration, parse_rate, parse_share, parse_size

HERE = Place("--set x")


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("seed", ["seed"]),
        ("services.checkout.desiredCount", ["services", "checkout", "desiredCount"]),
        ('images["example/app:1.4"].size', ["images", "example/app:1.4", "size"]),
        ("images['a.b']", ["images", "a.b"]),
        ("timeline[0].with.count", ["timeline", "0", "with", "count"]),
        ("clusters.+", ["clusters", "+"]),
        ("behaviour.checkout:2.exitCode", ["behaviour", "checkout:2", "exitCode"]),
        (r'a["say \"hi\""]', ["a", 'say "hi"']),
    ],
)
def test_a_path_is_read_into_its_steps(text: str, steps: list[str]) -> None:
    assert parse_path(text, HERE) == steps


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", 'a["b', "a]b", 'a["b"]c'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a path"):
        parse_path(text, HERE)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
def test_any_name_can_be_written_in_brackets(names: list[str]) -> None:
    text = "".join('["{}"]'.format(n.replace("\\", "\\\\").replace('"', '\\"')) for n in names)
    assert parse_path(text, HERE) == names


@pytest.mark.parametrize(
    ("option", "parts"),
    [
        ("a.b=1", ("a.b", "1")),
        ('a["x=y"]=1', ('a["x=y"]', "1")),
        ("a=b=c", ("a", "b=c")),
        ("a", None),
    ],
)
def test_an_option_splits_at_the_first_equals_sign_outside_of_brackets(
    option: str, parts: tuple[str, str] | None
) -> None:
    assert split_option(option) == parts


def _patched(document: object, path: str, value: object) -> object:
    root = from_python(document, HERE)
    apply_patch(root, parse_path(path, HERE), from_python(value, HERE), HERE)
    return root.plain()


def test_list_items_are_named_by_their_key_field() -> None:
    document = {"services": [{"serviceName": "a", "n": 1}, {"serviceName": "b", "n": 1}]}
    assert _patched(document, "services.b.n", 2) == {
        "services": [{"serviceName": "a", "n": 1}, {"serviceName": "b", "n": 2}]
    }
    assert _patched(document, "services.a", None) == {"services": [{"serviceName": "b", "n": 1}]}


def test_a_family_means_its_latest_revision_and_a_number_one_of_them() -> None:
    document = {"taskDefinitions": [{"family": "f", "n": 1}, {"family": "f", "n": 2}]}
    assert _patched(document, "taskDefinitions.f.n", 9) == {
        "taskDefinitions": [{"family": "f", "n": 1}, {"family": "f", "n": 9}]
    }
    assert _patched(document, "taskDefinitions.f:1.n", 9) == {
        "taskDefinitions": [{"family": "f", "n": 9}, {"family": "f", "n": 2}]
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("150d", 12_960_000.0),
        ("80ms", 0.08),
        ("1.5 h", 5400.0),
        ("2min", 120.0),
        (0, 0.0),
    ],
)
def test_durations_are_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "12", 12, "1h 30", "-5s", "1e3s", "2 hours", True, None, "5s6"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_duration(text)


@given(st.integers(0, 10_000), st.sampled_from(["s", "m", "h", "d"]))
def test_a_duration_is_its_number_of_units(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * parse_duration(f"1{unit}")


@pytest.mark.parametrize(
    ("text", "size"), [("450MB", 450_000_000), ("200MiB", 209_715_200), ("1.5GiB", 1_610_612_736), ("7B", 7)]
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["450", 450, "MB", "4 5MB", True])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_size(text)


@pytest.mark.parametrize(("text", "rate"), [("12/min", 0.2), ("3/s", 3.0), ("36 per hour", 0.01)])
def test_rates_are_per_second(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), (0.05, 0.05), (1, 1.0), ("100%", 1.0)])
def test_shares_are_numbers_or_percents(text: object, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", [1.01, "101%", -0.1, True, "a"])
def test_what_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_share(text)
