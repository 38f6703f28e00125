"""The error bodies Freshdesk is known for, and its pages."""

import orjson

from sandbox.wire import Answer, Ask, Refusal


def failure(status: int, code: str, message: str) -> Answer:
    """The short error form: `{"code", "message"}`."""
    return Answer(status, orjson.dumps({"code": code, "message": message}))


def invalid(field_name: str, message: str, code: str = "invalid_value") -> Refusal:
    """400 with the list form: `{"description", "errors": [...]}`."""
    errors = [{"field": field_name, "message": message, "code": code}]
    return Refusal(Answer(400, orjson.dumps({"description": "Validation failed", "errors": errors})))


def missing() -> Refusal:
    """404 with an empty body: that is how Freshdesk says that a record does not exist."""
    return Refusal(Answer(404))


def denied() -> Refusal:
    """403."""
    return Refusal(failure(403, "access_denied", "You are not authorized to perform this action."))


def not_allowed(allowed: str) -> Refusal:
    """405; also the answer to changing a ticket that is deleted or spam."""
    body = orjson.dumps({"message": f"{allowed} method is allowed"})
    return Refusal(Answer(405, body, headers={"Allow": allowed}))


def positive(ask: Ask, name: str, default: int, *, top: int | None = None) -> int:
    """A page number or size from the query, checked as Freshdesk checks it."""
    raw = ask.query.get(name)
    if raw is None:
        return default
    most = f" less than or equal to {top}" if top else ""
    if not raw.isdigit():
        raise invalid(name, f"It should be a Positive Integer{most}", "datatype_mismatch")
    if int(raw) < 1 or (top is not None and int(raw) > top):
        raise invalid(name, f"It should be a Positive Integer{most}")
    return int(raw)
