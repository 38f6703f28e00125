"""`desklore webhooks`: registered over the helpdesk's API, found again, taken away; refused where there is no such API."""

from tests.cli.conftest import Desklore, World


def _connect(desklore: Desklore, *words: str) -> str:
    told = desklore("connections", "add", *words, "--json")
    assert told.code == 0, told
    return str(told.document["connection_id"])


def _registered(desklore: Desklore, connection: str) -> bool:
    shown = desklore("connections", "list", "--json").document["items"]
    (found,) = [each for each in shown if each["connection_id"] == connection]
    return bool(found["webhook"] and found["webhook"]["registered"])


def test_a_webhook_is_registered_found_again_and_removed(world: World, company: str, desklore: Desklore) -> None:
    zendesk = world.sandbox.beside
    assert zendesk is not None
    secrets = ("--secret", f"email={zendesk.email}", "--secret", f"api_token={zendesk.api_key}")
    connection = _connect(desklore, "zendesk", "hanbit.zendesk.com", "--base-url", zendesk.url, *secrets)
    assert not _registered(desklore, connection)
    made = desklore("webhooks", "register", connection, "--json")
    assert made.code == 0, made
    document = made.document
    assert (document["platform"], document["url"]) == ("zendesk", f"{world.url}/api/v1/webhooks/zendesk/{connection}")
    assert _registered(desklore, connection)
    again = desklore("webhooks", "register", connection)
    assert f"zendesk calls {document['url']} (webhook {document['webhook_id']}" in again.out, "none is made a second time"
    removed = desklore("webhooks", "remove", connection)
    assert (removed.code, removed.out) == (0, f"The webhooks of {connection} are believed no more.\n")
    assert not _registered(desklore, connection)


def test_who_has_no_such_api_or_no_such_connection_is_told(world: World, company: str, desklore: Desklore) -> None:
    secret = ("--secret", f"api_key={world.sandbox.api_key}")
    connection = _connect(desklore, "freshdesk", "hanbit.freshdesk.com", "--base-url", world.sandbox.url, *secret)
    refused = desklore("webhooks", "register", connection, "--json")
    assert refused.code == 2
    assert refused.document["error"]["code"] == "invalid_request"
    for order in ("register", "remove"):
        nowhere = desklore("webhooks", order, "conn_nowhere", "--json")
        assert (nowhere.code, nowhere.document["error"]["code"]) == (3, "connection_not_found")
