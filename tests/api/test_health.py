"""Health, readiness and metrics, without a key."""

import pytest

from backend.core.model.tenant import Role
from backend.storage.qdrant.collections import shard_folder
from tests.api.conftest import As
from tests.api.house import House


async def test_live_and_ready(client_as: As) -> None:
    anyone = client_as(None)
    assert (await anyone.get("/health/live")).json()["status"] == "ok"
    ready = await anyone.get("/health/ready")
    assert ready.status_code == 200
    found = {each["name"]: each for each in ready.json()["dependencies"]}
    assert {"database", "index", "model:summarize", "model:embed", "queue", "disk"} <= set(found)
    assert found["model:generate"]["detail"].startswith("offline/")
    assert found["database"]["state"] == found["index"]["state"] == "ok"
    assert (await anyone.get("/health")).json()["dependencies"][0] == found["database"]


async def test_not_ready_without_a_database(house: House, client_as: As) -> None:
    for file in house.data_dir.glob("desklore.sqlite*"):
        file.unlink()
    (house.data_dir / "desklore.sqlite").mkdir()
    down = await client_as(None).get("/health/ready")
    assert down.status_code == 503
    assert down.json()["error"]["code"] == "storage_unavailable"
    states = {each["name"]: each["state"] for each in down.json()["error"]["details"]["dependencies"]}
    assert states["database"] == "down"
    assert (await client_as(None).get("/health/live")).status_code == 200


@pytest.mark.parametrize(("damaged", "status"), [(["acme"], 200), (["acme", "bravo"], 503)])
async def test_one_companys_damaged_index_takes_nobody_elses_away(house: House, client_as: As, damaged: list[str], status: int) -> None:
    for company_id in damaged:
        folder = shard_folder(house.data_dir / "index", company_id, house.services.indexes.makers)
        folder.mkdir(parents=True)
        (folder / "edge_config.json").write_bytes(b"\xff")
    ready = await client_as(None).get("/health/ready")
    assert ready.status_code == status, ready.text
    assert status == 200 or ready.json()["error"]["code"] == "index_unavailable"


async def test_metrics_name_no_tenant(client_as: As) -> None:
    await client_as(Role.ADMIN).get("/api/v1/documents/some-id")
    response = await client_as(None).get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    line = 'desklore_http_requests_total{method="GET",route="/api/v1/documents/{document_id}",status="404"} 1.0'
    assert line in response.text
    assert "acme" not in response.text
