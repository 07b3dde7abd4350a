"""The commands by name. Their work is in modules of their own, which are read when a command is called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from ecssim import __version__

PLANNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "calibrate": "fit timing profiles to measured task lifecycles",
        "import": "read what a real account has and write a scenario",
        "search": "search for a better configuration",
        "serve": "answer the ECS API over HTTP from a live simulation",
        "study": "run many variants and seeds",
        "view": "look at a run in the browser",
    }
)
"""Commands that the contract names and this version does not have."""


class Commands(TyperGroup):
    """The commands; one that is planned says so instead of being unknown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that ``args`` begin with."""
        if args and args[0] in PLANNED:
            print(
                f"ecssim {args[0]} is planned ({PLANNED[args[0]]}) and not in version {__version__}",
                file=sys.stderr,
            )
            raise typer.Exit(2)
        return super().resolve_command(ctx, args)


class Output(StrEnum):
    """How a command answers: for people, or one JSON document on stdout and nothing else."""

    TABLE = "table"
    JSON = "json"


class What(StrEnum):
    """What ``describe`` can show."""

    TASKS = "tasks"
    SERVICES = "services"
    SERVICE_DEPLOYMENTS = "service-deployments"
    SERVICE_REVISIONS = "service-revisions"
    CONTAINER_INSTANCES = "container-instances"
    SUBNETS = "subnets"
    METADATA = "metadata"
    INTROSPECTION = "introspection"


class Desired(StrEnum):
    """A task's desiredStatus, as ``describe`` filters by it."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class Format(StrEnum):
    """How ``events`` answers: a line an event, one JSON list, or the lines that EventBridge would deliver."""

    TABLE = "table"
    JSON = "json"
    EVENTBRIDGE = "eventbridge"


class Topic(StrEnum):
    """What ``catalog`` can list."""

    INSTANCE_TYPES = "instance-types"
    FARGATE = "fargate"
    PRICES = "prices"
    QUOTAS = "quotas"
    ENI_EXCEPTIONS = "eni-exceptions"


app = typer.Typer(
    cls=Commands,
    name="ecssim",
    help="The wind tunnel for Amazon ECS: play hours or weeks of the control plane's life in seconds.",
    epilog="Exit codes: 0 done, 1 an expectation failed, 2 bad usage or input, 3 a bug of ecssim, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    # Plain help and plain errors: one line a problem, no frames, and no rich to import for them.
    rich_markup_mode=None,
)

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file, YAML or JSON.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder that a run wrote.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change one value, as services.checkout.desiredCount=40; may repeat."
    ),
]
VariantName = Annotated[str | None, typer.Option("--variant", metavar="NAME", help="A variant of the scenario.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="Another seed: other luck.")]
OutputAs = Annotated[Output, typer.Option("--output", help="For people, or one JSON document.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ecssim {__version__}")
        raise typer.Exit


@app.callback()
def ecssim(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """The wind tunnel for Amazon ECS: play hours or weeks of the control plane's life in seconds."""


@app.command(short_help="Run the built-in scenario: finding, fix, report.")
def demo(
    listing: Annotated[bool, typer.Option("--list", help="List the built-in scenarios and stop.")] = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run goes.")] = Path("ecssim-demo"),
) -> None:
    """Run the built-in scenario: a deploy at peak in two small subnets."""
    from ecssim.cli import demo as command

    raise typer.Exit(command.listing() if listing else command.demo(out))


@app.command(short_help="Run a scenario and say what happened.")
def run(
    scenario: ScenarioFile,
    sets: Sets = None,
    variant: VariantName = None,
    seed: Seed = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="T", help="Stop at this time (90s, 2h, 13:00).")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write a run folder.")] = None,
    output: OutputAs = Output.TABLE,
    check_invariants: Annotated[
        bool, typer.Option("--check-invariants", help="Look for impossible states each simulated minute.")
    ] = False,
) -> None:
    """Run a scenario and say what happened; 1 if something that it expects did not hold."""
    from ecssim.cli import run as command

    wish = command.Wish(scenario, tuple(sets or ()), variant, seed, until, out, output is Output.JSON, check_invariants)
    raise typer.Exit(command.run(wish))


@app.command(short_help="Compare scenarios and variants under the same luck.")
def compare(
    scenarios: Annotated[
        list[Path],
        typer.Argument(metavar="SCENARIO...", help="Scenario files; the others are held against the first."),
    ],
    variants: Annotated[
        str | None,
        typer.Option("--variants", metavar="A,B", help="Variants by name; a scenario alone has all of its own."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How many seeds.")] = 20,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes; without it one a core.")
    ] = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Run scenarios and variants under the same luck and compare them: differences with intervals, and a verdict."""
    from ecssim.cli import compare as command

    raise typer.Exit(command.compare(tuple(scenarios), variants, seeds, workers, output is Output.JSON))


@app.command(short_help="Say what is wrong with a scenario; run nothing.")
def check(
    scenario: ScenarioFile,
    sets: Sets = None,
    variant: VariantName = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    output: OutputAs = Output.TABLE,
) -> None:
    """Read a scenario and say what is wrong with it, all at once; nothing is run."""
    from ecssim.cli import check as command

    raise typer.Exit(command.check(scenario, tuple(sets or ()), variant, strict, output is Output.JSON))


@app.command(short_help="Say why: a task's end, a placement, a full subnet.")
def explain(
    folder: RunFolder,
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="task/ID, service/NAME, subnet/ID, alarm/NAME, capacityProvider/NAME or event/ID."
        ),
    ],
    output: OutputAs = Output.TABLE,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="From the tables alone: the run is not played again to its placements.")
    ] = False,
) -> None:
    """Say why: a task's life and end, a placement, a service's history, who filled a subnet.

    Placements are looked at where they were made, by playing the run again to there: candidates, filters, scores
    and, for a task that found no place, the smallest change that would have made it fit.
    """
    from ecssim.cli import look

    raise typer.Exit(look.explain(folder, what, output is Output.JSON, recorded))


@app.command(short_help="Say how many more tasks fit, and what binds first.")
def fit(
    scenario: ScenarioFile,
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="A task definition: family or family:revision.")],
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="T", help="The moment: 90s, 2h, 13:00 (the start; the end if initialState is empty)."
        ),
    ] = None,
    sets: Sets = None,
    variant: VariantName = None,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --output json.")] = False,
    output: OutputAs = Output.TABLE,
) -> None:
    """Say how many more tasks of a family fit on each cluster at a moment, and what binds first.

    Instances are filled by the checks of placement on a copy of the cluster; free addresses and the vCPU quota of
    Fargate limit what they take.
    """
    from ecssim.cli import fit as command

    wanted = command.Question(scenario, family, at, tuple(sets or ()), variant, seed)
    raise typer.Exit(command.fit(wanted, as_json or output is Output.JSON))


@app.command(short_help="Say what a repack would save, at how many restarts.")
def repack(
    folder: RunFolder,
    at: Annotated[str | None, typer.Option("--at", metavar="T", help="The moment; without it the end.")] = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Say how many container instances a run could do without if its tasks were packed anew, and what that costs."""
    from ecssim.cli import repack as command

    raise typer.Exit(command.repack(folder, at, output is Output.JSON))


@app.command(short_help="Say how large each subnet must be, verified by runs.")
def subnets(
    scenario: ScenarioFile,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How many seeds.")] = 20,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes; without it one a core.")
    ] = None,
    sets: Sets = None,
    variant: VariantName = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Say for each subnet how many addresses are needed at the most, by whom, when and why.

    The smallest block without a failed allocation in any seed is run, and the next smaller one; then what surprises
    would leave free, and what else would help if addresses run out today, with its effect and its price.
    """
    from ecssim.cli import subnets as command

    question = command.Question(scenario, seeds, workers, tuple(sets or ()), variant, output is Output.JSON)
    raise typer.Exit(command.subnets(question))


@app.command(short_help="Show what existed at a moment, as the APIs do.")
def describe(
    folder: RunFolder,
    what: Annotated[
        What,
        typer.Argument(
            metavar="WHAT",
            help="tasks, services, service-deployments, service-revisions, container-instances, subnets; metadata (of "
            "--task) or introspection (of --instance).",
        ),
    ],
    at: Annotated[str, typer.Option("--at", metavar="T", help="The moment: 90s, 2h, 13:00 or a timestamp.")],
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="NAME", help="Of one cluster only.")] = None,
    services: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="NAME", help="This service, or its tasks and deployments; may repeat."),
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", metavar="ID", help="This task, by id or ARN; may repeat.")
    ] = None,
    instances: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="ID", help="This container instance, or the tasks on it; may repeat."),
    ] = None,
    subnets: Annotated[
        list[str] | None, typer.Option("--subnet", metavar="ID", help="This subnet; may repeat.")
    ] = None,
    family: Annotated[str | None, typer.Option("--family", metavar="NAME", help="Tasks of one family only.")] = None,
    desired: Annotated[
        Desired | None, typer.Option("--desired-status", help="Tasks that should run, or that should not.")
    ] = None,
    container: Annotated[
        str | None, typer.Option("--container", metavar="NAME", help="The container that asks for metadata.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="PATH", help="The path that is asked for, as /task or /v1/metadata."),
    ] = None,
) -> None:
    """Show what existed at a moment of a run, as the APIs' Describe calls do: the run is played again to there."""
    from ecssim.cli import outside as command

    raise typer.Exit(
        command.describe(
            command.Wish(
                folder,
                what.value,
                at,
                cluster,
                tuple(services or ()),
                tuple(tasks or ()),
                tuple(instances or ()),
                tuple(subnets or ()),
                family,
                desired.value if desired is not None else None,
                container,
                path,
            )
        )
    )


@app.command(short_help="Write one HTML page about a run.")
def report(
    folder: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the page goes (RUN_DIR/report.html).")
    ] = None,
) -> None:
    """Write one self-contained HTML page about a run and print its path."""
    from ecssim.cli import look

    raise typer.Exit(look.report(folder, out))


@app.command(short_help="List every event of a run in order.")
def events(
    folder: RunFolder,
    output: Annotated[
        Format,
        typer.Option("--format", "--output", help="A line an event, one JSON list, or EventBridge's JSON lines."),
    ] = Format.TABLE,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="TABLE", help="Events of one table, as service_events; may repeat."),
    ] = None,
) -> None:
    """List every event of a run in the order in which they happened.

    With --format eventbridge the run is played again, and each line is an event as ECS delivers it.
    """
    if output is Format.EVENTBRIDGE:
        from ecssim.cli import outside

        raise typer.Exit(outside.eventbridge(folder, tuple(kinds or ())))
    from ecssim.cli import events as command

    raise typer.Exit(command.events(folder, tuple(kinds or ()), output is Format.JSON))


@app.command(short_help="Write a small scenario to start from.")
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a small scenario with comments, to start from."""
    from ecssim.cli import starter

    raise typer.Exit(starter.init(path))


@app.command(short_help="Print the JSON Schema of scenarios.")
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors."""
    from ecssim.cli import check as command

    raise typer.Exit(command.schema())


@app.command(short_help="List what AWS publishes: types, sizes, prices.")
def catalog(
    topic: Annotated[
        Topic, typer.Argument(metavar="TOPIC", help="instance-types, fargate, prices, quotas or eni-exceptions.")
    ],
    region: Annotated[str, typer.Option("--region", help="The Region of prices and quotas.")] = "us-east-1",
    output: OutputAs = Output.TABLE,
) -> None:
    """List what AWS publishes and the simulator uses, with sources and dates."""
    from ecssim.cli import catalog as command

    raise typer.Exit(command.catalog(topic.value, region, output is Output.JSON))
