"""What the list of tenants must do when several change it at once."""

import asyncio

from msgspec.structs import replace

from tests.contract.records import Records, tenant


async def test_a_tenant_that_is_held_is_changed_by_one_after_the_other(records: Records) -> None:
    async def rename(name: str) -> None:
        async with records.database.directory() as directory:
            held = await directory.lock_tenant("acme")
            assert held is not None
            await directory.put_tenant(replace(held, name=f"{held.name}+{name}"))

    async with records.database.directory() as directory:
        assert await directory.lock_tenant("nobody") is None
        before = await directory.get_tenant("acme")
    await asyncio.gather(*(rename(str(number)) for number in range(4)))
    async with records.database.directory() as directory:
        after, other = await directory.get_tenant("acme"), await directory.get_tenant("other")
    assert before is not None
    assert after is not None
    assert other is not None
    assert sorted(after.name.removeprefix(before.name).split("+")) == ["", "0", "1", "2", "3"]
    assert "+" not in other.name


async def test_a_tenants_own_models_are_kept_with_their_sealed_keys_and_go_with_it(records: Records) -> None:
    async with records.database.directory() as directory:
        acme, other = await directory.get_tenant("acme"), await directory.get_tenant("other")
        assert acme == tenant("acme")
        assert other is not None
        await directory.put_tenant(replace(other, providers={}, provider_keys={}))
    async with records.database.directory() as directory:
        assert await directory.get_tenant("acme") == acme
        assert await directory.get_tenant("other") == replace(other, providers={}, provider_keys={})
        await directory.delete_tenant("acme")
    async with records.database.directory() as directory:
        assert await directory.get_tenant("acme") is None
        assert await directory.count_left("acme") == {}
