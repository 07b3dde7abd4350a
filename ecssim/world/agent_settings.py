"""How the agents of one group's instances are set up: plain numbers, from the agent's own configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent does with images, containers and ports; durations in seconds.

    ``eager``: it asks the registry at every start (pull behaviours ``default`` and ``always``); ``fallback``: a
    cached image will do where the registry does not answer (all but ``always``) (AGENT-030). A container that
    has not started ``start_timeout`` after its creation (``windows_start_timeout`` on Windows) fails (AGENT-033).
    Stopped containers stay for
    ``cleanup_wait`` and up to ``cleanup_jitter`` more (AGENT-035). Every ``image_interval`` at most
    ``images_per_cycle`` images that nobody uses and that are ``image_age`` old are deleted, if it ``cleans`` at all
    (AGENT-036).
    ``dynamic_ports`` counts the host ports for hostPort 0, -1: more than anyone needs (AGENT-008);
    ``port_range`` is their first and their last (NET-006).
    """

    eager: bool = True
    fallback: bool = True
    start_timeout: float = 180.0
    windows_start_timeout: float = 480.0
    cleanup_wait: float = 10800.0
    cleanup_jitter: float = 0.0
    cleans: bool = True
    image_interval: float = 1800.0
    image_age: float = 3600.0
    images_per_cycle: int = 5
    dynamic_ports: int = -1
    port_range: tuple[int, int] = (32768, 60999)


#: An agent without configuration of its own.
AGENT_DEFAULTS = AgentSettings()
