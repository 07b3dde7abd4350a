"""Can this task reach what it needs before it runs; and if not, how does it fail, in which step, with which words?

What a task needs (:class:`Need`) is asked for in the order in which it is fetched: the registry's token and secrets,
on Fargate the log group, then the manifest, then the layers, which ECR keeps in S3 (NET-082, NET-087), and on an
instance the log group when the container starts. The first that no way leads to ends the start (NET-085). On Fargate
packets start at the task's interface; on an instance agent and daemon pull, whatever the task's network mode
(NET-081). Errors are told in the words that AWS has been seen to use; time is the engine's (NET-086).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ecssim.decide.routes import NetworkMap, Source, Way, way


class Step(IntEnum):
    """When something is fetched."""

    REGISTRY_AUTH = 0
    SECRET = 1
    LOGS = 2
    MANIFEST = 3
    LAYERS = 4
    LOGS_AT_START = 5


@dataclass(frozen=True, slots=True)
class Need:
    """Something a task fetches: when, from which service, and what, in the words of its error.

    ``host`` is where the request goes, ``what`` the image, the secret or the log group. Another Region's
    service is reached over the internet alone (NET-084).
    """

    step: Step
    service: str
    host: str
    what: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The first need that no way leads to: the way's missing hop, and what ``stoppedReason`` says."""

    need: Need
    way: Way
    reason: str

    @property
    def before_pull(self) -> bool:
        """Whether the task ends before its image pull begins (and on Fargate before it is billed: FG-042)."""
        return self.need.step <= Step.LOGS

    @property
    def after_pull(self) -> bool:
        """Whether its images are pulled first."""
        return self.need.step is Step.LOGS_AT_START


def unreachable(
    network: NetworkMap, source: Source, needs: Sequence[Need], *, fargate: bool
) -> tuple[Unreachable, ...]:
    """Those of ``needs`` that cannot be reached from ``source``, in the order in which they are fetched."""
    found = ((need, way(network, source, need.service)) for need in sorted(needs, key=lambda need: need.step))
    return tuple(Unreachable(need, over, words(need, fargate=fargate)) for need, over in found if not over.open)


def first_unreachable(
    network: NetworkMap, source: Source, needs: Sequence[Need], *, fargate: bool
) -> Unreachable | None:
    """The need that ends the start of a task; None: it starts."""
    return next(iter(unreachable(network, source, needs, fargate=fargate)), None)


def words(need: Need, *, fargate: bool) -> str:
    """The ``stoppedReason`` of a need that timed out (NET-085, SEC-021)."""
    url = f'"https://{need.host}/"'
    if need.step is Step.REGISTRY_AUTH:
        if not fargate:
            return f"CannotPullECRContainerError: RequestError: send request failed caused by: Post {url}: i/o timeout"
        return (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth "
            "from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network "
            f"configuration. RequestError: send request failed caused by: Post {url}: dial tcp: i/o timeout"
        )
    if need.step is Step.SECRET:
        return _secret(need, fargate)
    if need.step is Step.LOGS:
        return (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            f"failed to create Cloudwatch log stream: RequestError: send request failed caused by: Post {url}: "
            "dial tcp: i/o timeout"
        )
    if need.step is Step.LOGS_AT_START:
        return (
            "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to "
            f"create Cloudwatch log stream: RequestError: send request failed caused by: Post {url}: i/o timeout"
        )
    if not fargate:
        return (
            f'CannotPullContainerError: Error response from daemon: Get "https://{need.host}/v2/": net/http: request '
            "canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        )
    if need.step is Step.LAYERS:
        return (
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed "
            f"open: failed to do request: Get {url}: dial tcp: i/o timeout"
        )
    return (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
        f"{need.what}: failed to do request: Head {url}: dial tcp: i/o timeout"
    )


def _secret(need: Need, fargate: bool) -> str:
    manager = need.service == "secretsmanager"
    name = "AWS Secrets Manager" if manager else "AWS Systems Manager"
    if not fargate:
        return (
            f"ResourceInitializationError: fetching secret data from {name}: RequestError: send request failed caused "
            f'by: Post "https://{need.host}/": i/o timeout'
        )
    if manager:
        return (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: "
            "There is a connection issue between the task and AWS Secrets Manager. Check your task network "
            f"configuration. failed to fetch secret {need.what} from secrets manager: RequestCanceled: request context "
            "canceled caused by: context deadline exceeded"
        )
    return (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        "unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled: request "
        "context canceled caused by: context deadline exceeded"
    )
