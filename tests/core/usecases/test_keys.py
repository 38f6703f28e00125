"""Making keys."""

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.auth import KEY_PATTERN, hash_key
from backend.core.model.tenant import ROLE_SCOPES, Role, Scope
from backend.core.usecases import keys
from tests.api.house import OPERATOR, House
from tests.core.usecases.conftest import CallerOf


async def test_a_key_is_random_and_kept_as_a_hash(house: House, caller: CallerOf) -> None:
    wanted = keys.KeyInput(name="x", role=Role.VIEWER)
    made = [await keys.create_key(house.services, house.auth, "acme", wanted, caller=caller(Role.ADMIN)) for _ in range(3)]
    plains = [each.plain.reveal() for each in made]
    assert len({*plains, *(each.key.prefix for each in made)}) == 6
    assert all(KEY_PATTERN.fullmatch(plain) for plain in plains)
    async with house.services.database.directory() as directory:
        assert await directory.find_key(hash_key(house.auth, plains[0])) == made[0].key
    assert plains[0] not in repr(made[0])


async def test_the_operator_may_give_what_it_has_not(house: House, caller: CallerOf) -> None:
    made = await keys.create_key(house.services, house.auth, "acme", keys.KeyInput(name="x", role=Role.ADMIN), caller=OPERATOR)
    assert made.key.scopes == ROLE_SCOPES[Role.ADMIN]
    for wanted, code in (
        (keys.KeyInput(name="x", role=Role.OPERATOR), Code.INVALID_REQUEST),
        (keys.KeyInput(name="x", role=Role.VIEWER, scopes=frozenset({Scope.KEYS})), Code.INVALID_REQUEST),
        (keys.KeyInput(name="x", role=Role.ADMIN), Code.FORBIDDEN),
    ):
        with pytest.raises(AppError) as refused:
            await keys.create_key(house.services, house.auth, "acme", wanted, caller=caller(Role.AGENT))
        assert refused.value.code is code
    with pytest.raises(AppError) as missing:
        await keys.create_key(house.services, house.auth, "nobody", keys.KeyInput(name="x", role=Role.VIEWER), caller=OPERATOR)
    assert missing.value.code is Code.TENANT_NOT_FOUND
