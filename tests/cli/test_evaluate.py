"""`desklore search` and `desklore eval` against a running server."""

import json
from pathlib import Path

import pytest

from backend.cli.errors import Exit
from tests.cli.conftest import Desklore, World


def _synced(world: World, desklore: Desklore) -> None:
    words = ("connections", "add", "freshdesk", "hanbit.freshdesk.com", "--base-url", world.sandbox.url)
    added = desklore(*words, "--secret", f"api_key={world.sandbox.api_key}")
    assert added.code == Exit.OK, added
    assert desklore("sync").code == Exit.OK


@pytest.mark.usefixtures("company")
def test_a_synced_company_is_searched_and_measured(world: World, desklore: Desklore, tmp_path: Path) -> None:
    _synced(world, desklore)
    found = desklore("search", "비밀번호 재설정 메일이 오지 않아요", "--type", "article", "--why", "--top", "3")
    assert found.code == Exit.OK
    assert "BM25" in found.out
    hits = desklore("search", "비밀번호 재설정 메일이 오지 않아요", "--type", "article", "--since", "2020-01-01", "--json").document["hits"]
    assert {hit["doc_type"] for hit in hits} == {"article"}
    assert "비밀번호" in hits[0]["why"]["matched"]
    measured = desklore("eval", "--split", "test", "--language", "ko", "--type", "article", "--runs", str(tmp_path / "runs"), "--json")
    told = {one["name"]: one for one in measured.document["configurations"]}
    assert "DESKLORE_DENSE_WEIGHT" in told["dense"]["unavailable"]
    assert told["sparse"]["queries"] == 42
    assert told["sparse"]["measures"]["hit@10"]["mean"] > 0.5
    assert measured.document["out_of_scope"][0]["auc"] > 0.7
    assert (tmp_path / "runs" / "sparse.run").read_text(encoding="utf-8").startswith("ko-test-login-sso-loop Q0 article:")
    table = desklore(
        "eval", "--split", "test", "--type", "article", "--only", "hybrid", "--only", "hybrid+feedback", "--give-thumbs", "dev"
    )
    assert table.code == Exit.OK
    assert "hybrid+feedback - hybrid" in table.out
    kept = desklore("eval", "--only", "hybrid", "--calibrate", "--json")
    assert (kept.code, kept.document["weights"]) == (Exit.OK, []), "there are no vectors to weigh"


@pytest.mark.usefixtures("company")
def test_a_set_of_ones_own(desklore: Desklore, tmp_path: Path) -> None:
    missing = desklore("eval", "--set", str(tmp_path))
    assert (missing.code, "queries.jsonl" in missing.err) == (Exit.USAGE, True)
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "환불"}), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("q\tticket:1\t1\n", encoding="utf-8")
    measured = desklore("eval", "--set", str(tmp_path), "--only", "sparse", "--json").document
    assert (measured["configurations"][0]["queries"], measured["out_of_scope"]) == (1, [])
    assert desklore("eval", "--only", "magic").code == Exit.USAGE
    assert desklore("eval", "--set", str(tmp_path), "--only", "sparse", "--calibrate").code == Exit.USAGE
