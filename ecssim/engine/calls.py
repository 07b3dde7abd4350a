"""The one door: every change from outside a controller is a call, answered by a response or by a ClientError.

Timeline entries, jobs, users' own processes and tests are its clients. Parameters from outside are parsed and
checked here; internal clients hand in plans that were parsed before. Each call takes a token of its category's
bucket (QUOTA-020 to QUOTA-026), unless the scenario itself makes it. Every call is a row of ``calls``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ecssim.aws.requests import REQUESTS
from ecssim.aws.shape import Shape
from ecssim.engine.call_handlers import HANDLERS
from ecssim.engine.standalone import RunTaskPlan, RunTaskResult
from ecssim.errors import ClientError
from ecssim.world.buckets import TokenBucket
from ecssim.world.services import Service
from ecssim.world.states import COMPLETED

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Handler = Callable[["Engine", Any, int], dict[str, Any]]

#: The caller whose calls take no API tokens (design rule 16).
SCENARIO = "scenario"


class ControlPlane:
    """Takes calls, checks and throttles them, hands them to their handler and writes them down."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._rows = engine.recorder.tables["calls"]
        names = engine.recorder.names
        self._callers = names.pool("caller")
        self._actions = names.pool("action")
        self._targets = names.pool("call_target")
        self._results = names.pool("call_result")
        self._texts = names.pool("text")
        self._buckets: dict[str, TokenBucket] = {}
        self.throttled: dict[str, float] = {}
        self.handlers: Mapping[str, Handler] = HANDLERS
        #: RunTask calls that named a client token, with what they were answered.
        self._answers: dict[str, tuple[Any, dict[str, Any]]] = {}

    def call(
        self, action: str, params: Mapping[str, Any], caller: str = "user", cause: int = 0
    ) -> dict[str, Any] | ClientError:
        """Make one API call; the answer is the response, or the ClientError that AWS would give."""
        target = _target(params)
        refused = self.admit(action, caller)
        if refused is None:
            document = REQUESTS.get(action)
            handler = self.handlers.get(action)
            if document is None or handler is None:
                refused = ClientError("UnsupportedOperation", f"{action} is not modelled by ecssim")
            else:
                try:
                    parsed = parse(document, params)
                    refused = self.engine.door_checks.refused(parsed)
                    if refused is None:
                        event = self._record(caller, action, target, "ok", None, cause)
                        return self._once(action, parsed, event, handler)
                except ClientError as error:
                    self._amend(error)
                    return error
                except ValueError as error:
                    refused = ClientError("InvalidParameterException", _first_problem(error))
        self._record(caller, action, target, refused.code, refused.message, cause)
        return refused

    def _once(self, action: str, parsed: Any, event: int, handler: Handler) -> dict[str, Any]:
        """Let the handler act, unless the caller's token says that this very call was answered before (PLACE-066)."""
        token = parsed.client_token if action == "RunTask" else None
        if token is None:
            return handler(self.engine, parsed, event)
        known = self._answers.get(token)
        if known is None:
            answer = handler(self.engine, parsed, event)
            self._answers[token] = (parsed, answer)
            return answer
        if known[0] != parsed:
            raise ClientError("ConflictException", f"clientToken {token} was used with other parameters.")
        return known[1]

    def run_task(self, plan: RunTaskPlan, caller: str, cause: int = 0) -> RunTaskResult | ClientError:
        """RunTask for internal clients, whose plan was parsed when the scenario was read."""
        refused = self.admit("RunTask", caller)
        target = plan.template.name
        if refused is not None:
            self._record(caller, "RunTask", target, refused.code, refused.message, cause)
            return refused
        event = self._record(caller, "RunTask", target, "ok", None, cause)
        try:
            result = self.engine.standalone.run(plan, event)
        except ClientError as error:
            self._amend(error)
            return error
        if result.failures:
            self._record(caller, "RunTask", target, "failures", result.failures[0].reason, event)
        return result

    def set_desired_count(self, service: Service, count: int, caller: str, cause: int = 0) -> int | ClientError:
        """UpdateService of a service's desired count, for Application Auto Scaling; the answer is the event."""
        refused = self.admit("UpdateService", caller)
        if refused is not None:
            self._record(caller, "UpdateService", service.name, refused.code, refused.message, cause)
            return refused
        event = self._record(caller, "UpdateService", service.name, "ok", None, cause)
        most = self.engine.limits.tasks_per_service
        if count > most:
            refused = ClientError("InvalidParameterException", f"a service holds at most {most:,} tasks")
            self._amend(refused)
            return refused
        service.desired = count
        service.steady = False
        primary = service.deployments[0]
        if primary.rollout_state == COMPLETED:
            # What is started or stopped from now on is this activity's doing, no longer the deployment's.
            primary.event = event
        service.cluster.waiting.pop(service.group, None)
        self.engine.services.events.desired_count_updated(service, event)
        self.engine.services.deployments.rollouts.desired_changed(service)
        self.engine.services.mark(service)
        return event

    def submit(self, action: str) -> ClientError | None:
        """An agent's own call, which is no row of ``calls``: the refusal if its bucket is empty (QUOTA-024)."""
        return self.admit(action, "agent")

    def note(self, caller: str, action: str, target: str, cause: int = 0) -> int:
        """Record a call that the scenario's own set-up stands for (Create* at t = 0); return its event."""
        return self._record(caller, action, target, "ok", None, cause)

    def failures(self, reason: str, cause: int) -> None:
        """The last call did not start all of its tasks: a row of its own says why the first did not (PLACE-060)."""
        caller, action, target, _ = self._last
        self._record(caller, action, target, "failures", reason, cause)

    def throttle(self, action: str, factor: float) -> None:
        """From now on tokens of the action's bucket come ``factor`` times slower; what came until now stays."""
        published = self.engine.limits.api_bucket(action)
        bucket = self._buckets.get(published.category) if published is not None else None
        if published is not None and bucket is not None:
            bucket.rate = published.rate / self.throttled.get(action, 1.0)
            bucket.available(self.kernel._now)
        self.throttled[action] = factor

    def admit(self, action: str, caller: str) -> ClientError | None:
        """Take a token of the action's bucket; the refusal if there is none (QUOTA-020)."""
        if caller == SCENARIO:
            return None
        published = self.engine.limits.api_bucket(action)
        if published is None:
            return None
        factor = self.throttled.get(action, 1.0)
        bucket = self._buckets.get(published.category)
        if bucket is None:
            bucket = self._buckets[published.category] = TokenBucket(published.burst, published.rate)
        bucket.rate = published.rate / factor
        if bucket.take(1, self.kernel._now):
            return None
        return ClientError("ThrottlingException", "Rate exceeded")

    def _record(self, caller: str, action: str, target: str, result: str, error: str | None, cause: int) -> int:
        event = self.engine.recorder.new_event()
        self._last = (caller, action, target, event)
        self._rows.append(
            self.kernel._now,
            event,
            cause,
            self._callers[caller],
            self._actions[action],
            self._targets[target],
            self._results[result],
            self._texts[error],
            0,
            self.engine.region_code,
        )
        return event

    def _amend(self, error: ClientError) -> None:
        """A handler refused a call that had passed the door: its row says so, caused by the call itself."""
        caller, action, target, event = self._last
        self._record(caller, action, target, error.code, error.message, event)


def parse(document: type[Shape], params: Mapping[str, Any]) -> Any:
    """Read parameters as the API does, from JSON: the documents are strict about Python's own types."""
    return document.model_validate_json(json.dumps(dict(params)))


def _target(params: Mapping[str, Any]) -> str:
    """Return what a call is about, for the table: the first name-like parameter."""
    for key in (
        "service",
        "serviceName",
        "serviceDeploymentArn",
        "resourceId",
        "ResourceId",
        "alarmName",
        "AlarmName",
        "task",
        "taskDefinition",
        "family",
        "containerInstance",
        "listenerArn",
        "ListenerArn",
        "targetGroupArn",
        "TargetGroupArn",
        "ruleArn",
        "RuleArn",
        "autoScalingGroupName",
        "AutoScalingGroupName",
        "cluster",
        "name",
    ):
        value = params.get(key)
        if isinstance(value, str):
            return value
    return ""


def _first_problem(error: ValueError) -> str:
    problems = getattr(error, "errors", None)
    if problems is None:
        return str(error)
    first = problems()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
