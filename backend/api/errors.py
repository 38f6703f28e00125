"""Our errors as HTTP: the only place that turns a kind of failure into a status and a body."""

from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from math import ceil
from typing import Any, Final, TypeVar

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core import clock
from backend.core.errors import SPECS, AppError, Code, Kind

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

STATUS: Final[dict[Kind, int]] = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.RATE_LIMITED: 429,
    Kind.UPSTREAM: 502,
    Kind.UNAVAILABLE: 503,
    Kind.INTERNAL: 500,
}
SPECIAL_STATUS: Final[dict[Code, int]] = {
    Code.UNREADABLE_BODY: 400,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.RANGE_NOT_SATISFIABLE: 416,
}
"""Codes for which HTTP has a status of its own."""

_OF_STATUS: Final[dict[int, Code]] = {
    400: Code.UNREADABLE_BODY,
    # Of the framework's exceptions, `api/signing.py` alone raises this one, and `api/middleware.py` 408.
    401: Code.SIGNATURE_INVALID,
    404: Code.ROUTE_NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.UNREADABLE_BODY,
    413: Code.BODY_TOO_LARGE,
}
"""What the framework's own refusals are called."""

_COMMON: Final = (
    Code.INVALID_REQUEST,
    Code.RATE_LIMITED,
    Code.STORAGE_FULL,
    Code.STORAGE_UNAVAILABLE,
    Code.SHUTTING_DOWN,
    Code.INTERNAL,
)
_WITH_KEY: Final = (
    Code.UNAUTHENTICATED,
    Code.KEY_REVOKED,
    Code.KEY_EXPIRED,
    Code.TOKEN_INVALID,
    Code.SIGNATURE_INVALID,
    Code.FORBIDDEN,
    Code.SOURCE_UNAVAILABLE,
)
_WITH_BODY: Final = (Code.UNREADABLE_BODY, Code.BODY_TOO_LARGE)
LLM: Final = (
    Code.LLM_UNAVAILABLE,
    Code.LLM_RATE_LIMITED,
    Code.LLM_CREDENTIALS_REJECTED,
    Code.LLM_REFUSED,
    Code.LLM_REQUEST_REJECTED,
    Code.LLM_MODEL_WRONG,
    Code.LLM_BUDGET_USED_UP,
    Code.INDEX_UNAVAILABLE,
)
SOURCE: Final = (
    Code.PLATFORM_UNKNOWN,
    Code.HOST_NOT_ALLOWED,
    Code.SOURCE_HOST_UNKNOWN,
    Code.SOURCE_CREDENTIALS_REJECTED,
    Code.SOURCE_PERMISSION_MISSING,
    Code.SOURCE_PLAN_MISSING,
    Code.SOURCE_RATE_LIMITED,
    Code.SOURCE_UNAVAILABLE,
    Code.SOURCE_MALFORMED,
    Code.SOURCE_REQUEST_REFUSED,
    Code.SECRET_UNREADABLE,
)


def status_of(code: Code) -> int:
    """The HTTP status of an error code."""
    return SPECIAL_STATUS.get(code) or STATUS[SPECS[code].kind]


def problems(*codes: Code, key: bool = True, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these codes, and those every route has (`key`: it needs one; `body`: it reads one)."""
    named = [*codes, *(_WITH_KEY if key else ()), *(_WITH_BODY if body else ()), *_COMMON]
    by_status: dict[int, list[Code]] = defaultdict(list)
    for code in dict.fromkeys(named):
        by_status[status_of(code)].append(code)
    return {status: _response_doc(codes) for status, codes in sorted(by_status.items())}


def _response_doc(codes: Sequence[Code]) -> dict[str, Any]:
    examples = {
        code.value: {"summary": SPECS[code].meaning, "value": _body(code, SPECS[code].meaning, {}, "req_example", "2026-11-20T09:00:00Z")}
        for code in codes
    }
    return {
        "description": " ".join(f"`{code.value}`: {SPECS[code].meaning}" for code in codes),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}, "examples": examples}},
    }


def error_body(error: AppError, request_id: str, fields: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
    """The body of an error, as a response and as the data of an `error` event."""
    now = clock.now().isoformat()
    if error.kind is Kind.INTERNAL:
        # What failed inside is for the log: its text may name paths, queries or values.
        return _body(error.code, SPECS[error.code].meaning, {}, request_id, now)
    return _body(error.code, error.message, error.details if fields is None else fields, request_id, now)


def _body(code: Code, message: str, details: Any, request_id: str, timestamp: str) -> dict[str, Any]:
    return {"error": {"code": code.value, "message": message, "details": details, "timestamp": timestamp, "request_id": request_id}}


def error_response(
    error: AppError, request_id: str, headers: Mapping[str, str] | None = None, fields: Sequence[Mapping[str, str]] | None = None
) -> Response:
    """An error as an HTTP response; `fields` are the details of a malformed request."""
    extra = dict(headers or {})
    if error.retry_after is not None:
        extra["Retry-After"] = str(max(1, ceil(error.retry_after)))
    if error.kind is Kind.UNAUTHENTICATED:
        extra["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(error_body(error, request_id, fields)),
        status_code=status_of(error.code),
        headers=extra,
        media_type="application/json",
    )


async def result_or_error(work: Awaitable[Result], request_id: str) -> Result | dict[str, Any]:
    """The result, or the body of the error: for a stream, whose status has been sent already."""
    try:
        return await work
    except AppError as error:
        return error_body(error, request_id)
    except Exception:
        log.exception("stream_failed")
        return error_body(AppError(Code.INTERNAL), request_id)


def request_id_of(scope: Scope) -> str:
    """The id that `middleware.RequestContext` gave this request."""
    return str(scope.get("state", {}).get("request_id", ""))


def install_error_handlers(app: FastAPI) -> None:
    """Give every refusal of ours and of the framework the one shape."""
    app.exception_handler(AppError)(_on_app_error)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(RequestValidationError)(_on_invalid_request)


class CatchUnexpected:
    """Answers what nobody expected with a plain 500; the text of the exception goes to the log only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request_failed")
            if started:
                # Half a body was sent: only a broken connection tells the reader that it is not whole.
                raise
            note(scope, Code.INTERNAL)
            await error_response(AppError(Code.INTERNAL), request_id_of(scope))(scope, receive, send)


async def _on_app_error(request: Request, error: AppError) -> Response:
    if error.kind is Kind.INTERNAL:
        log.error("request_failed", code=error.code.value, exc_info=error)
    return _answer(request, error)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    code = _OF_STATUS.get(error.status_code, Code.INVALID_REQUEST)
    # These two are ours, with words of their own.
    told = error.detail if error.status_code in (401, 408) else None
    if error.status_code == 400 and request.headers.get("content-type", "").lower().startswith("multipart/"):
        told = f"The form can't be read: {error.detail.rstrip('.')}. Send multipart/form-data as browsers and curl --form do."
    return _answer(request, AppError(code, told), error.headers)


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    errors = error.errors()
    if any(each["type"] == "json_invalid" for each in errors):
        return _answer(request, AppError(Code.UNREADABLE_BODY))
    if isinstance(error.body, bytes):
        return _answer(request, AppError(Code.UNREADABLE_BODY, "Send JSON, with the header Content-Type: application/json."))
    fields = [{"field": ".".join(map(str, each["loc"])), "problem": each["msg"]} for each in errors]
    summary = "; ".join(f"{each['field']}: {each['problem']}" for each in fields[:3])
    invalid = AppError(Code.INVALID_REQUEST, f"The request has {len(fields)} invalid field(s): {summary}.")
    return _answer(request, invalid, fields=fields)


def _answer(
    request: Request, error: AppError, headers: Mapping[str, str] | None = None, fields: Sequence[Mapping[str, str]] | None = None
) -> Response:
    note(request.scope, error.code)
    return error_response(error, request_id_of(request.scope), headers, fields)


def note(scope: Scope, code: Code) -> None:
    """Leave the code for the access log."""
    scope.setdefault("state", {})["error_code"] = code.value
