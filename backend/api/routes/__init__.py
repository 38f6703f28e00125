"""The paths, one module a noun; who may call a route stands in its signature (`api/deps.py`)."""

API = "/api/v1"
