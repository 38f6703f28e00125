"""Syncs from the command line: what they read, their lists page by page, and what models cost."""

from tests.cli.conftest import TICKETS, Desklore, World, connect


def test_a_sync_can_be_left_and_taken_up_again(world: World, company: str, desklore: Desklore) -> None:
    connection = connect(desklore, world)
    (run,) = desklore("sync", connection, "--limit", "3", "--detach", "--json").document["runs"]
    followed = desklore("sync", connection, "--json")
    assert followed.code == 0
    assert followed.document["runs"][0]["state"] == "completed"
    assert desklore("runs", "show", run["run_id"], "--json").document["state"] == "completed"
    assert desklore("runs", "cancel", run["run_id"], "--json").document["state"] == "completed"


def test_runs_and_failures_are_listed_page_by_page(world: World, company: str, desklore: Desklore) -> None:
    connection = connect(desklore, world)
    for _ in range(2):
        assert desklore("sync", connection, "--limit", "1").code == 0
    runs = desklore("runs", "list", "--all", "--json").document["items"]
    page = desklore("runs", "list", "--limit", "1", "--json").document
    assert (len(runs), page["items"]) == (2, runs[:1])
    assert desklore("runs", "list", "--limit", "1", "--after", page["next"], "--json").document == {"items": runs[1:], "next": None}
    for options in ((), ("--all",), (connection, "--limit", "1")):
        assert desklore("failures", "list", *options, "--json").document == {"items": [], "total": 0, "next": None}


def test_a_sync_reads_only_what_was_asked_for(world: World, company: str, desklore: Desklore) -> None:
    connection = connect(desklore, world)
    period = ("--since", "2020-01-01", "--until", "2020-02-01")
    wanted = ("--stream", "tickets", "--status", "open", "--status", "pending")
    (run,) = desklore("sync", connection, *period, *wanted, "--json").document["runs"]
    told = run["options"]
    assert (told["since"], told["until"]) == ("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z")
    assert (told["streams"], told["statuses"]) == (["tickets"], ["open", "pending"])
    assert (run["state"], run["counts"]["stored"]) == ("completed", 0), "nothing is as old"
    assert desklore("sync", connection, "--status", "poem").code == 2
    [estimate] = desklore("sync", connection, *wanted, "--dry-run", "--json").document["estimates"]
    assert estimate["listed"]["articles"] == 0


def test_usage_is_told_by_day_model_and_purpose_with_what_is_left(world: World, company: str, desklore: Desklore) -> None:
    nothing = desklore("usage", "--since", "2026-01-01", "--until", "2026-01-31")
    assert (nothing.code, "No model was called from 2026-01-01 to 2026-01-31." in nothing.out) == (0, True)
    assert "No budget is set." in nothing.out
    assert desklore("sync", connect(desklore, world)).code == 0
    assert desklore("budget", "set", "--daily-usd", "2.5", "--monthly-tokens", "1000").code == 0
    found = desklore("usage", "--json").document
    assert sum(row["usage"]["calls"] for row in found["items"]) == found["total"]["calls"] > 0
    assert found["budget"]["standing"]["left"] == {
        "daily_usd": 2.5,
        "monthly_usd": None,
        "daily_tokens": None,
        "monthly_tokens": 1000 - found["total"]["input_tokens"] - found["total"]["output_tokens"],
    }
    told = desklore("usage").out
    assert "offline" in told
    assert "in all" in told
    assert "Left of the budget: 2.5 of 2.5 US$ a day" in told
    assert desklore("usage", "--since", "yesterday").code == 2
    assert desklore("usage", "--since", "2026-02-01", "--until", "2026-01-01").code == 2


def test_a_dry_run_tells_and_starts_nothing(world: World, company: str, desklore: Desklore) -> None:
    connection = connect(desklore, world)
    told = desklore("sync", connection, "--dry-run").out
    assert "nothing is written" in told
    assert "no call to a provider" in told
    [estimate] = desklore("sync", "--dry-run", "--json").document["estimates"]
    assert 0 < estimate["listed"]["tickets"] <= TICKETS
    assert desklore("runs", "list", "--json").document["items"] == []
