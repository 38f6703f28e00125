"""What every SecretStore must do."""

from collections.abc import Callable

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.provider import KEPT_AS
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.secrets import SecretStore
from backend.storage.aws import AwsClient, AwsPlace
from backend.storage.secrets.local import LocalCipher
from backend.storage.secrets.manager import ManagedSecrets
from backend.storage.secrets.sealed import SealedSecrets
from tests.contract.records import tenant
from tests.servers.aws import REGION

FIRST, SECOND = Secret('{"api_key": "비밀-키-1234567"}'), Secret('{"api_key": "another-key-7654321"}')
CIPHER = LocalCipher([("2026", b"n" * 32)])
Make = Callable[[], SecretStore]


@pytest.fixture(params=["database", "aws"])
def make(request: pytest.FixtureRequest, tmp_path: str) -> Make:
    """Makes the store as another process would: it remembers nothing. Each test has names of its own."""
    sealed = SealedSecrets(CIPHER)
    if request.param == "database":
        return lambda: SealedSecrets(CIPHER)
    client = request.getfixturevalue("secrets_client")
    return lambda: ManagedSecrets(client, sealed, f"/test/{abs_name(str(tmp_path))}")


def abs_name(path: str) -> str:
    """A path as a name of a secret may be."""
    return path.strip("/").replace("[", "-").replace("]", "-")


def who(company_id: str = "acme") -> Tenant:
    return tenant(company_id, sealed_data_key=CIPHER.new_data_key(company_id))


async def unreadable(store: SecretStore, tenant: Tenant, connection_id: str, kept: SealedSecret) -> None:
    with pytest.raises(AppError) as refused:
        await store.open(tenant, "freshdesk", connection_id, kept)
    assert refused.value.code is Code.SECRET_UNREADABLE
    assert "1234567" not in str(refused.value)


async def test_credentials_open_again_in_every_process(make: Make) -> None:
    acme = who()
    kept = await make().keep(acme, "freshdesk", "conn_1", FIRST)
    assert "1234567" not in kept.token
    store = make()
    assert await store.open(acme, "freshdesk", "conn_1", kept) == FIRST
    assert await store.open(acme, "freshdesk", "conn_1", kept) == FIRST


async def test_new_credentials_take_the_place_of_old_ones(make: Make) -> None:
    acme, store, other = who(), make(), make()
    before = await store.keep(acme, "freshdesk", "conn_1", FIRST)
    assert await other.open(acme, "freshdesk", "conn_1", before) == FIRST
    after = await store.keep(acme, "freshdesk", "conn_1", SECOND)
    assert after != before
    for each in (store, other, make()):
        assert await each.open(acme, "freshdesk", "conn_1", after) == SECOND


async def test_one_that_came_to_nothing_never_takes_the_place_of_another(make: Make) -> None:
    acme, store = who(), make()
    kept = await store.keep(acme, "freshdesk", "conn_1", FIRST)
    for number in range(2, 6):
        await store.keep(acme, "freshdesk", f"conn_{number}", SECOND)
        await store.forget("acme", "freshdesk", f"conn_{number}")
    assert await make().open(acme, "freshdesk", "conn_1", kept) == FIRST


async def test_two_tenants_and_two_connections_never_meet(make: Make) -> None:
    acme, other, store = who(), who("other"), make()
    kept = await store.keep(acme, "freshdesk", "conn_1", FIRST)
    await unreadable(make(), other, "conn_1", kept)
    await unreadable(make(), acme, "conn_2", kept)
    theirs = await store.keep(other, "freshdesk", "conn_1", SECOND)
    await store.forget("acme", "freshdesk", "conn_1")
    await store.erase("acme")
    assert await make().open(other, "freshdesk", "conn_1", theirs) == SECOND


async def test_forgetting_what_is_not_there_is_no_error(make: Make) -> None:
    store = make()
    await store.forget("acme", "freshdesk", "conn_9")
    assert await store.erase("acme") == 0


@pytest.fixture
def managed(secrets_client: AwsClient, tmp_path: str) -> ManagedSecrets:
    return ManagedSecrets(secrets_client, SealedSecrets(CIPHER), f"/test/{abs_name(str(tmp_path))}")


def names(client: AwsClient, managed: ManagedSecrets) -> list[str]:
    """What lies there, seen from outside."""
    listed = client.client.list_secrets(MaxResults=100)["SecretList"]
    return sorted(each["Name"] for each in listed if each["Name"].startswith(managed._prefix))


async def test_secrets_have_the_names_an_operator_looks_for_and_go_at_once(managed: ManagedSecrets, secrets_client: AwsClient) -> None:
    acme, twin = who(), who("acme-2")
    kept = await managed.keep(acme, "freshdesk", "conn_1", FIRST)
    await managed.keep(acme, "zendesk", "conn_2", SECOND)
    await managed.keep(twin, "freshdesk", "conn_1", SECOND)
    prefix = managed._prefix
    assert names(secrets_client, managed) == [f"{prefix}/acme-2/freshdesk", f"{prefix}/acme/freshdesk", f"{prefix}/acme/zendesk"]
    await managed.forget("acme", "freshdesk", "conn_1")
    await unreadable(managed, acme, "conn_1", kept)
    assert names(secrets_client, managed) == [f"{prefix}/acme-2/freshdesk", f"{prefix}/acme/zendesk"]
    assert await managed.erase("acme") == 1
    assert names(secrets_client, managed) == [f"{prefix}/acme-2/freshdesk"]
    again = await managed.keep(acme, "freshdesk", "conn_3", FIRST)
    assert await managed.open(acme, "freshdesk", "conn_3", again) == FIRST


async def test_keys_of_models_lie_beside_credentials_and_go_with_them(managed: ManagedSecrets, secrets_client: AwsClient) -> None:
    acme, prefix = who(), managed._prefix
    await managed.keep(acme, "freshdesk", "conn_1", FIRST)
    first, second = [await managed.keep(acme, KEPT_AS, f"provider_{number}", SECOND) for number in (1, 2)]
    assert names(secrets_client, managed) == [f"{prefix}/acme/freshdesk", f"{prefix}/acme/models"]
    await managed.forget("acme", KEPT_AS, "provider_1")
    with pytest.raises(AppError):
        await managed.open(acme, KEPT_AS, "provider_1", first)
    assert await managed.open(acme, KEPT_AS, "provider_2", second) == SECOND
    assert await managed.erase("acme") == 2
    assert names(secrets_client, managed) == []


async def test_what_was_sealed_before_is_opened_still_and_the_other_way_is_told(managed: ManagedSecrets) -> None:
    acme, sealed = who(), SealedSecrets(CIPHER)
    before = await sealed.keep(acme, "freshdesk", "conn_1", FIRST)
    assert await managed.open(acme, "freshdesk", "conn_1", before) == FIRST
    after = await managed.keep(acme, "freshdesk", "conn_1", SECOND)
    with pytest.raises(AppError, match="DESKLORE_SECRET_TYPE=aws") as refused:
        await sealed.open(acme, "freshdesk", "conn_1", after)
    assert refused.value.code is Code.SECRET_UNREADABLE


async def test_a_store_that_is_away_is_told(aws_url: str) -> None:
    away = AwsClient("secretsmanager", AwsPlace(region=REGION, endpoint_url="http://127.0.0.1:9", attempts=1))
    with pytest.raises(AppError) as refused:
        await ManagedSecrets(away, SealedSecrets(CIPHER)).keep(who(), "freshdesk", "conn_1", FIRST)
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert refused.value.retry_after
    assert "1234567" not in str(refused.value)
    await away.close()
