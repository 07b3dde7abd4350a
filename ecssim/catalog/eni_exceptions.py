"""Where Amazon ECS documents another number of awsvpc tasks than the formulas give, with the source (NET-012).

The formulas hold for every type: interfaces less the primary one, or with a trunk the branch interfaces plus what
is left beside primary and trunk (NET-010, NET-011). These rows are not used unless they are asked for. Types that
the catalogue does not have are listed all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

GUIDE: Final = "Amazon ECS developer guide, container-instance-eni, 2023"
TWO_CARDS: Final = "documented when the type had 14 interfaces; it has 16 now"
ERROR_IN_PAGE: Final = "an error in the page"


class EniException(NamedTuple):
    """One deviation: the documented number of tasks, why it differs, and where it was read."""

    instance_type: str
    trunking: bool
    documented: int
    reason: str
    source: str = GUIDE


_ROWS: Final = (
    # The page also has "-2" for i4i.large, which is no number of tasks.
    EniException("i4i.16xlarge", True, 248, ERROR_IN_PAGE),
    EniException("i4i.32xlarge", True, 498, ERROR_IN_PAGE),
    EniException("i4i.metal", True, 498, ERROR_IN_PAGE),
    EniException("trn1n.32xlarge", True, 242, "more than the type's branch interfaces allow by the formula"),
    EniException("p3.2xlarge", True, 40, "documented as trunking, not compatible by the limits file"),
    EniException("p3.8xlarge", True, 60, "documented as trunking, not compatible by the limits file"),
    EniException("p3.16xlarge", True, 120, "documented as trunking, not compatible by the limits file"),
    EniException("u-6tb1.56xlarge", True, 12, "documented as trunking, no figure of its branch interfaces is known"),
    *(
        EniException(f"{family}.{size}", False, 13, TWO_CARDS)
        for family in ("m6in", "m6idn", "c6in", "r6in", "r6idn")
        for size in ("32xlarge", "metal")
    ),
)

ENI_EXCEPTIONS: Final[Mapping[tuple[str, bool], EniException]] = MappingProxyType(
    {(row.instance_type, row.trunking): row for row in _ROWS}
)
"""The deviations by type and by whether the instance trunks."""
