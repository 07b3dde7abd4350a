"""What a service tells its operators: the events of the console, under their EventBridge names (SVC-070)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.world.places import TargetGroup
from ecssim.world.services import Deployment, Service
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: The console omits a repeated event for this long, unless its cause clears (SVC-051).
QUIET = 6 * 3600.0

#: What ECS says when Fargate has no capacity (CAP-042); sentences end where they are used.
UNAVAILABLE = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
#: The reason that the EventBridge event of it carries (PLACE-062).
NO_FARGATE = "RESOURCE:FARGATE"


class ServiceEvents:
    """Writes rows of ``service_events``; one method per kind of event, so that each wording exists once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        table = engine.recorder.tables["service_events"]
        self._pack, self._rows = table.pack, table.buffer
        self._names = engine.recorder.names.pool("event_name")
        self._texts = engine.recorder.names.pool("text")
        self._steady_name = self._names["SERVICE_STEADY_STATE"]
        #: The message of a steady service with its code: the event that comes with every launch.
        self._steady: dict[int, tuple[str, int]] = {}

    def write(self, service: Service, name: str | None, message: str, cause: int) -> int:
        """Record one event of the service; return its id."""
        recorder = self.engine.recorder
        recorder.events = event = recorder.events + 1
        rows = self._rows
        rows += self._pack(
            self.kernel._now,
            event,
            cause,
            service.service_code,
            self._names[name],
            self._texts[message],
            service.cluster.code,
            self.engine.region_code,
        )
        service.events.append((self.kernel._now, event, message))
        return event

    def _quietly(self, service: Service, key: str) -> bool:
        """Whether the event ``key`` should be left out now as a duplicate."""
        now = self.kernel._now
        if now - service.last_message.get(key, -QUIET) < QUIET:
            return True
        service.last_message[key] = now
        return False

    def clear(self, service: Service, key: str) -> None:
        """The cause of ``key`` is gone: the next one is news again."""
        service.last_message.pop(key, None)

    def steady(self, service: Service) -> int:
        """Desired, running and healthy agree (SVC-050)."""
        known = self._steady.get(service.ordinal)
        if known is None:
            message = f"(service {service.name}) has reached a steady state."
            known = self._steady[service.ordinal] = (message, self._texts[message])
        message, code = known
        engine = self.engine
        recorder = engine.recorder
        recorder.events = event = recorder.events + 1
        now = self.kernel._now
        cause = service.deployments[0].event
        rows = self._rows
        rows += self._pack(
            now, event, cause, service.service_code, self._steady_name, code, service.cluster.code, engine.region_code
        )
        service.events.append((now, event, message))
        return event

    def desired_count_updated(self, service: Service, cause: int) -> int:
        """Application Auto Scaling changed the desired count; changes by users are no event (META-014)."""
        return self.write(
            service,
            "SERVICE_DESIRED_COUNT_UPDATED",
            f"(service {service.name}) has changed the desired count to {service.desired}.",
            cause,
        )

    def may_tell_unplaced(self, service: Service, reason: str) -> bool:
        """Whether :meth:`unplaced` is due: finding the closest instance is a scan, and duplicates are left out."""
        return not self._quietly(service, f"unplaced {reason}")

    def unplaced(self, service: Service, reason: str, closest: str, cause: int, *, provider: bool = False) -> None:
        """No instance fits (PLACE-065, CAP-048); ``closest`` is the id of the instance that came nearest."""
        if closest:
            lacks = _LACKS.get(reason, f'encountered error "{reason}"')
            detail = f"The closest matching (container-instance {closest}) {lacks}."
        elif provider:
            detail = "Reason: No Container Instances were found in your capacity provider."
        else:
            detail = "Reason: No Container Instances were found in your cluster."
        self.write(
            service,
            "SERVICE_TASK_PLACEMENT_FAILURE",
            f"(service {service.name}) was unable to place a task because no container instance met all of its "
            f"requirements. {detail}",
            cause,
        )

    def rebalancing(self, service: Service, name: str, cause: int, *, tasks: int = 0, why: str = "") -> int:
        """A step of Availability Zone rebalancing, under its EventBridge name (PLACE-080, META-017)."""
        many = f"{tasks} task" + ("s" if tasks != 1 else "")
        words = {
            "SERVICE_REBALANCING_STARTED": "Availability Zone rebalancing has started.",
            "SERVICE_REBALANCING_COMPLETED": "Availability Zone rebalancing is complete: its zones are even.",
            "SERVICE_REBALANCING_STOPPED": f"Availability Zone rebalancing has stopped: {why}.",
            "TASKS_STARTED": f"has started {many} to rebalance its Availability Zones.",
            "TASKS_STOPPED": f"has stopped {many} to rebalance its Availability Zones.",
        }
        return self.write(service, name, f"(service {service.name}) {words[name]}", cause)

    def protected_rebalancing(self, service: Service, cause: int) -> None:
        """Task protection keeps rebalancing from stopping what is too much (PLACE-084, META-017)."""
        if not self._quietly(service, "protected"):
            name = "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION"
            message = "was unable to stop tasks to rebalance its Availability Zones: they are protected from scale-in."
            self.write(service, name, f"(service {service.name}) {message}", cause)

    def unplaced_rebalancing(self, service: Service, zone: str, cause: int) -> None:
        """No instance of the zone that has too few tasks can take one (PLACE-084, META-017)."""
        if not self._quietly(service, f"rebalancing {zone}"):
            message = f"was unable to place a task in {zone} to rebalance its Availability Zones."
            self.write(service, "SERVICE_TASK_PLACEMENT_FAILURE", f"(service {service.name}) {message}", cause)

    def fargate_refused(self, service: Service, name: str, reason: str, cause: int) -> None:
        """Fargate takes no more tasks now (CAP-042, CAP-043, FG-013, PLACE-062)."""
        if self._quietly(service, f"fargate {reason}"):
            return
        if name == "ECS_OPERATION_THROTTLED":
            message = f"(service {service.name}) operations are being throttled. Will try again later."
        else:
            message = f"(service {service.name}) was unable to place a task. Reason: {reason}."
            if reason == UNAVAILABLE:
                message += f" [{NO_FARGATE}]"
        self.write(service, name, message, cause)

    def impaired(self, service: Service, cause: int) -> None:
        """Tasks keep failing before RUNNING (SVC-040)."""
        self.write(
            service,
            "SERVICE_TASK_START_IMPAIRED",
            f"(service {service.name}) is unable to consistently start tasks successfully.",
            cause,
        )

    def blocked(self, service: Service) -> None:
        """Neither a start nor a stop is allowed by minimumHealthyPercent and maximumPercent (SVC-011)."""
        if self._quietly(service, "blocked"):
            return
        self.write(
            service,
            None,
            f"(service {service.name}) was unable to stop or start tasks during a deployment because of the "
            "service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try "
            "again.",
            service.deployments[0].event,
        )

    def unhealthy_target(self, service: Service, task: Task, group: TargetGroup) -> None:
        """A target fails its checks outside grace (SVC-030)."""
        self.write(
            service,
            None,
            f"(service {service.name}) (task {self.engine.task_id(task)}) is unhealthy in (target-group "
            f"{group.name}) due to (reason Health checks failed)",
            task.last_event,
        )

    def unhealthy_container(self, service: Service, task: Task) -> None:
        """An essential container fails its health check outside grace (SVC-030, LIFE-065)."""
        self.write(
            service,
            None,
            f"(service {service.name}) (task {self.engine.task_id(task)}) failed container health checks.",
            task.last_event,
        )

    def deployment_started(self, service: Service, deployment: Deployment, cause: int) -> int:
        """A deployment begins (META-018)."""
        return self.write(
            service,
            "SERVICE_DEPLOYMENT_IN_PROGRESS",
            f"(service {service.name}) (deployment {deployment.id}) deployment in progress: "
            f"{deployment.template.name}.",
            cause,
        )

    def deployment_completed(self, service: Service, deployment: Deployment) -> int:
        """A deployment is complete (DEPLOY-015)."""
        return self.write(
            service,
            "SERVICE_DEPLOYMENT_COMPLETED",
            f"(service {service.name}) (deployment {deployment.id}) deployment completed.",
            deployment.event,
        )

    def deployment_failed(self, service: Service, deployment: Deployment, why: str, more: str, cause: int) -> int:
        """A failure detector has failed a deployment (META-018, DEPLOY-045, DEPLOY-050)."""
        return self.write(
            service,
            "SERVICE_DEPLOYMENT_FAILED",
            f"(service {service.name}) (deployment {deployment.id}) deployment failed: {why}. {more}",
            cause,
        )

    def rolling_back(self, service: Service, failed: Deployment, target: Deployment, cause: int) -> int:
        """The last deployment that completed is the target again (DEPLOY-045, DEPLOY-047)."""
        return self.write(
            service,
            "SERVICE_DEPLOYMENT_IN_PROGRESS",
            f"(service {service.name}) rolling back to deployment {target.id}. {target.template.name} replaces "
            f"{failed.template.name}.",
            cause,
        )

    def not_rolled_back(self, service: Service, deployment: Deployment, cause: int) -> int:
        """There is nothing to roll back to: the deployment stalls (DEPLOY-045, DEPLOY-046)."""
        return self.write(
            service,
            None,
            f"(service {service.name}) (deployment {deployment.id}) cannot roll back: there is no deployment in the "
            "COMPLETED state. It launches no more tasks.",
            cause,
        )

    def constraint_violated(self, service: Service, task: str, instance: str, cause: int) -> int:
        """A daemon's task is on an instance that its constraints exclude now (SVC-061)."""
        return self.write(
            service,
            "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
            f"(service {service.name}) (task {task}) on (container-instance {instance}) violates the placement "
            "constraints of the service and is stopped.",
            cause,
        )

    def protected(self, service: Service, count: int) -> None:
        """Tasks that should go are protected (SVC-070)."""
        if self._quietly(service, "protected"):
            return
        tasks = "1 task is" if count == 1 else f"{count} tasks are"
        self.write(
            service,
            "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION",
            f"(service {service.name}) was unable to scale in due to task protection: {tasks} protected.",
            service.deployments[0].event,
        )

    def deleted(self, service: Service, cause: int) -> int:
        """The service is gone (SVC-002)."""
        return self.write(service, None, f"(service {service.name}) has been deleted.", cause)


_LACKS = {
    "RESOURCE:CPU": "has insufficient CPU units available",
    "RESOURCE:MEMORY": "has insufficient memory available",
    "RESOURCE:PORTS": "is already using a port required by your task",
    "RESOURCE:ENI": 'encountered error "RESOURCE:ENI"',
    "RESOURCE:GPU": "has insufficient GPUs available",
    "ATTRIBUTE": "is missing an attribute required by your task",
    "AGENT": 'encountered error "AGENT"',
}
