"""Servers of Anthropic's and Google's own APIs over real HTTP on a free port, with the knobs of `OpenAIServer`.

Messages: https://platform.claude.com/docs/en/api/messages. Gemini: https://ai.google.dev/api/generate-content.
"""

import json
import socket
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.made_up import Json, example
from tests.support.openai_server import Handler, OpenAIServer


@dataclass
class AnthropicServer(OpenAIServer):
    """Speaks `POST /v1/messages`."""

    prefix: ClassVar[str] = ""
    spoken: ClassVar[str] = "/v1/messages"

    @property
    def handler(self) -> type[Handler]:
        """What speaks the API."""
        return _Anthropic

    def text(self, body: Json) -> str:
        """What the model says."""
        form = body.get("output_config", {}).get("format")
        if self.answer is None and form is not None:
            return json.dumps(example(form["schema"]), ensure_ascii=False)
        return super().text(body)


@dataclass
class GoogleServer(OpenAIServer):
    """Speaks `POST /v1beta/models/<model>:generateContent` and `:streamGenerateContent`."""

    prefix: ClassVar[str] = ""
    spoken: ClassVar[str] = "/v1beta/models/m-test:generateContent"
    retry_delay: str | None = None
    """Told in the error's details, as `34s`."""

    @property
    def handler(self) -> type[Handler]:
        """What speaks the API."""
        return _Google

    def text(self, body: Json) -> str:
        """What the model says."""
        form = body.get("generationConfig", {}).get("responseJsonSchema")
        if self.answer is None and form is not None:
            return json.dumps(example(form), ensure_ascii=False)
        return super().text(body)


class _Native(Handler):
    def pieces(self, body: Json) -> list[str]:
        text = self.owner.text(body)
        return [text[start : start + 5] for start in range(0, len(text), 5)]

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def breaks(self, number: int) -> bool:
        """Close the connection where it is to break."""
        if self.owner.break_after is None or number < self.owner.break_after:
            return False
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        return True


_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


class _Anthropic(_Native):
    def shown(self) -> str:
        """The credential of a request."""
        return self.headers.get("x-api-key") or super().shown()

    def form(self, body: Json) -> Any:
        """The part of a request that says how the answer is to look."""
        return body.get("output_config")

    def _completion(self, body: Json) -> None:
        server = self.owner
        text = server.text(body)
        content = [] if server.refusal else [{"type": "text", "text": text}]
        self._json(200, {**_message(body), "content": content, "stop_reason": self._stop(), "usage": _spent(body, text)})

    def _stop(self) -> str:
        return "refusal" if self.owner.refusal else _STOPS[self.owner.finish_reason]

    def _stream(self, body: Json) -> None:
        usage = _spent(body, self.owner.text(body))
        self.begin()
        self._say(
            "message_start", {"message": {**_message(body), "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}}
        )
        self._say("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        for number, piece in enumerate([] if self.owner.refusal else self.pieces(body)):
            if self.breaks(number):
                return
            self._say("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
        self._say("content_block_stop", {"index": 0})
        self._say("message_delta", {"delta": {"stop_reason": self._stop(), "stop_sequence": None}, "usage": usage})
        self._say("message_stop", {})
        self._chunk(b"")

    def _say(self, kind: str, body: Json) -> None:
        self._chunk(f"event: {kind}\ndata: {json.dumps({'type': kind, **body})}\n\n".encode())

    def _error(self, status: int, message: str, more: Json) -> None:
        self._json(status, {"type": "error", "error": {"type": "api_error", "message": f"{message} {more.get('message', '')}"}})


class _Google(_Native):
    def shown(self) -> str:
        """The credential of a request."""
        return self.headers.get("x-goog-api-key") or ""

    def form(self, body: Json) -> Any:
        """The part of a request that says how the answer is to look."""
        return body.get("generationConfig")

    def streams(self, body: Json) -> bool:  # noqa: ARG002 - the path says it
        """Whether the answer is wanted piece by piece."""
        return "streamGenerateContent" in self.path

    def _completion(self, body: Json) -> None:
        self._json(200, self._said(body, self.owner.text(body), last=True))

    def _said(self, body: Json, text: str, *, last: bool) -> Json:
        if self.owner.refusal:
            return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": _counted(body, "")}
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": [{"text": text}] if text else []}}
        if last:
            candidate["finishReason"] = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}[self.owner.finish_reason]
        return {"candidates": [candidate], "usageMetadata": _counted(body, self.owner.text(body) if last else ""), "modelVersion": "m-test"}

    def _stream(self, body: Json) -> None:
        self.begin()
        pieces = [] if self.owner.refusal else self.pieces(body)
        for number, piece in enumerate(pieces):
            if self.breaks(number):
                return
            self._event(self._said(body, piece, last=number == len(pieces) - 1))
        if not pieces:
            self._event(self._said(body, "", last=True))
        self._chunk(b"")

    def _error(self, status: int, message: str, more: Json) -> None:
        details: list[Json] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": more.get("reason", "NONE")}]
        delay = self.owner.retry_delay if isinstance(self.owner, GoogleServer) else None
        if delay is not None:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        said = {"code": status, "message": f"{message} {more.get('message', '')}", "status": "FAILED", "details": details}
        self._json(status, {"error": said})


def _message(body: Json) -> Json:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}


def _spent(body: Json, text: str) -> Json:
    return {"input_tokens": len(json.dumps(body["messages"])) // 3, "output_tokens": len(text) // 3}


def _counted(body: Json, text: str) -> Json:
    asked = len(json.dumps(body["contents"])) // 3
    return {"promptTokenCount": asked, "candidatesTokenCount": len(text) // 3, "totalTokenCount": asked + len(text) // 3}
