"""Every route of the API, so that a test which walks them can't forget a new one."""

from fastapi.routing import APIRoute

from backend.api.app import ROUTERS

KEYLESS = {("GET", "/health"), ("GET", "/health/ready"), ("GET", "/health/live"), ("GET", "/metrics")}
KEYLESS |= {("POST", "/api/v1/webhooks/{platform}/{connection_id}")}


def all_routes() -> list[tuple[str, str]]:
    """(method, path template) of every route."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted((method, route.path) for route in routes for method in route.methods or ())
