"""A Zendesk from the command line: its two kinds of credential, asked for, piped and named."""

import io
import sys

import pytest

from tests.cli.conftest import Desklore, World

DOMAIN = "hanbit.zendesk.com"


def test_a_zendesk_is_connected_checked_and_given_another_token(
    world: World, company: str, desklore: Desklore, monkeypatch: pytest.MonkeyPatch
) -> None:
    zendesk = world.sandbox.beside
    assert zendesk is not None
    place = ("zendesk", DOMAIN, "--base-url", zendesk.url)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{zendesk.api_key}\n"))
    told = desklore("connections", "add", *place, "--secret", f"email={zendesk.email}")
    assert told.code == 0, told
    assert "yes tickets" in told.out
    assert zendesk.api_key not in told.out + told.err
    (connection,) = desklore("connections", "list", "--json").document["items"]
    assert (connection["platform"], connection["domain"]) == ("zendesk", DOMAIN)
    rotated = desklore("connections", "rotate", connection["connection_id"], "--secret", f"oauth_token={zendesk.oauth_token}", "--json")
    assert rotated.code == 0, rotated
    ended = desklore("sync", connection["connection_id"], "--limit", "3", "--json")
    assert ended.code == 0, ended


def test_what_is_missing_is_said(world: World, company: str, desklore: Desklore, monkeypatch: pytest.MonkeyPatch) -> None:
    zendesk = world.sandbox.beside
    assert zendesk is not None
    place = ("zendesk", DOMAIN, "--base-url", zendesk.url)
    monkeypatch.setattr(sys, "stdin", io.StringIO("token\n"))
    nobody = desklore("connections", "check", *place, "--json")
    assert (nobody.code, "email" in nobody.document["error"]["message"]) == (2, True)
    wrong = desklore("connections", "check", *place, "--secret", f"email={zendesk.email}", "--secret", "api_token=wrong", "--json")
    assert (wrong.code, wrong.document["error"]["code"]) == (6, "source_credentials_rejected")
