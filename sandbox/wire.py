"""What comes in and what goes out, whatever the vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

JSON = "application/json; charset=utf-8"


@dataclass(slots=True)
class Ask:
    """One request. `shape` is the path with every number replaced by `{id}`."""

    method: str
    path: str
    shape: str
    ids: tuple[int, ...]
    query: dict[str, str]
    headers: dict[bytes, bytes]
    body: bytes = b""
    #: The agent whose key was used, and what that agent may see.
    agent_id: int = 0
    scope: int = 1
    #: Zendesk: what kind of user asks.
    role: str = ""

    @property
    def lang(self) -> str:
        """The last part of the path, where it names a language."""
        return self.path.rsplit("/", 1)[-1]

    def json(self) -> dict[str, Any]:
        """The body as an object; anything else is the documented 400."""
        try:
            value = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise _no_json() from error
        if not isinstance(value, dict):
            raise _no_json()
        return value


@dataclass(slots=True)
class Answer:
    """One response; `credits` is what it costs of the account's quota."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    credits: int = 1


class Refusal(Exception):  # noqa: N818 - it carries an answer, it is not a fault of this program
    """An answer that ends a request early."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def ok(value: object, *, cost: int = 1, headers: Mapping[str, str] | None = None) -> Answer:
    """200 with JSON."""
    return Answer(body=orjson.dumps(value), credits=cost, headers=dict(headers or {}))


def ask_of(scope: Mapping[str, Any]) -> Ask:
    """Take an ASGI scope apart, without the body."""
    path: str = scope["path"]
    ids: list[int] = []
    parts: list[str] = []
    for part in path.split("/"):
        # isascii, because Freshdesk ids are plain digits and int() would take others too.
        if part.isdigit() and part.isascii() and len(part) < 19:
            ids.append(int(part))
            parts.append("{id}")
        else:
            parts.append(part)
    raw: bytes = scope["query_string"]
    query = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}
    return Ask(scope["method"], path, "/".join(parts), tuple(ids), query, dict(scope["headers"]))


def _no_json() -> Refusal:
    return Refusal(Answer(400, orjson.dumps({"code": "invalid_json", "message": "Request body has invalid json format."})))
