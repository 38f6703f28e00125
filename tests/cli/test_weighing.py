"""`desklore eval --calibrate` where vectors weigh that know no language: words alone do better, and are kept for the tenant."""

from pathlib import Path

import httpx
import pytest

from backend.cli.errors import Exit
from backend.cli.evaluate import SANDBOX_FOLDER
from tests.cli.conftest import OPERATOR_KEY, Desklore, World, started


def test_weights_that_are_proven_are_kept_by_language(
    world: World, desklore: Desklore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (SANDBOX_FOLDER / "queries.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    korean = [line for line in lines if '"language": "ko"' in line]
    # A stand-in's vectors do harm in Korean whatever the questions are; these are enough to prove it.
    korean = [line for line in korean if '"split": "dev"' in line][:30] + [line for line in korean if '"split": "test"' in line]
    (tmp_path / "queries.jsonl").write_text("".join(korean), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_bytes((SANDBOX_FOLDER / "qrels.tsv").read_bytes())
    hosts = ",".join(each.removeprefix("http://") for each in (world.sandbox.url, world.sandbox.attachments_url))
    given = {"DENSE_WEIGHT": "1", "OPERATOR_KEY": OPERATOR_KEY, "CONNECTOR_HOST_ALLOWLIST": hosts, "LOG_LEVEL": "WARNING"}
    with started(tmp_path, "up", "--port", "0", **{f"DESKLORE_{name}": value for name, value in given.items()}) as (_, told):
        url = told["url"]
        monkeypatch.setenv("DESKLORE_URL", url)
        keys = {
            name: desklore("tenants", "create", name, "--key", OPERATOR_KEY, "--json").document["api_key"] for name in ("weighing", "other")
        }
        monkeypatch.setenv("DESKLORE_API_KEY", keys["weighing"])
        words = ("connections", "add", "freshdesk", "hanbit.freshdesk.com", "--base-url", world.sandbox.url)
        assert desklore(*words, "--secret", f"api_key={world.sandbox.api_key}").code == Exit.OK
        assert desklore("sync").code == Exit.OK
        measured = desklore("eval", "--set", str(tmp_path), "--only", "hybrid", "--type", "article", "--calibrate")
        assert measured.code == Exit.OK, measured
        assert "better, and not by chance" in measured.out
        weights = {name: _weights(url, key) for name, key in keys.items()}
        assert weights["weighing"]["ko"]["dense"] < 1
        assert weights["other"] == {}


def _weights(url: str, key: str) -> dict[str, dict[str, float]]:
    answer = httpx.get(f"{url}/api/v1/search/calibration", headers={"Authorization": f"Bearer {key}"})
    found: dict[str, dict[str, float]] = answer.json()["weights"]
    return found
