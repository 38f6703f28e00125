"""Recognizing callers, and what is remembered of them."""

import asyncio

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.tenant import Role
from backend.core.usecases import keys
from backend.core.usecases.authentication import Authenticator
from tests.api.house import OPERATOR_KEY, House
from tests.core.usecases.conftest import CallerOf


async def test_another_process_notices_a_revocation_when_its_memory_ends(house: House, caller: CallerOf) -> None:
    here, forgetful = Authenticator(house.services, house.auth), Authenticator(house.services, house.auth, trust_seconds=0)
    plain = house.api_keys["acme/viewer"]
    known = await here.authenticate(plain, "req_1")
    assert (known.role, known.company_id, known.request_id) == (Role.VIEWER, "acme", "req_1")
    assert (await forgetful.authenticate(plain)).key_id == known.key_id
    await keys.revoke_key(house.services, "acme", str(known.key_id), caller=caller(Role.ADMIN))
    with pytest.raises(AppError) as refused:
        await forgetful.authenticate(plain)
    assert refused.value.code is Code.KEY_REVOKED
    here.forget("acme", known.key_id)
    with pytest.raises(AppError):
        await here.authenticate(plain)
    await asyncio.gather(here.close(), forgetful.close())


async def test_a_remembered_key_costs_no_query(house: House) -> None:
    authenticator = Authenticator(house.services, house.auth)
    first = await authenticator.authenticate(house.api_keys["acme/agent"])
    await authenticator.close()
    for file in house.data_dir.glob("desklore.sqlite*"):
        file.rename(file.with_name("moved-" + file.name))
    assert await authenticator.authenticate(house.api_keys["acme/agent"]) == first
    assert (await authenticator.authenticate(OPERATOR_KEY)).role is Role.OPERATOR
