"""The commands against a running server and a sandbox helpdesk: what they print, and how they end."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DOMAIN, TICKETS, Desklore, World, connect


def test_a_company_is_onboarded_listed_and_erased(world: World, desklore: Desklore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLORE_OPERATOR_KEY", world.operator_key)
    made = desklore("tenants", "create", "erased-co", "--name", "지워질 회사", "--json").document
    assert (made["company_id"], made["name"]) == ("erased-co", "지워질 회사")
    assert made["api_key"].startswith("dk_")
    again = desklore("tenants", "create", "erased-co")
    assert (again.code, again.out) == (1, "")
    assert "erased-co" in again.err
    assert "지워질 회사" in desklore("tenants", "list").out
    assert desklore("tenants", "show", "erased-co", "--json").document["name"] == "지워질 회사"
    assert desklore("tenants", "delete", "erased-co", "--yes", "--json").document["company_id"] == "erased-co"
    assert desklore("tenants", "show", "erased-co").code == 3
    assert desklore("runs", "list", "--key", made["api_key"]).code == 4


def test_a_tenant_key_is_no_operator_key(company: str, desklore: Desklore, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = desklore("tenants", "list", "--key", "dk_0123456789_0123456789012345678901234567890123456789012", "--json")
    assert listed.code == 4
    assert listed.document["error"]["code"] == "unauthenticated"


def test_a_company_without_documents_is_told_what_fills_it(company: str, desklore: Desklore) -> None:
    for words in (("ask", "환불은 언제 되나요?"), ("search", "refund")):
        done = desklore(*words)
        assert (done.code, "desklore connections add" in done.out) == (0, True), done.err


def test_masking_is_switched_off_and_on(company: str, desklore: Desklore) -> None:
    assert "Masking is on" in desklore("settings", "show").out
    assert desklore("settings", "masking", "off", "--json").document["masking"] is False
    assert "Masking is off" in desklore("settings", "show").out
    assert (
        "sent as they are: email, phone, card, iban" in desklore("settings", "masking", "on", "--kinds", "rrn, account,passport,person").out
    )
    assert desklore("settings", "masking", "on", "--kinds", "shoes").code == 2
    assert "as they are" not in desklore("settings", "masking", "on", "--kinds", "all").out
    assert desklore("settings", "masking", "perhaps").code == 2


def test_the_master_key_rotates(company: str, world: World, desklore: Desklore) -> None:
    assert desklore("keys", "rotate").code == 4, "a tenant's key may not"
    state = desklore("keys", "rotate", "--check", "--key", world.operator_key, "--json").document
    assert state["tenants"] >= 1
    assert state["left"] == 0
    done = desklore("keys", "rotate", "--key", world.operator_key, "--json").document
    assert (done["rewrapped"], done["left"], done["failed"]) == (0, 0, [])
    assert "take it away" in desklore("keys", "rotate", "--key", world.operator_key).out


def test_the_audit_log_is_listed_by_who_and_what(company: str, desklore: Desklore) -> None:
    made = [desklore("keys", "create", f"상담 {n}", "--role", "agent", "--json").document["key_id"] for n in range(3)]
    page = desklore("audit", "list", "--action", "key.create", "--since", "2026-01-01", "--limit", "2", "--json").document
    assert [each["target"] for each in page["items"]] == made[:0:-1]
    following = desklore("audit", "list", "--action", "key.create", "--after", page["next"], "--limit", "1")
    assert made[0] in following.out
    assert "--after" in desklore("audit", "list", "--limit", "1").err
    assert "No entries" in desklore("audit", "list", "--actor", "token:없음").out
    assert desklore("audit", "list", "--until", "yesterday").code == 2


def test_keys_are_made_listed_and_revoked(company: str, desklore: Desklore) -> None:
    made = desklore("keys", "create", "sidebar", "--role", "agent", "--json").document
    assert made["role"] == "agent"
    assert desklore("runs", "list", "--key", made["api_key"]).code == 0
    assert desklore("keys", "create", "more", "--key", made["api_key"]).code == 4
    assert "sidebar" in desklore("keys", "list").out
    assert made["api_key"] not in desklore("keys", "list", "--json").out
    assert desklore("keys", "revoke", made["key_id"]).code == 0
    revoked = desklore("runs", "list", "--key", made["api_key"], "--json")
    assert (revoked.code, revoked.document["error"]["code"]) == (4, "key_revoked")
    assert desklore("keys", "revoke", "key_none").code == 3


def test_keys_can_sign_and_be_restricted(company: str, desklore: Desklore) -> None:
    made = desklore("keys", "create", "night", "--signing-only", "--group", "결제팀", "--group", "freshdesk:42", "--json").document
    assert (made["api_key"], made["groups"], made["signs"]) == (None, ["결제팀", "freshdesk:42"], True)
    assert made["signing_secret"] not in desklore("keys", "list", "--json").out
    assert "결제팀" in desklore("keys", "list").out
    told = desklore("keys", "create", "both", "--signing").out
    assert "dk_" in told
    assert "to sign with: dks_" in told
    restricted = desklore("keys", "create", "team", "--group", "결제팀", "--json").document
    assert desklore("runs", "list", "--key", restricted["api_key"]).code == 4
    assert restricted["unknown_groups"] == ["결제팀"]
    assert "in a group 결제팀" in desklore("keys", "create", "team", "--group", "결제팀").err
    assert desklore("keys", "create", "boss", "--role", "admin", "--group", "결제팀").code == 2


def test_login_with_the_helpdesks_credentials_is_switched_on_and_off(company: str, desklore: Desklore) -> None:
    assert "credentials is off" in desklore("settings", "show").out
    assert desklore("settings", "helpdesk-login", "on", "--json").document["helpdesk_login"] is True
    assert "credentials is on" in desklore("settings", "show").out
    assert "credentials is off" in desklore("settings", "helpdesk-login", "off").out


def test_a_wrong_helpdesk_key_is_the_helpdesks_word(
    world: World, company: str, desklore: Desklore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = desklore("connections", "check", "freshdesk", DOMAIN, "--base-url", world.sandbox.url, "--secret", "api_key=wrong", "--json")
    assert (told.code, told.document["error"]["code"]) == (6, "source_credentials_rejected")
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped-and-wrong\n"))
    piped = desklore("connections", "check", "freshdesk", DOMAIN, "--base-url", world.sandbox.url, "--json")
    assert (piped.code, piped.document["error"]["code"]) == (6, "source_credentials_rejected")
    elsewhere = desklore("connections", "add", "freshdesk", DOMAIN, "--base-url", "http://10.0.0.1", "--secret", "api_key=x", "--json")
    assert (elsewhere.code, elsewhere.document["error"]["code"]) == (2, "host_not_allowed")
    assert desklore("connections", "list", "--json").document == {"items": []}


def test_connect_sync_ask_and_look(world: World, company: str, desklore: Desklore, tmp_path: Path) -> None:
    """The whole trip of one company, as the README tells it."""
    assert desklore("sync").code == 3
    connection = connect(desklore, world)
    assert "agents" in desklore("connections", "check", "freshdesk", DOMAIN, "--base-url", world.sandbox.url, "--secret",
                                f"api_key={world.sandbox.api_key}").out  # fmt: skip

    first = desklore("sync")
    assert first.code == 0, first
    assert "completed" in first.out
    (again,) = desklore("sync", connection, "--full", "--json").document["runs"]
    assert (again["state"], again["counts"]["stored"]) == ("completed", 0)
    assert again["counts"]["unchanged"] >= TICKETS // 2

    runs = desklore("runs", "list", "--json").document["items"]
    assert [run["state"] for run in runs] == ["completed", "completed"]
    assert desklore("runs", "show", runs[0]["run_id"], "--follow").code == 0
    assert desklore("failures", "list", "--json").code == 0

    page = desklore("documents", "list", "--type", "ticket", "--limit", "5", "--json").document
    assert len(page["items"]) == 5
    assert page["next"]
    shown = desklore("documents", "show", page["items"][0]["document_id"])
    assert page["items"][0]["title"] in shown.out
    assert desklore("documents", "show", "none").code == 3
    ticket = page["items"][0]["original_id"]
    assert f"#{ticket}" in desklore("ticket", ticket).out
    assert desklore("ticket", "999999999").code == 3

    title = page["items"][0]["title"]
    answer = desklore("ask", title, "--json").document
    assert answer["question"] == title
    assert answer["grounded"] is bool(answer["citations"])
    told = desklore("ask", title)
    assert told.code == 0
    assert answer["text"].split()[0] in told.out
    if answer["citations"]:
        assert "[1] " in told.out
    assert desklore("feedback", "list", "--rating", "down", "--json").document == {"items": [], "next": None}
    assert "No feedback" in desklore("feedback", "list").out
    assert desklore("feedback", "list", "--rating", "sideways").code == 2

    _draft_and_edit(desklore, ticket)

    exported = desklore("documents", "export", str(tmp_path / "out"), "--json").document
    files = list((tmp_path / "out").rglob("*.json"))
    assert len(files) == exported["documents"] > TICKETS // 2
    assert json.loads(files[0].read_bytes())["document_id"]

    for often in (["--every", "1m"], ["--every", "30s"], ["--cron", "* * * * *"]):
        refused = desklore("connections", "schedule", connection, *often)
        assert (refused.code, "5 minutes" in refused.err or "5m" in refused.err) == (2, True), refused.err
    assert desklore("connections", "schedule", connection, "--every", "5m").code == 0
    assert desklore("connections", "pause", connection).code == 0
    assert desklore("sync", connection).code == 1
    assert desklore("connections", "resume", connection).code == 0
    assert desklore("connections", "rotate", connection, "--secret", "api_key=wrong").code == 6
    gone = desklore("connections", "delete", connection, "--yes", "--json").document
    assert gone["documents"] == exported["documents"]


def _draft_and_edit(desklore: Desklore, ticket: str) -> None:
    """A reply in a tone and language, and drafts said differently."""
    draft = desklore("reply", ticket, "--tone", "formal", "--length", "short", "--language", "ko", "--json").document
    assert (draft["tone"], draft["length"], draft["language"], draft["ticket_id"]) == ("formal", "short", "ko", ticket)
    assert draft["text"].startswith("안녕하십니까")
    told = desklore("reply", ticket, "--language", "en")
    assert told.code == 0
    assert told.out.startswith(("Hi ", "Hello "))
    assert desklore("reply", "999999999").code == 3
    assert desklore("reply", ticket, "--tone", "rude").code == 2

    formal = desklore("rewrite", "tone", "안녕하세요. 확인해 주세요.", "--tone", "formal")
    assert (formal.code, formal.out.strip()) == (0, "안녕하십니까. 확인해 주십시오.")
    needed = desklore("rewrite", "translate", "안녕하세요.", "--language", "en", "--json")
    assert (needed.code, needed.document["error"]["code"]) == (2, "language_model_needed")


def test_no_secret_is_in_the_log(world: World) -> None:
    text = world.log.getvalue()
    assert "http_request" in text
    assert world.operator_key not in text
    assert world.sandbox.api_key not in text


def test_a_budget_is_set_shown_and_cleared(world: World, company: str, desklore: Desklore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desklore("budget", "set", "--daily-usd", "2.5", "--monthly-tokens", "900000", "--json").document["waiting_documents"] == 0
    shown = desklore("budget", "show").out
    assert "US$ a day" in shown
    assert "2.5" in shown
    assert "900,000" in shown
    monkeypatch.setenv("DESKLORE_OPERATOR_KEY", world.operator_key)
    operators = desklore("budget", "set", "--company", company, "--daily-usd", "1", "--json").document
    assert operators["standing"]["limits"]["daily_usd"] == 1
    assert desklore("budget", "clear", "--json").document["standing"]["limits"]["daily_usd"] == 1
    assert desklore("budget", "show", "--company", "nobody").code == 3


def test_summarizing_anew_shows_count_and_price_first(world: World, company: str, desklore: Desklore) -> None:
    told = desklore("documents", "resummarize")
    assert (told.code, "0 tickets are not summarized by offline:" in told.out) == (0, True)
    assert desklore("documents", "resummarize", "--json").document["started"] is False


def test_a_rebuild_tells_what_would_change_and_what_did(world: World, company: str, desklore: Desklore) -> None:
    connection = connect(desklore, world)
    assert desklore("sync", connection).code == 0
    told = desklore("documents", "rebuild", connection, "--dry-run")
    assert told.code == 0, told
    assert "would change 0" in told.out
    assert "nothing was written" in told.out
    [run] = desklore("documents", "rebuild", "--json").document["runs"]
    assert (run["state"], run["options"]["mode"], run["counts"]["stored"]) == ("completed", "rebuild", 0)
    assert run["rebuilt"]["changed"] == 0
    missing = desklore("documents", "rebuild", "conn_none", "--json")
    assert (missing.code, missing.document["error"]["code"]) == (3, "connection_not_found")
