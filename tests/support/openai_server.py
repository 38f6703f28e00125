"""An OpenAI-compatible server over real HTTP on a free port, as true to the API as the tests need, with faults on demand.

    with OpenAIServer() as server:
        server.base_url            for OPENAI_BASE_URL
        server.answer = "…"        a text, or a function of the request; None: something valid for the request
        server.fail_times = 2      the next two requests fail with `status`
        server.requests            everything it was asked

Chat completions: https://platform.openai.com/docs/api-reference/chat. Embeddings: https://platform.openai.com/docs/api-reference/embeddings.
"""

import base64
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.support.made_up import Json, example, vector

KEY = "sk-test-5f2d9c71aa0b4e6f"


@dataclass(frozen=True)
class Recorded:
    """A request the server got."""

    path: str
    authorization: str
    body: Json


@dataclass
class OpenAIServer:
    """The server and its knobs; set them at any time, also while it runs."""

    prefix: ClassVar[str] = "/v1"
    spoken: ClassVar[str] = "/v1/chat/completions"
    """Where whole answers are asked for."""
    key: str = KEY
    answer: str | Callable[[Json], str] | None = None
    refusal: str | None = None
    finish_reason: str = "stop"
    fail_times: int = 0
    status: int = 500
    error: Json = field(default_factory=dict)
    """More fields of the error object, such as `code`."""
    retry_after: str | None = None
    delay: float = 0.0
    """Seconds before every answer."""
    malformed: bool = False
    """The body is not JSON."""
    raw: Any = None
    """A JSON body to send instead of an answer."""
    break_after: int | None = None
    """Close the connection after so many streamed pieces."""
    pause_after: int | None = None
    """Say so many streamed pieces and the rest only once `go_on` is set, or never where the caller hangs up."""
    go_on: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set once a caller was found to be gone during such a pause."""
    unsupported: tuple[str, ...] = ()
    """Parameters that are rejected with status 400, such as `json_schema` or `temperature`."""
    rejects: str = ""
    """No vector is made of a text with these words: status 400 for the whole request."""
    dimension: int = 16
    vectors_dropped: int = 0
    requests: list[Recorded] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        """Not started yet; `base_url` holds from the first use of `with`."""
        self._now = 0
        self._lock = threading.Lock()
        self._http: ThreadingHTTPServer | None = None
        self.base_url = ""

    @property
    def handler(self) -> "type[Handler]":
        """What speaks the API."""
        return Handler

    def __enter__(self) -> Self:
        """Listen on a free port of the loopback."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (self.handler,), {"owner": self}))
        self._http.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._http.server_port}{self.prefix}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop listening."""
        self.stop()

    def stop(self) -> None:
        """Stop listening now: further calls find a closed port."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def asked(self, path: str = "") -> list[Json]:
        """Bodies of the requests to a path, that of whole answers unless told."""
        return [request.body for request in self.requests if request.path == (path or self.spoken)]

    def enter(self, request: Recorded) -> bool:
        """Record a request; whether it is to fail."""
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            if self.fail_times <= 0:
                return False
            self.fail_times -= 1
            return True

    def leave(self) -> None:
        """A request is done."""
        with self._lock:
            self._now -= 1

    def text(self, body: Json) -> str:
        """What the model says."""
        if self.answer is not None:
            return self.answer(body) if callable(self.answer) else self.answer
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            return json.dumps(example(form["json_schema"]["schema"]), ensure_ascii=False)
        return "자료에 따르면 재설정하면 됩니다 [1]."


def closed_port() -> str:
    """A base URL where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    """Speaks the API; a subclass speaks another one."""

    protocol_version = "HTTP/1.1"
    # Else the body, written behind the head, waits 40 ms for the client's delayed acknowledgment.
    disable_nagle_algorithm = True
    owner: OpenAIServer

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """Answer a call."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.owner
        fails = server.enter(Recorded(self.path, self.shown(), body))
        try:
            time.sleep(server.delay)
            self._answer(body, fails=fails)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            server.leave()

    def shown(self) -> str:
        """The credential of a request."""
        return (self.headers.get("authorization") or "").removeprefix("Bearer ")

    def streams(self, body: Json) -> bool:
        """Whether the answer is wanted piece by piece."""
        return bool(body.get("stream"))

    def _answer(self, body: Json, *, fails: bool) -> None:
        if self._rejects(body, fails=fails):
            return
        server = self.owner
        if server.malformed:
            self._send(200, b"<html>Bad gateway", "text/html")
        elif server.raw is not None:
            self._json(200, server.raw)
        elif self.path.endswith("/embeddings"):
            self._embeddings(body)
        elif self.streams(body):
            self._stream(body)
        else:
            self._completion(body)

    def _rejects(self, body: Json, *, fails: bool) -> bool:
        """Answer with an error where there is a reason to; whether there was."""
        server = self.owner
        shown = self.shown()
        unknown = [name for name in server.unsupported if name in body or name in json.dumps(self.form(body))]
        if shown != server.key:
            self._error(401, f"Incorrect API key provided: {shown}.", {"code": "invalid_api_key"})
        elif fails:
            self._error(server.status, f"made to fail, key {server.key}", server.error)
        elif server.rejects and server.rejects in json.dumps(body.get("input", ""), ensure_ascii=False):
            self._error(400, "This model's maximum context length is 512 tokens.", {})
        elif unknown:
            self._error(400, f"Unsupported parameter: '{unknown[0]}' is not supported with this model.", {"param": unknown[0]})
        else:
            return False
        return True

    def form(self, body: Json) -> Any:
        """The part of a request that says how the answer is to look."""
        return body.get("response_format")

    def _completion(self, body: Json) -> None:
        server = self.owner
        text = server.text(body)
        message = {"role": "assistant", "content": None if server.refusal else text, "refusal": server.refusal}
        choice = {"index": 0, "message": message, "finish_reason": server.finish_reason, "logprobs": None}
        self._json(200, {**_base(body, "chat.completion"), "choices": [choice], "usage": _usage(body, text)})

    def _stream(self, body: Json) -> None:
        server = self.owner
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        text = server.text(body)
        field_name, whole = ("refusal", server.refusal) if server.refusal else ("content", text)
        pieces = [whole[start : start + 5] for start in range(0, len(whole), 5)]
        base = _base(body, "chat.completion.chunk")
        self._event({**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        for number, piece in enumerate(pieces):
            if server.break_after is not None and number >= server.break_after:
                self.close_connection = True
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if number == server.pause_after and not self._waited():
                self.close_connection = True
                return
            self._event({**base, "choices": [{"index": 0, "delta": {field_name: piece}, "finish_reason": None}]})
        self._event({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": server.finish_reason}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event({**base, "choices": [], "usage": _usage(body, text)})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _waited(self) -> bool:
        """Wait until it may go on; False where the caller hung up meanwhile, which a socket tells by an end of its data."""
        server = self.owner
        while not server.go_on.wait(0.02):
            if select.select([self.connection], [], [], 0)[0]:
                server.hung_up.set()
                return False
        return True

    def _embeddings(self, body: Json) -> None:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        dimension = body.get("dimensions") or self.owner.dimension
        rows = []
        for index, text in enumerate(texts):
            values = vector(text, dimension)
            packed = base64.b64encode(struct.pack(f"<{dimension}f", *values)).decode()
            rows.append({"object": "embedding", "index": index, "embedding": packed if body.get("encoding_format") == "base64" else values})
        tokens = sum(len(text) // 3 for text in texts)  # Whichever of them come together.
        rows = rows[: len(rows) - self.owner.vectors_dropped]
        self._json(
            200, {"object": "list", "data": rows, "model": body["model"], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
        )

    def _error(self, status: int, message: str, more: Json) -> None:
        body = {"error": {"message": message, "type": "error", "param": None, "code": None, **more}}
        self._json(status, body)

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, data: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        if status != 200 and self.owner.retry_after is not None:
            self.send_header("retry-after", self.owner.retry_after)
        self.end_headers()
        self.wfile.write(data)

    def _event(self, body: Json) -> None:
        self._chunk(f"data: {json.dumps(body)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _base(body: Json, kind: str) -> Json:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_790_000_000, "model": body["model"]}


def _usage(body: Json, text: str) -> Json:
    asked = sum(len(message["content"]) for message in body["messages"]) // 3
    return {"prompt_tokens": asked, "completion_tokens": len(text) // 3, "total_tokens": asked + len(text) // 3}
