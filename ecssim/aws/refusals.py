"""What an AWS API refuses, as values: where in the request, why, by which rule.

One list of refusals answers ``ecssim check`` (with file and line), a timeline call (bad input before the run)
and a call through the one door (a ``ClientError``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Step = str | int


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a request cannot be accepted, or (``severity`` warning) should be looked at again.

    ``where`` leads from the request to the value, in the API's keys. ``code`` is the API's error code.
    """

    where: tuple[Step, ...]
    message: str
    rule: str | None = None
    code: str = "InvalidParameterException"
    severity: str = "error"

    def inside(self, prefix: Sequence[Step]) -> Refusal:
        """The same refusal of a document that stands at ``prefix`` of a larger one."""
        return replace(self, where=(*prefix, *self.where))
