"""The paths, one module a noun; who may call a route stands in its signature (`api/deps.py`)."""

from fastapi import Response

from backend.core.model.sync import Run

API = "/api/v1"


def started(run: Run, response: Response) -> Run:
    """What a route that starts a run answers with: the run, and the address at which it is watched."""
    response.headers["Location"] = f"{API}/runs/{run.run_id}"
    return run
