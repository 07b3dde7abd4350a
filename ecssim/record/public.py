"""The packed columns of the tables that users read (kinds: see :mod:`ecssim.record.schema`).

These are the columns as recorded. ``task_events`` and ``tasks`` get the rest of what users see (group,
service, template, place) joined in when they are read; every table with a ``t`` also gets ``time``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_EVENT = "t f64, event_id u32, cause_id u32,"
_WHERE = "region name:region"
_IN_CLUSTER = "cluster name:cluster, region name:region"
_TIMES = """
    created_at f64, connectivity_at f64, pull_started_at f64, pull_stopped_at f64, started_at f64,
    healthy_at f64, stopping_at f64, drained_at f64, execution_stopped_at f64, stopped_at f64,
    address_freed_at f64
"""
TASK_TIMES: Final = f"task task, {_TIMES}"
"""A task and all the times of its life."""

_INSTANCE = """
    instance_id name:instance, instance_type name:instance_type, market name:market,
    capacity_provider name:capacity_provider, availability_zone name:availability_zone,
    status name:instance_status,
"""

PUBLIC: Final[Mapping[str, str]] = MappingProxyType(
    {
        "task_events": f"""{_EVENT}
            task task, last_status enum:task_status, desired_status enum:desired_status,
            stop_code enum:stop_code, stopped_reason text
        """,
        "container_events": f"""{_EVENT}
            task task, container name:container, status name:container_status, health_status name:health_status,
            exit_code i32, restart_count u32, reason text, {_IN_CLUSTER}
        """,
        "tasks": f"{TASK_TIMES}, stop_code enum:stop_code, stopped_reason text",
        "placements": f"""{_EVENT}
            group name:group, task task, count u32, container_instance name:instance, candidates u32,
            rejected_cpu u32, rejected_memory u32, rejected_ports u32, rejected_eni u32, rejected_gpu u32,
            rejected_attribute u32, rejected_constraint u32, rejected_location u32, rejected_agent u32,
            strategy name:strategy, reason name:placement_reason, {_IN_CLUSTER}
        """,
        "service_events": f"""{_EVENT}
            service name:service, event_name name:event_name, message text, {_IN_CLUSTER}
        """,
        "traffic_shifts": f"""{_EVENT}
            service name:service, deployment_id name:deployment, step u32, test_weight f64,
            production_weight f64, {_IN_CLUSTER}
        """,
        "calls": f"""{_EVENT}
            caller name:caller, action name:action, target name:call_target, result name:call_result,
            error text, {_IN_CLUSTER}
        """,
        "service_metrics": f"""
            t f64, service name:service, desired_count u32, running_count u32, pending_count u32,
            healthy_count u32, cpu_utilization f64, memory_utilization f64, offered_count u64,
            served_count u64, failed_count u64, retried_count u64, in_flight_count u64, request_count u64,
            request_count_per_target f64, target_response_time f64, latency_p50 f64, latency_p95 f64,
            latency_p99 f64, http_502_count u64, http_503_count u64, http_504_count u64,
            http_460_count u64, http_464_count u64, {_IN_CLUSTER}
        """,
        "flow_metrics": f"""
            t f64, target name:flow_target, service name:service, revision u32,
            availability_zone name:availability_zone, offered_count u64, served_count u64, failed_count u64,
            in_flight_count u64, healthy_count u32, retried_count u64, {_IN_CLUSTER}
        """,
        "load_balancer_metrics": f"""
            t f64, load_balancer name:load_balancer, request_count u64, new_connection_count u64,
            active_connection_count u64, processed_bytes u64, rule_evaluation_count u64, elb_4xx_count u64,
            elb_5xx_count u64, elb_502_count u64, elb_503_count u64, elb_504_count u64, target_5xx_count u64,
            unhealthy_routing_request_count u64, {_WHERE}
        """,
        "target_group_metrics": f"""
            t f64, target_group name:flow_target, load_balancer name:load_balancer, request_count u64,
            request_count_per_target f64, healthy_host_count f64, healthy_host_count_minimum u32,
            healthy_host_count_maximum u32, unhealthy_host_count f64, unhealthy_host_count_minimum u32,
            unhealthy_host_count_maximum u32, target_5xx_count u64, target_connection_error_count u64,
            unhealthy_routing_request_count u64, {_WHERE}
        """,
        "instance_events": f"{_EVENT} {_INSTANCE} agent_connected u8, {_IN_CLUSTER}",
        "instances": f"""{_INSTANCE}
            launched_at f64, registered_at f64, draining_at f64, terminated_at f64, {_IN_CLUSTER}
        """,
        # A change of state in the instance's Auto Scaling group (LifecycleState), which ECS does not see.
        "instance_lifecycle": f"""{_EVENT}
            instance_id name:instance, auto_scaling_group name:auto_scaling_group,
            lifecycle_state name:lifecycle_state, {_IN_CLUSTER}
        """,
        "capacity_provider_metrics": f"""
            t f64, capacity_provider name:capacity_provider, capacity_provider_reservation f64,
            desired_capacity u32, instances u32, empty_instances u32, running_tasks u32,
            provisioning_tasks u32, {_IN_CLUSTER}
        """,
        # What managed scaling made of each minute's value, and why (one row a minute and provider).
        "capacity_provider_decisions": f"""
            t f64, capacity_provider name:capacity_provider, needed u32, instances u32, busy_instances u32,
            waiting_tasks u32, task_groups u32, left_out_groups u32, left_out_tasks u32, lower_bound u32,
            step u32, capacity_provider_reservation f64, target_capacity u32, alarm_high u8, low_datapoints u32,
            action name:scaling_action, from_count u32, to_count u32, effective_at f64, groups text,
            {_IN_CLUSTER}
        """,
        "subnet_metrics": f"""
            t f64, subnet name:subnet, availability_zone name:availability_zone, total u32, reserved u32,
            used u32, free u32, free_min u32, used_max u32, failed_allocations u32, {_WHERE}
        """,
        "subnet_usage": f"t f64, subnet name:subnet, consumer name:consumer, used u32, {_WHERE}",
        "subnet_events": f"""{_EVENT}
            subnet name:subnet, consumer name:consumer, task task, reason text, {_WHERE}
        """,
        "load_balancer_events": f"""{_EVENT}
            load_balancer name:load_balancer, nodes u32, wanted_nodes u32, consumed_lcus f64,
            state name:load_balancer_state, {_WHERE}
        """,
        # What a task or an instance could not reach, and the hop that is missing on the way.
        "reachability_events": f"""{_EVENT}
            subnet name:subnet, task task, instance name:instance, endpoint_service name:aws_service,
            host text, what text, missing text, {_WHERE}
        """,
        "alarms": f"""{_EVENT}
            alarm_name name:alarm, old_state name:alarm_state, new_state name:alarm_state,
            metric_name name:metric, datapoints text, threshold f64, reason text, {_WHERE}
        """,
        "scaling_activities": f"""{_EVENT}
            target name:scaling_target, policy name:policy, metric_value f64, from_count i32, to_count i32,
            status_code name:scaling_status, not_scaled_reason text, {_IN_CLUSTER}
        """,
        "capacity_forecasts": f"""
            t f64, target name:scaling_target, policy name:policy, hour_at f64, load f64, capacity i32,
            {_IN_CLUSTER}
        """,
        "deployments": f"""
            deployment_id name:deployment, service name:service, revision u32,
            strategy name:deployment_strategy, started_at f64, finished_at f64,
            rollout_state name:rollout_state, reason text, failed_tasks u32, peak_tasks u32,
            status name:service_deployment_status, status_reason text, rolled_back_to name:deployment,
            rollback_started_at f64, rollback_finished_at f64, {_IN_CLUSTER}
        """,
    }
)
"""The recorded public tables in the order of the design, name to packed columns. ``costs`` is not among them:
the run meters quantities (``_meters``), and prices meet them when they are read."""
