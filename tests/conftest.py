"""What all tests share: the hypothesis profiles and the reference data beside the repository, if there."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Every run of a test is held against the conservation laws of the world, each minute and at its end.
os.environ.setdefault("ECSSIM_CHECK", "1")

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile(
    "dev", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# In CI the same examples every time: a red build must be the change's fault.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
# A mutant need only be seen: nobody reads its smallest example.
settings.register_profile("mutants", settings.get_profile("dev"), phases=(Phase.explicit, Phase.generate))
settings.register_profile(
    "soak",
    deadline=timedelta(seconds=30),
    max_examples=2_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of reference data, which is not part of the project: tests that want it skip without."""
    named = os.environ.get("ECSSIM_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY / ".." / "shared" / "data"
    if not folder.is_dir():
        # a worktree lies one level deeper than the repository
        folder = REPOSITORY / ".." / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no reference data beside the repository (set ECSSIM_SHARED_DATA)")
    return folder.resolve()
