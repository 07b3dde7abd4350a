"""Account settings that change what instances register, from the scenario and by PutAccountSetting during a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ecssim.aws.names import SettingName
from ecssim.errors import ClientError
from ecssim.world.instances import InstanceKind

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

ON: Final = ("enabled", "on")
#: Settings that change nothing of what is simulated.
WITHOUT_EFFECT: Final = frozenset(SettingName) - {
    SettingName.AWSVPC_TRUNKING,
    SettingName.FARGATE_TASK_RETIREMENT_WAIT_PERIOD,
    SettingName.FARGATE_EVENT_WINDOWS,
}


class AccountSettings:
    """Holds ``awsvpcTrunking``: instances launched while it is on get a trunk, older ones stay as they are (NET-017).

    ``without_trunk`` are the subnets in which instances do not trunk: shared ones, and those whose instances answer
    to their resource names with A records.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.without_trunk: frozenset[int] = frozenset()

    def put(self, name: SettingName, value: str) -> None:
        """PutAccountSetting or PutAccountSettingDefault: in force for what is launched from now on."""
        if name in WITHOUT_EFFECT:
            return
        if name is not SettingName.AWSVPC_TRUNKING:
            raise ClientError("UnsupportedOperation", f"account setting {name} is not modelled by ecssim")
        if value not in (*ON, "disabled", "off"):
            raise ClientError("InvalidParameterException", f"Invalid value for setting {name}: {value}")
        for group in self.engine.world.groups:
            group.kinds = tuple(trunked(kind, value in ON) for kind in group.kinds)
            group.shape = group.kinds[0].shape
            self.engine.capacity.kinds_changed(group)

    def kind_in(self, kind: InstanceKind, subnet: int) -> InstanceKind:
        """Return what an instance of the kind registers if it is launched in the subnet."""
        return trunked(kind, False) if kind.shape.trunk and subnet in self.without_trunk else kind


def trunked(kind: InstanceKind, trunking: bool) -> InstanceKind:
    """Return the kind as it is launched while trunking is on or off."""
    shape = kind.with_trunk if trunking else kind.without_trunk
    return kind if shape is None or shape is kind.shape else replace(kind, shape=shape)
