"""What each accepted API call does to the world. A handler raises ClientError for what AWS would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecssim.aws import requests as req
from ecssim.aws.checks import MOST_PER_CALL
from ecssim.aws.names import StopServiceDeploymentStopType
from ecssim.aws.reasons import cut
from ecssim.aws.scaling import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction
from ecssim.decide.reconcile import protection_blocks
from ecssim.engine import scaling_requests
from ecssim.engine.group_calls import GROUP_CALLS
from ecssim.engine.load_balancers import Door
from ecssim.engine.provider_calls import PROVIDER_CALLS
from ecssim.engine.read_handlers import READS
from ecssim.engine.standalone import Failure, RunTaskPlan
from ecssim.engine.target_health import describe_target_health
from ecssim.errors import ClientError
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.services import Service
from ecssim.world.states import ACTIVE, DRAINING, RUNNING, USER_INITIATED
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def _cluster(engine: Engine, name: str | None) -> Cluster:
    cluster = engine.world.cluster_named(name)
    if cluster is None:
        raise ClientError("ClusterNotFoundException", f"Cluster not found: {name or 'default'}.")
    return cluster


def _service(engine: Engine, name: str, cluster: str | None) -> Service:
    service = engine.world.service_named(name, cluster)
    if service is None:
        raise ClientError("ServiceNotFoundException", f"Service not found: {name}.")
    if service.status != "ACTIVE":
        raise ClientError("ServiceNotActiveException", f"Service was not ACTIVE: {name}.")
    return service


def _task(engine: Engine, name: str) -> Task:
    wanted = name.rsplit("/", 1)[-1]
    task = next((t for t in engine.lifecycle.live.values() if engine.task_id(t) == wanted), None)
    if task is None:
        raise ClientError("InvalidParameterException", "The referenced task was not found.")
    return task


def _instance(engine: Engine, cluster: Cluster, name: str) -> Instance:
    wanted = name.rsplit("/", 1)[-1]
    found = next((i for i in cluster.instances.values() if i.id == wanted), None)
    if found is None:
        raise ClientError("InvalidParameterException", f"The specified container instance is not valid: {name}.")
    return found


def create_service(engine: Engine, call: req.CreateService, event: int) -> dict[str, Any]:
    """CreateService: a new service with its first deployment."""
    service = engine.builder.create_service(call, event)
    engine.services.mark(service)
    return {"service": {"serviceName": service.name, "status": service.status}}


def update_service(engine: Engine, call: req.UpdateService, event: int) -> dict[str, Any]:
    """UpdateService: fields left out stay; some start a deployment, some do not (DEPLOY-002, DEPLOY-003)."""
    service = _service(engine, call.service, call.cluster)
    engine.builder.update_service(service, call, event)
    engine.services.mark(service)
    return {"service": {"serviceName": service.name, "desiredCount": service.desired}}


def delete_service(engine: Engine, call: req.DeleteService, event: int) -> dict[str, Any]:
    """DeleteService: DRAINING until its tasks are gone (SVC-002)."""
    service = _service(engine, call.service, call.cluster)
    running = any(d.running for d in service.deployments)
    if not call.force and not service.daemon and (service.desired or running):
        raise ClientError(
            "InvalidParameterException",
            "The service cannot be stopped while it is scaled above 0.",
        )
    service.status = "DRAINING"
    service.desired = 0
    reason = "Task stopped: its service was deleted"
    for deployment in list(service.deployments):
        for task in list(deployment.tasks.values()):
            engine.lifecycle.stop(task, 4, reason, event)
    service.cluster.waiting.pop(service.group, None)
    engine.services.mark(service)
    return {"service": {"serviceName": service.name, "status": service.status}}


def run_task(engine: Engine, call: req.RunTask, event: int) -> dict[str, Any]:
    """RunTask: 1 to 10 standalone tasks, partial success is normal (PLACE-060)."""
    plan = engine.builder.run_task_plan(call)
    result = engine.standalone.run(plan, event)
    engine.standalone.named_by(result.tasks, call.started_by)
    if result.failures:
        engine.calls.failures(result.failures[0].reason, event)
    return {
        "tasks": [{"taskArn": engine.task_id(t)} for t in result.tasks],
        "failures": [_failure(engine, plan, failure) for failure in result.failures],
    }


def _failure(engine: Engine, plan: RunTaskPlan, failure: Failure) -> dict[str, Any]:
    """A failure of RunTask in the API's shape; on instances ``arn`` is the one that came nearest (PLACE-065)."""
    if plan.template.fargate:
        return {"reason": failure.reason}
    closest = engine.fleets.closest(plan.owner, plan.template, failure.provider)
    if not closest:
        return {"reason": failure.reason}
    return {"arn": _instance_arn(engine, plan.owner.cluster, closest), "reason": failure.reason}


def _instance_arn(engine: Engine, cluster: Cluster, name: str) -> str:
    return engine.arn("container-instance", f"{cluster.name}/{name}")


def start_task(engine: Engine, call: req.StartTask, event: int) -> dict[str, Any]:
    """StartTask: one task on each named instance, without the scheduler (PLACE-060, PLACE-061)."""
    cluster = _cluster(engine, call.cluster)
    plan: RunTaskPlan = engine.builder.start_task_plan(call)
    tasks: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for name in call.container_instances:
        wanted = name.rsplit("/", 1)[-1]
        arn = _instance_arn(engine, cluster, wanted)
        instance = next((i for i in cluster.instances.values() if i.id == wanted), None)
        if instance is None:
            gone = any(i.id == wanted and i.group.cluster is cluster for i in engine.world.instances)
            failures.append({"arn": arn, "reason": "INACTIVE" if gone else "MISSING"})
            continue
        started = engine.standalone.start_on(plan, instance, event)
        if isinstance(started, Task):
            engine.standalone.named_by((started,), call.started_by)
            tasks.append({"taskArn": engine.task_id(started)})
        else:
            failures.append({"arn": arn, "reason": started})
    if failures:
        engine.calls.failures(failures[0]["reason"], event)
    return {"tasks": tasks, "failures": failures}


def stop_task(engine: Engine, call: req.StopTask, event: int) -> dict[str, Any]:
    """StopTask: the caller's reason becomes the stopped reason (LIFE-042), as far as it fits (LIFE-048)."""
    task = _task(engine, call.task)
    engine.lifecycle.stop(task, USER_INITIATED, cut(call.reason or "Task stopped by user"), event)
    return {"task": {"taskArn": engine.task_id(task), "desiredStatus": "STOPPED"}}


def stop_service_deployment(engine: Engine, call: req.StopServiceDeployment, event: int) -> dict[str, Any]:
    """StopServiceDeployment: back to the last deployment that completed (DEPLOY-010)."""
    if call.stop_type is not StopServiceDeploymentStopType.ROLLBACK:
        raise ClientError("UnsupportedFeatureException", f"stopType {call.stop_type} is not modelled by ecssim")
    rollouts = engine.services.deployments.rollouts
    rollout = rollouts.named(call.service_deployment_arn)
    rollouts.stop(rollout, event)
    service = rollout.deployment.service
    name = f"{service.cluster.name}/{service.name}/{rollout.id}"
    return {"serviceDeploymentArn": engine.arn("service-deployment", name)}


def _first_started(engine: Engine, call: req.UpdateTaskProtection) -> list[str]:
    """The tasks behind the shorthand: the service's running ones, those that started first first."""
    service = _service(engine, call.service or "", call.cluster)
    running = [t for d in service.deployments for t in d.tasks.values() if t.running and t.status == RUNNING]
    running.sort(key=lambda t: (t.started_at, t.ordinal))
    return [engine.task_id(t) for t in running[: call.count or MOST_PER_CALL]]


def _held_up(service: Service, now: float) -> bool:
    """Whether protected tasks hold up the service's deployment (LIFE-071)."""
    if len(service.deployments) < 2:
        return False
    tasks = [t for d in service.deployments for t in d.tasks.values() if t.running]
    return protection_blocks(service.desired, sum(t.protected_until > now for t in tasks))


def update_task_protection(engine: Engine, call: req.UpdateTaskProtection, event: int) -> dict[str, Any]:
    """UpdateTaskProtection: 120 minutes unless it says otherwise; service tasks only (LIFE-070, LIFE-071)."""
    done, failures = [], []
    now = engine.kernel.now
    for name in call.tasks or _first_started(engine, call):
        task = _task(engine, name)
        if task.deployment is None:
            failures.append({"arn": name, "reason": "TASK_NOT_VALID"})
            continue
        if call.protection_enabled and _held_up(task.deployment.service, now):
            failures.append({"arn": name, "reason": "DEPLOYMENT_BLOCKED"})
            continue
        minutes = call.expires_in_minutes or 120
        task.protected_until = now + minutes * 60.0 if call.protection_enabled else 0.0
        done.append({"taskArn": name, "protectionEnabled": call.protection_enabled})
        engine.services.mark(task.deployment.service)
        if call.protection_enabled:
            engine.services.dirty.mark_at(task.deployment.service, task.protected_until)
    return {"protectedTasks": done, "failures": failures}


def update_container_instances_state(
    engine: Engine, call: req.UpdateContainerInstancesState, event: int
) -> dict[str, Any]:
    """UpdateContainerInstancesState: ACTIVE <-> DRAINING (AGENT-003, AGENT-050)."""
    cluster = _cluster(engine, call.cluster)
    for name in call.container_instances:
        instance = _instance(engine, cluster, name)
        if call.status.value == "DRAINING" and instance.status == ACTIVE:
            engine.groups.drain(instance, event)
        elif call.status.value == "ACTIVE" and instance.status == DRAINING:
            engine.groups.activate(instance, event)
        elif instance.status not in (ACTIVE, DRAINING):
            raise ClientError("InvalidParameterException", f"{name} is not ACTIVE or DRAINING.")
    return {"containerInstances": list(call.container_instances), "failures": []}


def deregister_container_instance(engine: Engine, call: req.DeregisterContainerInstance, event: int) -> dict[str, Any]:
    """DeregisterContainerInstance: with tasks only by force; they go STOPPED at once (LIFE-029, AGENT-023)."""
    instance = _instance(engine, _cluster(engine, call.cluster), call.container_instance)
    if instance.tasks and not call.force:
        raise ClientError("InvalidParameterException", "Found running tasks on the instance.")
    if instance.group.managed is not None:  # its instance ends with it (CAP-074)
        engine.groups.terminate(instance, event, replace=False)
    else:
        engine.groups.deregister(instance, event)
    return {"containerInstance": {"ec2InstanceId": instance.id, "status": "INACTIVE"}}


def put_attributes(engine: Engine, call: req.PutAttributes, event: int) -> dict[str, Any]:
    """PutAttributes: custom attributes of instances (PLACE-054)."""
    cluster = _cluster(engine, call.cluster)
    for attribute in call.attributes:
        instance = _instance(engine, cluster, attribute.target_id or "")
        instance.attributes[attribute.name] = attribute.value
        cluster.fleet.set_attribute(instance.fleet_ordinal, attribute.name, attribute.value)
        engine.services.launching.leave(instance, event)
        engine.instance_arrived(instance)
    return {"attributes": [{"name": a.name, "value": a.value} for a in call.attributes]}


def register_task_definition(engine: Engine, call: req.RegisterTaskDefinition, event: int) -> dict[str, Any]:
    """RegisterTaskDefinition: the next revision of its family."""
    most = engine.limits.revisions_per_family
    if len(engine.builder.templates.families.get(call.family, ())) >= most:
        raise ClientError("ClientException", f"Too many revisions: family {call.family} may have {most:,}.")
    revision = engine.builder.templates.register(call)
    return {"taskDefinition": {"family": call.family, "revision": revision}}


def register_scalable_target(engine: Engine, call: ScalableTarget, event: int) -> dict[str, Any]:
    """RegisterScalableTarget: bounds of a service that may be scaled (SCALE-034)."""
    scaling_requests.register_target(engine, call, event)
    return {}


def deregister_scalable_target(engine: Engine, call: req.DeregisterScalableTarget, event: int) -> dict[str, Any]:
    """DeregisterScalableTarget: with everything that hangs on the target."""
    scaling_requests.deregister_target(engine, call.resource_id)
    return {}


def put_scaling_policy(engine: Engine, call: ScalingPolicy, event: int) -> dict[str, Any]:
    """PutScalingPolicy: the answer names the managed alarms (SCALE-007)."""
    policy = scaling_requests.put_policy(engine, call)
    alarms = [a.settings.name for a in (policy.high, policy.low) if a is not None]
    return {"policyName": policy.name, "alarms": [{"alarmName": name} for name in alarms]}


def delete_scaling_policy(engine: Engine, call: req.DeleteScalingPolicy, event: int) -> dict[str, Any]:
    """DeleteScalingPolicy: its managed alarms go too."""
    scaling_requests.delete_policy(engine, call.resource_id, call.policy_name)
    return {}


def put_scheduled_action(engine: Engine, call: ScheduledAction, event: int) -> dict[str, Any]:
    """PutScheduledAction: from now on, times that have passed are not made up for."""
    scaling_requests.put_action(engine, call)
    return {}


def put_metric_alarm(engine: Engine, call: Alarm, event: int) -> dict[str, Any]:
    """PutMetricAlarm: a new alarm starts in INSUFFICIENT_DATA, an edited one keeps its state (ALARM-001)."""
    scaling_requests.put_alarm(engine, call)
    return {}


def put_account_setting(
    engine: Engine, call: req.PutAccountSetting | req.PutAccountSettingDefault, event: int
) -> dict[str, Any]:
    """PutAccountSetting, PutAccountSettingDefault: trunking counts for instances launched from now on (NET-017)."""
    engine.account_settings.put(call.name, call.value)
    return {"setting": {"name": call.name.value, "value": call.value}}


def _door_of(engine: Engine, arn: str) -> Door:
    door = engine.balancers.door(arn)
    if door is None:
        raise ClientError("ListenerNotFound", f"One or more listeners not found: {arn}")
    return door


def modify_listener(engine: Engine, call: req.ModifyListener, event: int) -> dict[str, Any]:
    """ModifyListener: another default action; shares change at once, or as stickiness ends (LB-025)."""
    door = _door_of(engine, call.listener_arn)
    if call.default_actions:
        rule = next((r for r in door.rules if r.arn == "default"), None)
        if rule is None:
            raise ClientError("ValidationError", f"{call.listener_arn} has no default action")
        engine.balancers.modify(door, rule, call.default_actions)
    return {"Listeners": [{"ListenerArn": door.arn or door.name}]}


def modify_rule(engine: Engine, call: req.ModifyRule, event: int) -> dict[str, Any]:
    """ModifyRule: other actions for what the rule takes; which requests those are stays."""
    for door in engine.balancers.doors:
        for rule in door.rules:
            if rule.arn == call.rule_arn:
                if call.conditions and call.conditions != rule.conditions:
                    raise ClientError("UnsupportedOperation", "ModifyRule: other conditions are not modelled by ecssim")
                if call.actions:
                    engine.balancers.modify(door, rule, call.actions)
                return {"Rules": [{"RuleArn": rule.arn}]}
    raise ClientError("RuleNotFound", f"One or more rules not found: {call.rule_arn}")


HANDLERS: dict[str, Any] = {
    "CreateService": create_service,
    "DeleteScalingPolicy": delete_scaling_policy,
    "DeleteService": delete_service,
    "DeregisterContainerInstance": deregister_container_instance,
    "DescribeTargetHealth": describe_target_health,
    "DeregisterScalableTarget": deregister_scalable_target,
    "PutAccountSetting": put_account_setting,
    "PutAccountSettingDefault": put_account_setting,
    "ModifyListener": modify_listener,
    "ModifyRule": modify_rule,
    "PutAttributes": put_attributes,
    "PutMetricAlarm": put_metric_alarm,
    "PutScalingPolicy": put_scaling_policy,
    "PutScheduledAction": put_scheduled_action,
    "RegisterScalableTarget": register_scalable_target,
    "RegisterTaskDefinition": register_task_definition,
    "RunTask": run_task,
    "StartTask": start_task,
    "StopServiceDeployment": stop_service_deployment,
    "StopTask": stop_task,
    "UpdateContainerInstancesState": update_container_instances_state,
    "UpdateService": update_service,
    "UpdateTaskProtection": update_task_protection,
    **PROVIDER_CALLS,
    **GROUP_CALLS,
    **READS,
}
