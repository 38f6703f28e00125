"""A Qdrant server as far as Desklore uses one: its REST API over HTTP, the engine being the client's own in-memory mode.

No server can be installed where these tests run. What goes over the wire is checked by the client's own models in both
directions, so that a request or an answer of another shape fails here as it would there. A suite against a real one runs
where QDRANT_URL is set. https://api.qdrant.tech/api-reference
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter
from qdrant_client import AsyncQdrantClient, models

T = TypeVar("T", bound=BaseModel)
KEY = "qdrant-test-key-3a7f"


class QdrantDouble:
    """The server and its knobs."""

    def __init__(self) -> None:
        self.engine = AsyncQdrantClient(":memory:")
        self.fail_with: int | None = None
        self.requests: list[str] = []
        self.app = FastAPI()
        self.app.middleware("http")(self._guarded)
        self.app.exception_handler(ValueError)(self._refused)
        for method, path, handler in self._routes():
            self.app.add_api_route(path, handler, methods=[method], response_model=None)

    async def _guarded(self, request: Request, following: Callable[[Request], Awaitable[Any]]) -> Any:
        self.requests.append(f"{request.method} {request.url.path}")
        if request.headers.get("api-key") != KEY:
            return JSONResponse({"status": {"error": "Invalid API key or JWT"}, "time": 0.0}, 401)
        if self.fail_with is not None:
            return JSONResponse({"status": {"error": "Service internal error"}, "time": 0.0}, self.fail_with)
        return await following(request)

    async def _refused(self, _request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"status": {"error": str(error)}, "time": 0.0}, 404 if "not found" in str(error) else 400)

    def _routes(self) -> list[tuple[str, str, Callable[[Request], Awaitable[JSONResponse]]]]:
        one = "/collections/{name}"
        return [
            ("GET", "/collections", self._list),
            ("GET", "/aliases", self._aliases),
            ("POST", "/collections/aliases", self._change_aliases),
            ("PUT", one, self._create),
            ("GET", one, self._info),
            ("DELETE", one, self._drop),
            ("GET", f"{one}/exists", self._exists),
            ("PUT", f"{one}/index", self._index),
            ("PUT", f"{one}/points", self._upsert),
            ("POST", f"{one}/points", self._retrieve),
            ("POST", f"{one}/points/delete", self._delete),
            ("POST", f"{one}/points/query/batch", self._query),
            ("POST", f"{one}/points/query", self._query_one),
            ("POST", f"{one}/points/count", self._count),
            ("POST", f"{one}/points/scroll", self._scroll),
            ("POST", f"{one}/facet", self._facet),
        ]

    async def _list(self, _request: Request) -> JSONResponse:
        return _ok(await self.engine.get_collections())

    async def _aliases(self, _request: Request) -> JSONResponse:
        return _ok(await self.engine.get_aliases())

    async def _change_aliases(self, request: Request) -> JSONResponse:
        body = await _body(request, models.ChangeAliasesOperation)
        return _ok(await self.engine.update_collection_aliases(body.actions))

    async def _create(self, request: Request) -> JSONResponse:
        body = await _body(request, models.CreateCollection)
        made = await self.engine.create_collection(
            request.path_params["name"],
            vectors_config=body.vectors,
            sparse_vectors_config=body.sparse_vectors,
            metadata=body.metadata,
        )
        return _ok(made)

    async def _info(self, request: Request) -> JSONResponse:
        return _ok(await self.engine.get_collection(request.path_params["name"]))

    async def _drop(self, request: Request) -> JSONResponse:
        return _ok(await self.engine.delete_collection(request.path_params["name"]))

    async def _exists(self, request: Request) -> JSONResponse:
        return _ok({"exists": await self.engine.collection_exists(request.path_params["name"])})

    async def _index(self, request: Request) -> JSONResponse:
        body = await _body(request, models.CreateFieldIndex)
        assert body.field_schema is not None
        return _ok(_done())

    async def _upsert(self, request: Request) -> JSONResponse:
        body = await _body(request, models.PointsList)
        return _ok(await self.engine.upsert(request.path_params["name"], body.points))

    async def _retrieve(self, request: Request) -> JSONResponse:
        body = await _body(request, models.PointRequest)
        found = await self.engine.retrieve(
            request.path_params["name"], body.ids, with_payload=body.with_payload or False, with_vectors=body.with_vector or False
        )
        return _ok(found)

    async def _delete(self, request: Request) -> JSONResponse:
        body = await _body(request, models.FilterSelector)
        return _ok(await self.engine.delete(request.path_params["name"], models.FilterSelector(filter=body.filter)))

    async def _query(self, request: Request) -> JSONResponse:
        body = await _body(request, models.QueryRequestBatch)
        return _ok(await self.engine.query_batch_points(request.path_params["name"], body.searches))

    async def _query_one(self, request: Request) -> JSONResponse:
        body = await _body(request, models.QueryRequest)
        (found,) = await self.engine.query_batch_points(request.path_params["name"], [body])
        return _ok(found)

    async def _count(self, request: Request) -> JSONResponse:
        body = await _body(request, models.CountRequest)
        return _ok(await self.engine.count(request.path_params["name"], body.filter, exact=body.exact or False))

    async def _scroll(self, request: Request) -> JSONResponse:
        body = await _body(request, models.ScrollRequest)
        records, following = await self.engine.scroll(
            request.path_params["name"],
            body.filter,
            limit=body.limit or 10,
            offset=body.offset,
            with_payload=body.with_payload or False,
            with_vectors=body.with_vector or False,
        )
        return _ok({"points": _plain(records), "next_page_offset": following})

    async def _facet(self, request: Request) -> JSONResponse:
        body = await _body(request, models.FacetRequest)
        found = await self.engine.facet(
            request.path_params["name"], body.key, body.filter, limit=body.limit or 10, exact=body.exact or False
        )
        return _ok(found)


def _done() -> dict[str, Any]:
    return {"operation_id": 0, "status": "completed"}


async def _body(request: Request, kind: type[T]) -> T:
    return TypeAdapter(kind).validate_json(await request.body())


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _ok(result: Any) -> JSONResponse:
    return JSONResponse({"result": _plain(result), "status": "ok", "time": 0.001})
