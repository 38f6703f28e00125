"""Settings of a company: its admins change them, and leave a trace."""

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As

SETTINGS = "/api/v1/settings"


async def test_an_admin_switches_masking_off_for_its_own_company(client_as: As) -> None:
    acme, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    assert (await acme.get(SETTINGS)).json() == {"masking": True}
    assert (await acme.patch(SETTINGS, json={"masking": False})).json() == {"masking": False}
    assert (await acme.get(SETTINGS)).json() == {"masking": False}
    assert (await bravo.get(SETTINGS)).json() == {"masking": True}
    entry = (await acme.get("/api/v1/audit")).json()["items"][0]
    assert (entry["action"], entry["target"], entry["details"]) == ("tenant.settings", "acme", {"masking": "off"})
    assert entry["actor"].startswith("key:")
    assert "tenant.settings" not in (await bravo.get("/api/v1/audit")).text


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER, Role.OPERATOR])
async def test_nobody_else_does(client_as: As, role: Role) -> None:
    client = client_as(role)
    assert (await client.get(SETTINGS)).status_code == 403
    assert (await client.patch(SETTINGS, json={"masking": False})).status_code == 403
    assert (await client_as(Role.ADMIN).get(SETTINGS)).json() == {"masking": True}


async def test_a_change_says_what_it_changes(client_as: As) -> None:
    assert (await client_as(Role.ADMIN).patch(SETTINGS, json={})).status_code == 422
