"""After a storm of changes the copy is the truth, on both platforms; `python -m tests.e2e.storm` makes a longer one."""

import pytest

from sandbox.serve import SandboxOptions
from tests.e2e.storm import PLATFORMS, helpdesk, weather
from tests.e2e.trip import Trip

CHANGES = 120


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_after_a_storm_the_copy_is_the_truth(trip: Trip, platform: str) -> None:
    async with helpdesk(platform, SandboxOptions(tickets=8, seed=3)) as server:
        result = await weather(trip, server, changes=CHANGES, seed=3)
    assert (result["wrong"], result["false"]) == ([], [])
    assert sum(result["changes"].values()) == CHANGES
    assert set(result["webhooks"]) <= {"202", "lost"}
