"""``spotPools``: what the Spot Instance Advisor tells of pools, by type, or by type and zone. ::

    spotPools:
      m6i.large: {interruptionBand: 0}               # under 5 % a month
      m6i.large/us-east-1a: {interruptionBand: 3}    # 15 to 20 %
      FARGATE_SPOT/us-east-1a: {interruptionBand: 1}

Pools that are not listed have the model option ``spotInterruptionsPerMonth``. Implements SPOT-030.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ecssim.aws.shape import Shape

FARGATE_SPOT = "FARGATE_SPOT"


class SpotPoolFacts(Shape):
    """Facts about one pool: its band of interruptions, 0 (under 5 % a month) to 4 (over 20 %)."""

    interruption_band: Annotated[int, Field(ge=0, le=4)]
