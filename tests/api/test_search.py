"""Search over HTTP: hits with their reasons, rankings to compare, thresholds of a tenant's own."""

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import article_id

pytestmark = pytest.mark.usefixtures("searchable")

QUERY = {"query": "환불은 영업일 기준 며칠 안에 처리됩니까?"}
THRESHOLDS = {"min_support": 3.9, "kept": 0.95, "refused": 0.7, "questions": 124}


async def test_hits_tell_why(client_as: As) -> None:
    found = (await client_as(Role.MEMBER).post("/api/v1/search", json=QUERY)).json()
    first = found["hits"][0]
    assert first["document_id"] == article_id("acme", "7")
    why = first["why"]
    assert "환불은" in why["matched"]
    assert not set(why["matched"]) & set(why["missing"])
    assert (why["sparse_rank"], why["dense_rank"], why["feedback"]) == (1, None, 0.0)
    assert why["support"] == found["support"] > 0
    assert found["answerable"]
    assert all("비밀" not in hit["chunk"]["text"] for hit in found["hits"])


async def test_a_thumb_is_told_and_can_be_left_out(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    thumb = {"document_id": article_id("acme", "7"), "query": QUERY["query"], "rating": "up"}
    assert (await agent.post("/api/v1/feedback", json=thumb)).status_code == 201
    why = (await agent.post("/api/v1/search", json=QUERY)).json()["hits"][0]["why"]
    assert (why["feedback"], why["votes"]) == (pytest.approx(0.0375, abs=0.001), 1)
    without = (await agent.post("/api/v1/search", json=QUERY | {"ranking": {"feedback": False}})).json()["hits"][0]
    assert (without["why"]["votes"], without["score"] < 1) == (0, True)
    bravo = (await client_as(Role.AGENT, "bravo").post("/api/v1/search", json=QUERY)).json()["hits"][0]["why"]
    assert bravo["votes"] == 0


async def test_dense_vectors_must_be_there_to_be_asked_for(client_as: As) -> None:
    member = client_as(Role.MEMBER)
    for ranking, word in (({"dense_weight": 1.0}, "DESKLORE_DENSE_WEIGHT"), ({"sparse_weight": 0.0}, "Both weights are 0")):
        refused = await member.post("/api/v1/search", json=QUERY | {"ranking": ranking})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
        assert word in refused.json()["error"]["message"]


async def test_internal_things_are_for_those_who_may(client_as: As) -> None:
    asked = QUERY | {"filters": {"visibilities": ["internal"]}}
    assert (await client_as(Role.MEMBER).post("/api/v1/search", json=asked)).status_code == 403
    assert (await client_as(Role.AGENT).post("/api/v1/search", json=asked)).status_code == 200


async def test_nonsense_lists_nothing(client_as: As) -> None:
    found = (await client_as(Role.AGENT).post("/api/v1/search", json={"query": "quantum giraffe trombone"})).json()
    assert (found["hits"], found["answerable"]) == ([], False)


async def test_a_tenant_s_own_thresholds(client_as: As) -> None:
    admin, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    before = (await admin.get("/api/v1/search/calibration")).json()
    assert (before["min_support"], before["questions"]) == (0.6, 0)
    kept = (await admin.put("/api/v1/search/calibration", json=THRESHOLDS | {"weights": {"ko": {"dense": 0.25, "sparse": 1}}})).json()
    assert kept["weights"] == {"ko": {"dense": 0.25, "sparse": 1.0}}
    assert {name: kept[name] for name in THRESHOLDS} == THRESHOLDS
    assert not (await admin.post("/api/v1/search", json=QUERY)).json()["answerable"]
    assert (await bravo.post("/api/v1/search", json=QUERY)).json()["answerable"]
    assert (await bravo.get("/api/v1/search/calibration")).json()["questions"] == 0
    assert (await bravo.get("/api/v1/search/calibration")).json()["weights"] == {}
    for weights, word in (({"ko": {"dense": 0, "sparse": 0}}, "Both weights are 0"), ({"Korean": {"dense": 1, "sparse": 1}}, "Korean")):
        refused = await admin.put("/api/v1/search/calibration", json=THRESHOLDS | {"weights": weights})
        assert (refused.status_code, word in refused.text) == (422, True)
    assert (await client_as(Role.MEMBER).put("/api/v1/search/calibration", json=THRESHOLDS)).status_code == 403
    assert (await admin.delete("/api/v1/search/calibration")).status_code == 204
    assert (await admin.post("/api/v1/search", json=QUERY)).json()["answerable"]
