"""Checks of listeners, traffic, behaviour, expectations and the settings of the model."""

from __future__ import annotations

import itertools

from ecssim.aws.reasons import ERROR_NAMES, error_name
from ecssim.catalog import quota_names
from ecssim.scenario.behaviour import ContainerBehaviour
from ecssim.scenario.check_load_balancing import check_stream
from ecssim.scenario.check_timeline import refers_to_service
from ecssim.scenario.delays import DELAYS
from ecssim.scenario.expect import METRICS
from ecssim.scenario.findings import Findings
from ecssim.scenario.messages import show, suggestion
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step
from ecssim.scenario.options import MODEL_OPTIONS
from ecssim.scenario.timeline import seconds_of
from ecssim.scenario.traffic import Destination


def check_listeners(names: Names, findings: Findings) -> None:
    """Listeners name load balancers and target groups that are there, each port once."""
    ports: set[tuple[str, int]] = set()
    for index, listener in enumerate(names.scenario.listeners):
        where: tuple[Step, ...] = ("listeners", index)
        name = listener.load_balancer_name
        key = "loadBalancer" if listener.load_balancer is not None else "loadBalancerArn"
        if not name:
            findings.error(where, "a listener needs loadBalancer (or loadBalancerArn)")
        elif names.load_balancer(name) is None:
            known = [b.load_balancer_name for b in names.scenario.load_balancers]
            findings.refers((*where, key), "load balancer", name_of(name), known, "loadBalancers")
        if (name, listener.port) in ports:
            message = f"load balancer {name} listens on port {listener.port} already"
            findings.error((*where, "port"), message)
        ports.add((name, listener.port))
        if not listener.actions:
            findings.error(where, "a listener needs defaultActions or rules")
        places = [((*where, "defaultActions", n), a) for n, a in enumerate(listener.default_actions)]
        for number, rule in enumerate(listener.rules):
            places += [((*where, "rules", number, "actions", n), a) for n, a in enumerate(rule.actions)]
        for steps, action in places:
            for group, _ in action.forwards_to:
                if names.target_group(group) is None:
                    known = [g.target_group_name for g in names.scenario.target_groups]
                    findings.refers(steps, "target group", name_of(group), known, "targetGroups")


def check_traffic(names: Names, findings: Findings) -> None:
    """Streams go to services, target groups and listeners that are there."""
    for index, traffic in enumerate(names.scenario.traffic):
        where: tuple[Step, ...] = ("traffic", index)
        if traffic.to is not None:
            _destination((*where, "to"), traffic.to, names, findings)
        for number, part in enumerate(traffic.split or ()):
            _destination((*where, "split", number, "to"), part.to, names, findings)
        check_stream(where, traffic, names, findings)
        steps = traffic.steps or ()
        times = [seconds_of(step.at, names.scenario.start) for step in steps]
        if any(later <= earlier for earlier, later in itertools.pairwise(times)):
            findings.error((*where, "steps"), "steps must be in the order of their times")


def _destination(where: tuple[Step, ...], to: Destination, names: Names, findings: Findings) -> None:
    if to.service is not None and names.service(to.service) is None:
        if to.service.rsplit("/", 1)[-1] not in names.created_by_calls["services"]:
            refers_to_service((*where, "service"), to.service, None, names, findings)
    if to.target_group is not None and names.target_group(to.target_group) is None:
        known = [g.target_group_name for g in names.scenario.target_groups]
        findings.refers((*where, "targetGroup"), "target group", name_of(to.target_group), known, "targetGroups")
    if to.listener is not None:
        listeners = {listener.listener_arn for listener in names.scenario.listeners if listener.listener_arn}
        listeners |= {f"{x.load_balancer_name}:{x.port}" for x in names.scenario.listeners}
        listeners |= {x.load_balancer_name for x in names.scenario.listeners}
        findings.refers((*where, "listener"), "listener", to.listener, listeners, "listeners")


def check_behaviour(names: Names, findings: Findings) -> None:
    """Behaviour belongs to families, revisions and containers that are there; images to containers."""
    for key, behaviour in names.scenario.behaviour.items():
        family, _, revision = key.partition(":")
        steps: tuple[Step, ...] = ("behaviour", key)
        if family in names.created_by_calls["families"] or "taskDefinitions" in findings.unsure:
            continue
        if family not in names.families:
            findings.error_at_key(steps, f"there is no task definition {family!r}{suggestion(family, names.families)}")
            continue
        definition = names.task_definition(key)
        if definition is None:
            count = len(names.families[family])
            message = f"{family} has {count} revision{'s' if count != 1 else ''}, there is no {family}:{revision}"
            findings.error_at_key(steps, message)
            continue
        revisions = (definition,) if revision else names.families[family]
        containers = {c.name for d in revisions for c in d.container_definitions if c.name is not None}
        _reason(steps, behaviour, findings)
        checked = {c.name for d in revisions for c in d.container_definitions if c.health_check is not None}
        if behaviour.health_check_takes is not None and not checked:
            _no_check((*steps, "healthCheckTakes"), f"no container of {key}", findings)
        for name, part in behaviour.containers.items():
            if name not in containers:
                message = f"{key} has no container {name!r}{suggestion(name, containers)}"
                findings.error_at_key((*steps, "containers", name), message)
            _reason((*steps, "containers", name), part, findings)
            if part.health_check_takes is not None and name not in checked:
                _no_check((*steps, "containers", name, "healthCheckTakes"), f"container {name} of {key}", findings)
    used = {c.image for d in names.scenario.task_definitions for c in d.container_definitions}
    for image in names.scenario.images:
        if image not in used and "taskDefinitions" not in findings.unsure and not names.created_by_calls["families"]:
            near = suggestion(image, [name for name in used if name])
            findings.problems.append(
                findings.root.entries["images"]
                .key_places[image]
                .problem(f"no container uses image {image!r}{near}", "warning")
            )


def _no_check(steps: tuple[Step, ...], who: str, findings: Findings) -> None:
    what = "has a healthCheck" if who.startswith("no ") else "has no healthCheck"
    findings.warning(steps, f"healthCheckTakes says nothing: {who} {what}")


def _reason(steps: tuple[Step, ...], behaviour: ContainerBehaviour, findings: Findings) -> None:
    """A start that fails says so in ECS's words: a stoppedReason begins with an error name (LIFE-044, LIFE-045)."""
    fails = behaviour.fails_to_start
    if fails is None or error_name(fails.reason) in ERROR_NAMES:
        return
    name = error_name(fails.reason)
    message = f"reason: {show(name)} is not an error name of ECS{suggestion(name, ERROR_NAMES)}"
    findings.warning((*steps, "failsToStart", "reason"), message, "LIFE-044")


def check_settings(names: Names, findings: Findings) -> None:
    """Quotas, named delays and model options exist and have values that they can have."""
    scenario = names.scenario
    for name, value in scenario.account.quotas.overrides.items():
        steps: tuple[Step, ...] = ("account", "quotas", name)
        if name not in quota_names():
            findings.error_at_key(steps, f"{name}: unknown quota{suggestion(name, quota_names())}")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            findings.error(steps, f"{name}: expected a whole number, got {show(value)}")
    for name in scenario.timing.overrides:
        if name not in DELAYS:
            findings.error_at_key(("timing", name), f"{name}: unknown delay{suggestion(name, DELAYS)}")
    for name, given in scenario.model.items():
        option = MODEL_OPTIONS.get(name)
        if option is None:
            findings.error_at_key(("model", name), f"{name}: unknown model option{suggestion(name, MODEL_OPTIONS)}")
        elif option.choices and given not in option.choices:
            expected = f"expected one of {', '.join(option.choices)}"
            findings.error(("model", name), f"{name}: {expected}, got {show(given)}", option.rule)
        elif not option.choices and (isinstance(given, str | bool)):
            findings.error(("model", name), f"{name}: expected a number, got {show(given)}", option.rule)


def check_expectations(names: Names, findings: Findings) -> None:
    """Expectations name metrics and resources that are there, at times inside the run."""
    scenario = names.scenario
    known_of = {
        "subnet": set(names.subnets),
        "service": set(names.services) | {s.service_name for s in scenario.services},
        "capacityProvider": set(names.provider_types),
        "targetGroup": {g.target_group_name for g in scenario.target_groups},
        "cluster": set(names.clusters),
        "alarm": {a.alarm_name for a in scenario.alarms},
    }
    sections = {
        "subnet": "subnets",
        "service": "services",
        "capacityProvider": "capacityProviders",
        "targetGroup": "targetGroups",
        "cluster": "clusters",
        "alarm": "alarms",
    }
    for index, expectation in enumerate(scenario.expect):
        where: tuple[Step, ...] = ("expect", index)
        kind = expectation.metric.partition(".")[0]
        if expectation.metric not in METRICS:
            near = suggestion(expectation.metric, METRICS)
            findings.error((*where, "metric"), f"there is no metric {expectation.metric!r}{near}")
        elif kind in known_of and expectation.of is None:
            findings.error(where, f"{expectation.metric} needs of: the name of the {kind}")
        elif kind in known_of and expectation.of is not None:
            findings.refers((*where, "of"), kind, expectation.of, known_of[kind], sections[kind])
        for key in ("after", "before"):
            moment = getattr(expectation, key)
            if moment is not None and seconds_of(moment, scenario.start) > scenario.duration:
                findings.warning((*where, key), f"{key}: {moment} is after the end of the run")
