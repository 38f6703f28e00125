"""Zendesk's error bodies, and its cursor pagination (https://developer.zendesk.com/api-reference/introduction/pagination/)."""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import urlencode

import orjson

from sandbox.data.model import Json
from sandbox.wire import JSON, Answer, Ask, Refusal
from sandbox.zendesk.site import Site

_LARGEST = 100


def failure(status: int, body: Json) -> Answer:
    """An error with its JSON."""
    return Answer(status, orjson.dumps(body), JSON)


def missing(what: str = "RecordNotFound") -> Refusal:
    """404: `RecordNotFound` for a record, `InvalidEndpoint` for an address."""
    return Refusal(failure(404, {"error": what, "description": "Not found"}))


def denied() -> Refusal:
    """403 in its dictionary form."""
    message = "You do not have access to this page. Please contact the account owner of this help desk for further help."
    return Refusal(failure(403, {"error": {"title": "Forbidden", "message": message}}))


def invalid(description: str, status: int = 422) -> Refusal:
    """422: a value that can't be used."""
    return Refusal(failure(status, {"error": "InvalidValue", "description": description}))


def unauthorized() -> Answer:
    """401, as recorded."""
    answer = failure(401, {"error": "Couldn't authenticate you"})
    answer.headers["WWW-Authenticate"] = 'Basic realm="Web Password"'
    return answer


def whole(ask: Ask, name: str, default: int, *, top: int | None = None) -> int:
    """A whole number of the query, cut to what is allowed as Zendesk does it."""
    raw = ask.query.get(name)
    if raw is None:
        return default
    if not raw.lstrip("-").isdigit():
        raise invalid(f"Invalid parameter: {name} must be an integer", 400)
    return int(raw) if top is None else max(1, min(int(raw), top))


def ids_of(ask: Ask) -> list[int]:
    """The `ids` of a `show_many`: at most a hundred."""
    numbers = [int(part) for part in ask.query.get("ids", "").split(",") if part.strip().isdigit()]
    if len(numbers) > _LARGEST:
        raise Refusal(failure(400, {"error": "TooManyValues", "description": "Too many values for ids, the maximum is 100"}))
    return numbers


def encoded(place: str) -> str:
    """An opaque cursor."""
    return base64.b64encode(place.encode()).decode()


def decoded(cursor: str) -> str:
    """What a cursor stands for."""
    try:
        return base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Invalid cursor", 400) from error


def paged(site: Site, ask: Ask, name: str, rows: Sequence[Json], more: Json | None = None) -> Answer:
    """A page of a list: by cursor where `page[size]` is given, else by offset with `next_page` and `count`."""
    base = f"{site.links.api_base}{ask.path}"
    if "page[size]" in ask.query or "page[after]" in ask.query:
        size = whole(ask, "page[size]", _LARGEST, top=_LARGEST)
        after = ask.query.get("page[after]")
        start = int(decoded(after)) if after else 0
        part = list(rows[start : start + size])
        has_more = start + size < len(rows)
        cursor = encoded(str(start + len(part))) if part else None
        query = urlencode(ask.query | {"page[after]": cursor}) if has_more else ""
        body: Json = {
            name: part,
            "meta": {"has_more": has_more, "after_cursor": cursor, "before_cursor": encoded(str(start)) if part else None},
            "links": {"prev": None, "next": f"{base}?{query}" if has_more else None},
        }
        return Answer(body=orjson.dumps(body | (more or {})))
    size = whole(ask, "per_page", _LARGEST, top=_LARGEST)
    page = whole(ask, "page", 1)
    if page * size > 10_000:
        raise Refusal(failure(400, {"error": "InvalidPaginationDepth", "description": "Number of resources requested is too deep"}))
    part = list(rows[(page - 1) * size : page * size])
    following = urlencode(ask.query | {"page": str(page + 1)})
    counted: Json = {
        name: part,
        "count": len(rows),
        "next_page": f"{base}?{following}" if page * size < len(rows) else None,
        "previous_page": None if page == 1 else f"{base}?{urlencode(ask.query | {'page': str(page - 1)})}",
    }
    return Answer(body=orjson.dumps(counted | (more or {})))
