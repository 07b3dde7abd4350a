"""Do the tests of ``decide/`` and ``world/`` bite? Change one place at random and run the module's own tests.

    python scripts/mutants.py [--count 200] [--seed 1] [--workers 2] [--only TEXT] [--list]

Each mutant is one module with one changed place: another operator, comparison, constant, condition, or ``min`` for
``max``. A child process imports it in the place of the real one and runs the fast tests that belong to the module,
stopping at the first failure; a test that fails, or a run that no longer ends, kills it. Sites and their order
follow from the seed. Mutants that no test could tell from the original are listed by hand, each with its reason, in
``scripts/equivalent_mutants.txt``; they count neither way. Exit code 1 if fewer than ``--bar`` of the rest are killed.

Why not an existing tool: one was tried that leaves module-level tables and decorated functions alone, has no sample
by seed and runs what covers a function, not what belongs to a module.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
EQUIVALENT: Final = ROOT / "scripts" / "equivalent_mutants.txt"
ROOMS: Final = ("decide", "world")
#: CPU seconds after which a mutant counts as one that does not end.
CPU_LIMIT: Final = 40
MEMORY_LIMIT: Final = 6 << 30

FLEET: Final = (
    "world/test_fleet_ledger",
    "world/test_fleet_reading",
    "decide/test_placement",
    "world/test_fleet_oracle",
)
LIVES: Final = ("world/test_entities", "world/test_settings", "engine/test_task_life", "engine/test_services")
#: Tests of a module where they are not ``tests/ROOM/test_MODULE.py`` alone, the quickest first.
TESTS: Final[dict[str, tuple[str, ...]]] = {
    "decide/decision": ("decide/test_counterfactual", "engine/test_witness"),
    "decide/lifecycle_hooks": ("decide/test_allocation",),
    "decide/own_strategy": ("decide/test_own_strategy", "scenario/test_own_strategies"),
    "decide/placement": ("decide/test_placement", "decide/test_own_strategy"),
    "decide/provider_split": ("decide/test_provider_split", "decide/test_provider_surplus"),
    "decide/query_regex": ("decide/test_query_regex", "decide/test_query"),
    "decide/query_terms": ("decide/test_query_words", "decide/test_query"),
    "decide/reconcile": ("decide/test_reconcile", "decide/test_reconcile_room", "decide/test_rolling_replacements"),
    "decide/service_deployment": ("decide/test_deployment_failure", "engine/test_describe_deployments"),
    "decide/spot": ("decide/test_spot", "decide/test_termination", "decide/test_allocation"),
    "decide/termination": ("decide/test_termination", "decide/test_allocation"),
    "world/addresses": ("world/test_buckets_and_addresses",),
    "world/agent_settings": ("world/test_settings",),
    "world/bitsets": ("world/test_bitsets",),
    "world/buckets": ("world/test_buckets_and_addresses",),
    "world/containers": (
        "world/test_containers",
        "world/test_settings",
        "world/test_entities",
        "decide/test_containers",
    ),
    "world/fleet_ladder": ("world/test_bitsets", *FLEET),
    "world/fleet_levels": ("world/test_bitsets", *FLEET),
    "world/group_rules": ("world/test_settings", "decide/test_allocation"),
    "world/lack": ("world/test_fleet_reading", "decide/test_counterfactual", "world/test_fleet_oracle"),
    "world/providers": ("world/test_world",),
    "world/instances": LIVES,
    "world/places": LIVES,
    "world/requests": ("world/test_entities", *FLEET),
    "world/scaling": ("world/test_settings", "engine/test_metric_alarms", "engine/test_target_tracking_runs"),
    "world/service_deployments": ("world/test_settings", "engine/test_circuit_breaker"),
    "world/services": LIVES,
    "world/states": ("world/test_states", "engine/test_task_life", "engine/test_services"),
    "world/tasks": LIVES,
    "world/trial_fleet": ("decide/test_counterfactual", "world/test_trial_fleet"),
    "world/views": ("decide/test_placement", "world/test_fleet_reading", "world/test_fleet_oracle"),
    "world/world": ("world/test_world", "engine/test_services", "engine/test_calls_and_jobs"),
}

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
NAMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One changed place: ``key`` names it independently of line numbers, ``number`` is its site in the module."""

    module: str
    number: int
    key: str
    line: int


# -- sites ----------------------------------------------------------------------------------------------------


def sites(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every place that can be changed, in order, with the name of what it stands in."""
    yield from _inside(tree, "")


def _inside(node: ast.AST, where: str) -> Iterator[tuple[ast.AST, str]]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _left_alone(child, node):
                continue
            name = where
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                name = f"{where}.{child.name}" if where else child.name
            if changed(child) is not None:
                yield child, name
            yield from _inside(child, name)


def _left_alone(child: ast.AST, parent: ast.AST) -> bool:
    """What no test is meant to see: docstrings, messages of errors, imports, slots, what types are called.

    ``zip(..., strict=True)`` asserts that its arguments are equally long, and ``Literal[...]`` exists for the type
    checker alone; the texts that the program compares with it are changed where it does.
    """
    if isinstance(child, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert | ast.JoinedStr):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True
    if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
        return True
    if isinstance(child, ast.Subscript) and isinstance(child.value, ast.Name) and child.value.id == "Literal":
        return True
    if isinstance(child, ast.Assign | ast.AnnAssign):
        targets = child.targets if isinstance(child, ast.Assign) else [child.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        return "__slots__" in names
    return isinstance(parent, ast.keyword) and parent.arg in ("slots", "eq", "repr", "frozen", "strict")


def changed(node: ast.AST) -> ast.AST | None:
    """The node with its one change; None where there is none to make."""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in COMPARISONS:
            new = copy.deepcopy(node)
            new.ops[0] = COMPARISONS[type(op)]()
            return new
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            new = copy.deepcopy(node)
            new.op = OPERATORS[type(op)]()
            return new
        case ast.AugAssign(op=op) if type(op) in OPERATORS:
            new = copy.deepcopy(node)
            new.op = OPERATORS[type(op)]()
            return new
        case ast.BoolOp(op=op):
            new = copy.deepcopy(node)
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            return new
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            return copy.deepcopy(operand)
        case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
            new = copy.deepcopy(node)
            new.test = ast.UnaryOp(op=ast.Not(), operand=copy.deepcopy(test))
            return new
        case ast.Constant(value=bool() as value):
            return ast.Constant(value=not value)
        case ast.Constant(value=int() | float() as value):
            return ast.Constant(value=value + 1)
        case ast.Constant(value=str() as value):
            return ast.Constant(value=f"{value}*")
        case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
            return ast.Name(id=NAMES[name], ctx=ast.Load())
        case ast.Break():
            return ast.Continue()
        case ast.Continue():
            return ast.Break()
    return None


def mutants_of(module: str) -> list[Mutant]:
    """Every mutant of a module, named by where it stands and what is changed there."""
    tree = ast.parse((ROOT / "ecssim" / f"{module}.py").read_text("utf-8"))
    seen: dict[str, int] = {}
    found = []
    for number, (node, where) in enumerate(sites(tree)):
        key = f"{module}:{where or 'module'}: {_said(node)} -> {_said(changed(node))}"
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            key += f" #{seen[key]}"
        found.append(Mutant(module, number, key, getattr(node, "lineno", 0)))
    return found


def _said(node: ast.AST | None) -> str:
    """The node on one line; of a block its condition alone."""
    if isinstance(node, ast.If | ast.While):
        node = node.test
    text = " ".join(ast.unparse(node).split()) if node is not None else ""
    return text if len(text) <= 90 else text[:87] + "..."


# -- running one ----------------------------------------------------------------------------------------------


def mutated(mutant: Mutant) -> CodeType:
    """The compiled module with the mutant's place changed."""
    path = ROOT / "ecssim" / f"{mutant.module}.py"
    return compile(swapped(ast.parse(path.read_text("utf-8")), mutant.number), str(path), "exec")


def swapped(tree: ast.Module, number: int) -> ast.Module:
    """A copy of the program with the site of this number changed."""
    made = copy.deepcopy(tree)
    target, _ = list(sites(made))[number]
    new = changed(target)
    assert new is not None

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return ast.copy_location(new, node) if node is target else self.generic_visit(node)

    Swap().visit(made)
    return ast.fix_missing_locations(made)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = "ecssim." + mutant.module.replace("/", ".")
        self.path = str(ROOT / "ecssim" / f"{mutant.module}.py")
        self.code = mutated(mutant)

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """Answer for the one module."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)  # type: ignore[arg-type]

    def exec_module(self, module: Any) -> None:
        """Run the changed code as the module."""
        exec(self.code, module.__dict__)


def tests_of(module: str) -> list[str]:
    """The test files that belong to a module."""
    room, _, name = module.partition("/")
    names = TESTS.get(module)
    if names is None:
        names = FLEET if room == "world" else (f"{room}/test_{name}",)
    return [f"tests/{name}.py" for name in names]


def child(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Run the tests in this process and return what pytest says; never returns to the caller's loop."""
    pytest = importlib.import_module("pytest")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    if mutant is not None:
        sys.meta_path.insert(0, Finder(mutant))
    return int(pytest.main(["-x", "-q", "-n0", "-m", "not slow", "-p", "no:cacheprovider", *tests]))


def start(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Fork a child that runs ``tests`` against ``mutant``; return its process id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 3
    try:
        code = child(mutant, tests)
    finally:
        os._exit(code)


def warm_up() -> None:
    """Import in the parent what every child would import, the project itself aside."""
    for name in ("pytest", "hypothesis", "numpy", "lark", "_pytest.assertion.rewrite", "hypothesis.extra._patching"):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    assert not any(name.split(".")[0] == "ecssim" for name in sys.modules)


# -- the whole ------------------------------------------------------------------------------------------------


def equivalents() -> set[str]:
    """Keys of the mutants that are listed as equivalent."""
    if not EQUIVALENT.exists():
        return set()
    lines = EQUIVALENT.read_text("utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith(("#", " "))}


def main() -> int:
    """Run the mutants that the options name; say how many were killed and which survived."""
    options = parsed()
    os.chdir(ROOT)
    os.environ.setdefault("HYPOTHESIS_PROFILE", "mutants")
    sys.path.insert(0, str(ROOT))
    modules = [
        f"{room}/{path.stem}"
        for room in ROOMS
        for path in sorted((ROOT / "ecssim" / room).glob("*.py"))
        if path.stem != "__init__"
    ]
    population = [mutant for name in modules for mutant in mutants_of(name) if options.only in mutant.key]
    listed = equivalents()
    unknown = listed - {mutant.key for name in modules for mutant in mutants_of(name)}
    for key in sorted(unknown):
        print(f"warning: {EQUIVALENT.name} lists what is no mutant any more: {key}", file=sys.stderr)
    chosen = random.Random(options.seed).sample(population, min(options.count, len(population)))
    if options.list:
        for mutant in chosen:
            print(f"{mutant.key}  (line {mutant.line})")
        return 0
    skipped = [mutant for mutant in chosen if mutant.key in listed]
    chosen = [mutant for mutant in chosen if mutant.key not in listed]
    print(f"{len(chosen)} mutants of {len(population)} places, seed {options.seed}; {len(skipped)} more are equivalent")
    warm_up()
    if broken := unmutated({tuple(tests_of(m.module)) for m in chosen}):
        print(f"without any mutation these do not pass: {', '.join(sorted(broken))}", file=sys.stderr)
        return 2
    began = time.monotonic()
    survivors = run(chosen, options.workers)
    killed = len(chosen) - len(survivors)
    share = killed / len(chosen) if chosen else 1.0
    print(f"killed {killed} of {len(chosen)}: {share:.1%} (bar {options.bar:.0%}), {time.monotonic() - began:.0f} s")
    for mutant in sorted(survivors, key=lambda m: (m.module, m.line)):
        print(f"survived: {mutant.key}  (ecssim/{mutant.module}.py:{mutant.line})")
    return 0 if share >= options.bar else 1


def unmutated(test_sets: set[tuple[str, ...]]) -> set[str]:
    """Test files that fail on the program as it is: nothing can be learnt from them."""
    broken = set()
    for name in sorted({name for names in test_sets for name in names}):
        _, status = os.waitpid(start(None, [name]), 0)
        if os.waitstatus_to_exitcode(status) != 0:
            broken.add(name)
    return broken


def run(chosen: Sequence[Mutant], workers: int) -> list[Mutant]:
    """Run every mutant, ``workers`` at a time; return those that all tests let pass."""
    survivors: list[Mutant] = []
    under_way: dict[int, Mutant] = {}
    waiting = list(reversed(chosen))
    done = 0
    while waiting or under_way:
        while waiting and len(under_way) < workers:
            mutant = waiting.pop()
            under_way[start(mutant, tests_of(mutant.module))] = mutant
        pid, status = os.wait()
        mutant = under_way.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        done += 1
        if code == 0:
            survivors.append(mutant)
        word = "survived" if code == 0 else "killed" if code == 1 else "killed (it breaks or does not end)"
        print(f"{done}/{len(chosen)} {word}: {mutant.key}", flush=True)
    return survivors


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose key has this in it, as world/fleet")
    parser.add_argument("--bar", type=float, default=0.85, help="share that must be killed")
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
