"""Alarms side by side as arrays: masks of their newest periods, shifted and judged all at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ecssim.decide import alarms as judge
from ecssim.engine.metric_history import COLUMN_INDEX, MetricHistory
from ecssim.world.scaling import MetricAlarm

Ints = npt.NDArray[np.int64]

MASK_BITS: Final = 64


class Lanes:
    """The alarms that masks serve, as parallel arrays: one entry an alarm, in the order of their rows."""

    def __init__(self, alarms: list[MetricAlarm]) -> None:
        self.alarms = alarms
        for row, alarm in enumerate(alarms):
            alarm.row = row
        settings = [a.settings for a in alarms]

        def ints(values: list[int]) -> Ints:
            return np.array(values, dtype=np.int64)

        self.column = ints([COLUMN_INDEX[s.column] for s in settings])
        self.service = ints([s.service for s in settings])
        # Whose count a policy moves: not always the service whose metric is looked at.
        self.owner = ints([a.policies[0].target.service.ordinal if a.policies else 0 for a in alarms])
        self.lag = ints([a.lag for a in alarms])
        self.n = ints([s.periods for s in settings])
        self.m = ints([s.datapoints for s in settings])
        self.treat = ints([s.treat for s in settings])
        self.newest = judge.low_bits(self.n)
        self.window = judge.low_bits(self.n + judge.EXTRA)
        # `value > threshold` and `value < threshold` are one comparison of values with a sign.
        self.sign = np.array([1.0 if s.operator < 2 else -1.0 for s in settings])
        self.bound = np.array([s.threshold for s in settings]) * self.sign
        self.inclusive = np.array([s.operator % 2 == 1 for s in settings], dtype=bool)
        self.any_inclusive = bool(self.inclusive.any())
        self.side = ints([a.side for a in alarms])
        self.acts = np.array([bool(a.policies) and a.settings.actions_enabled for a in alarms], dtype=bool)
        # The count at which nothing more can come of the alarm: the bound of its policy's target.
        self.stop = ints(
            [
                a.policies[0].target.highest
                if a.side > 0 and a.policies
                else a.policies[0].target.lowest
                if a.policies
                else 0
                for a in alarms
            ]
        )
        self.state = ints([a.state for a in alarms])
        self.real = np.array([a.real for a in alarms], dtype=np.uint64)
        self.breach = np.array([a.breach for a in alarms], dtype=np.uint64)
        self.told = np.array([a.told for a in alarms], dtype=bool)

    def store(self) -> None:
        """Write what changes back to the alarms."""
        for alarm, state, real, breach, told in zip(
            self.alarms,
            self.state.tolist(),
            self.real.tolist(),
            self.breach.tolist(),
            self.told.tolist(),
            strict=True,
        ):
            alarm.state, alarm.real, alarm.breach, alarm.told = state, real, breach, told

    def shift(self) -> None:
        """One minute passes: every period becomes one older."""
        self.real = (self.real << np.uint64(1)) & self.window
        self.breach = (self.breach << np.uint64(1)) & self.window

    def reveal(self, history: MetricHistory, minute: int, age: int) -> None:
        """The point of the period that is ``age`` periods old has been published, if there is one."""
        values = history.gather(self.column, minute - self.lag - age, self.service)
        seen = ~np.isnan(values)
        signed = values * self.sign
        hit = signed > self.bound
        if self.any_inclusive:
            hit |= self.inclusive & (signed == self.bound)
        if age >= MASK_BITS:
            return
        at = np.uint64(age)
        self.real |= (seen.astype(np.uint64) << at) & self.window
        self.breach |= (hit.astype(np.uint64) << at) & self.window

    def judge(self) -> Ints:
        """Return the new states."""
        return judge.evaluate_many(self.real, self.breach, self.n, self.m, self.treat, self.state, self.newest)
