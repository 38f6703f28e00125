"""An installation's index moves from its folder to a Qdrant server: nothing is embedded again, two companies stay apart."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.cli.test_moving import ROOT
from tests.e2e.trip import Trip, running_trip
from tests.support.openai_server import KEY as MODEL_KEY
from tests.support.openai_server import OpenAIServer
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY

QUESTION = "비밀번호 재설정 메일이 오지 않아요"


async def move(data: Path, url: str) -> dict[str, Any]:
    """The command as an operator gives it, with only a data folder and a Qdrant: no model is asked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    environment |= {"PYTHONPATH": str(ROOT), "DESKLORE_DATA_DIR": str(data), "DESKLORE_QDRANT_URL": url, "DESKLORE_QDRANT_API_KEY": KEY}
    words = [sys.executable, "-m", "backend.cli", "index", "move", "--from", "embedded", "--to", "shared", "--json"]
    process = await asyncio.create_subprocess_exec(*words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    told: dict[str, Any] = json.loads(out or err)
    return told | {"code": process.returncode}


async def found(trip: Trip, keys: dict[str, str]) -> dict[str, set[str]]:
    """Not the ranks: the embedded engine's term statistics lag behind what was replaced (tests/storage/qdrant/test_move.py has them)."""
    hits = {name: (await trip.tenant(name, key).post("/search", {"query": QUESTION, "top_k": 50}))["hits"] for name, key in keys.items()}
    return {name: {hit["document_id"] for hit in its} for name, its in hits.items()}


async def test_from_the_folder_into_a_shared_collection(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with OpenAIServer() as model:
        embed = {"embed_model": "openai:test-embed", "openai_api_key": MODEL_KEY, "openai_base_url": model.base_url}
        # What pictures say comes later, and would then be work that is left.
        embed |= {"attachment_max_bytes": "1", "embed_dimension": str(model.dimension)}
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox, doubled() as (url, _):
            async with running_trip(data, **embed) as trip:
                tenants = [await trip.onboard(name) for name in ("acme", "bravo")]
                for tenant in tenants:
                    await tenant.connect(sandbox)
                    await tenant.sync()
                await trip.onboard("empty")
                keys = {name: tenant.api_key for name, tenant in zip(("acme", "bravo"), tenants, strict=True)}
                before = await found(trip, keys)
                refused = await move(data, url)
                assert (refused["code"], refused["error"]["code"]) == (1, "index_unavailable"), "it runs, and holds the folder"
            moved = await move(data, url)
            assert moved["code"] == 0, moved
            assert [one["company_id"] for one in moved["companies"]][:2] == ["acme", "bravo"]
            assert all(one["written"] == one["documents"] > 0 for one in moved["companies"][:2])
            assert [one["written"] for one in (await move(data, url))["companies"]][:2] == [0, 0]
            asked = len(model.asked("/v1/embeddings"))
            there = {"vector_type": "server", "vector_layout": "shared", "qdrant_url": url, "qdrant_api_key": KEY}
            async with running_trip(data, **embed, **there) as trip:
                async with trip.runtime.services.database.directory() as directory:
                    assert await directory.unfinished() == [], "the index was found whole, so nothing has to be made anew"
                assert await found(trip, keys) == before
            questions = model.asked("/v1/embeddings")[asked:]
            assert [body["input"] for body in questions] == [[QUESTION]] * len(questions), "no text of a document was embedded again"
            assert not before["acme"] & before["bravo"]
