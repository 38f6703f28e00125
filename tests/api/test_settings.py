"""Settings of a company: its admins change them, and leave a trace."""

from dataclasses import replace
from typing import get_args

import pytest

from backend.api.schemas.tenants import KindName
from backend.core.errors import AppError, Code
from backend.core.model.auth import TenantCaller
from backend.core.model.personal import Kind
from backend.core.model.tenant import Role, Scope
from backend.core.ports.services import Models
from backend.core.usecases import tenants
from tests.api.conftest import As
from tests.api.house import House

SETTINGS = "/api/v1/settings"
ALL = ["email", "phone", "card", "rrn", "iban", "account", "passport", "person"]


async def test_an_admin_switches_masking_off_for_its_own_company(client_as: As) -> None:
    acme, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    assert (await acme.get(SETTINGS)).json() == {"masking": True, "masked_kinds": ALL, "helpdesk_login": False}
    assert (await acme.patch(SETTINGS, json={"masking": False})).json() == {"masking": False, "masked_kinds": ALL, "helpdesk_login": False}
    assert (await acme.get(SETTINGS)).json() == {"masking": False, "masked_kinds": ALL, "helpdesk_login": False}
    assert (await bravo.get(SETTINGS)).json() == {"masking": True, "masked_kinds": ALL, "helpdesk_login": False}
    entry = (await acme.get("/api/v1/audit")).json()["items"][0]
    assert (entry["action"], entry["target"], entry["details"]) == ("tenant.settings", "acme", {"masking": "off"})
    assert entry["actor"].startswith("key:")
    assert "tenant.settings" not in (await bravo.get("/api/v1/audit")).text


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER, Role.OPERATOR])
async def test_nobody_else_does(client_as: As, role: Role) -> None:
    client = client_as(role)
    assert (await client.get(SETTINGS)).status_code == 403
    assert (await client.patch(SETTINGS, json={"masking": False})).status_code == 403
    assert (await client_as(Role.ADMIN).get(SETTINGS)).json() == {"masking": True, "masked_kinds": ALL, "helpdesk_login": False}


async def test_a_change_says_what_it_changes(client_as: As) -> None:
    assert (await client_as(Role.ADMIN).patch(SETTINGS, json={})).status_code == 422


async def test_an_admin_chooses_the_kinds_of_its_own_company(client_as: As) -> None:
    acme, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    changed = await acme.patch(SETTINGS, json={"masked_kinds": ["rrn", "card", "card"]})
    assert changed.json() == {"masking": True, "masked_kinds": ["card", "rrn"], "helpdesk_login": False}
    assert (await acme.patch(SETTINGS, json={"masking": False})).json() == {
        "masking": False,
        "masked_kinds": ["card", "rrn"],
        "helpdesk_login": False,
    }
    assert (await bravo.get(SETTINGS)).json() == {"masking": True, "masked_kinds": ALL, "helpdesk_login": False}
    entries = (await acme.get("/api/v1/audit")).json()["items"]
    assert [entry["details"] for entry in entries if entry["action"] == "tenant.settings"] == [{"masking": "off"}, {"kinds": "card,rrn"}]
    assert (await acme.patch(SETTINGS, json={"masked_kinds": []})).status_code == 422
    assert (await acme.patch(SETTINGS, json={"masked_kinds": ["shoe size"]})).status_code == 422


async def test_what_is_refused_leaves_no_trace(house: House) -> None:
    gone = TenantCaller(role=Role.ADMIN, scopes=frozenset({Scope.SETTINGS}), company_id="nobody", key_id="k")
    with pytest.raises(AppError) as raised:
        await tenants.change_masking(house.services, gone, masking=False)
    assert raised.value.code is Code.TENANT_NOT_FOUND
    async with house.services.database.open("nobody") as uow:
        assert await uow.audit.list() == ([], None)


async def test_models_mask_what_the_company_chose(house: House, client_as: As) -> None:
    assert (await client_as(Role.ADMIN).patch(SETTINGS, json={"masked_kinds": ["email", "phone"]})).is_success
    bare = house.services.models
    asked: list[frozenset[Kind]] = []

    def only(kinds: frozenset[Kind]) -> Models:
        asked.append(kinds)
        return bare

    services = replace(house.services, models=replace(bare, unmasked=bare, masking_only=only))
    await services.models_of("acme")
    await services.models_of("bravo")
    assert asked == [frozenset({Kind.EMAIL, Kind.PHONE})]


def test_the_kinds_of_the_api_are_all_there_are() -> None:
    assert list(get_args(KindName)) == [kind.value.lower() for kind in Kind] == ALL
