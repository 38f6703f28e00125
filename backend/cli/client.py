"""The command line's way to the HTTP API: one answer, one stream of events, and every failure as a CliError."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from msgspec import Struct

from backend.cli.config import is_local
from backend.cli.errors import CliError, Exit, exit_for

API: Final = "/api/v1"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
# A server that unpacks a large zip answers when it is done.
_UPLOAD_TIMEOUT: Final = httpx.Timeout(900.0, connect=5.0)
# A stream says something at least every half minute; a longer silence means that the server is gone.
_STREAM_TIMEOUT: Final = httpx.Timeout(90.0, connect=5.0)


class Event(Struct, frozen=True):
    """One server-sent event; `data` is its JSON, decoded, and `id` empty where it has none."""

    name: str
    data: Any
    id: str = ""


class ApiClient:
    """Calls of one server with one key. Close it, or use it as a context."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if not self.url.startswith(("http://", "https://")):
            raise CliError(Exit.USAGE, f"{url} is not an address of a server; write it like http://127.0.0.1:8000", code="wrong_usage")
        # A proxy set for the internet must not be asked for this machine's own address.
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT, trust_env=not is_local(self.url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of sockets."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of a GET; parameters that are None are left out."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer of a POST."""
        return self.call("POST", path, body=body)

    def call(self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer, None where there is none. `path` is below `/api/v1`. Raises CliError."""
        answer = self._answered(method, path, body=body, params=params)
        return _json_of(answer) if answer.content else None

    def get_when_ready(self, path: str, *, patience: float = 300.0, **params: Any) -> Any:
        """The JSON answer of a GET that may take the server a while: as long as it says 202 it is asked again when it says.

        Raises CliError, also where that would be more than `patience` seconds.
        """
        waited = 0.0
        while (answer := self._answered("GET", path, params=params)).status_code == httpx.codes.ACCEPTED:
            pause = _told_pause(answer)
            if waited + pause > patience:
                raise CliError(
                    Exit.UPSTREAM, "The server is still fetching it; give the command again in some minutes.", code="still_fetching"
                )
            time.sleep(pause)
            waited += pause
        return _json_of(answer)

    def _answered(self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None) -> httpx.Response:
        with self._failures_told():
            answer = self._http.request(method, f"{API}{path}", json=body, params=_given(params))
        if answer.is_error:
            raise _error_of(answer)
        return answer

    def send(
        self, path: str, files: Mapping[str, Any], fields: Mapping[str, str] | None = None, *, params: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON answer of a POST of files, as `httpx` takes them; they are read while they are sent. Raises CliError."""
        with self._failures_told():
            answer = self._http.post(f"{API}{path}", files=files, data=dict(fields or {}), params=_given(params), timeout=_UPLOAD_TIMEOUT)
        if answer.is_error:
            raise _error_of(answer)
        return _json_of(answer)

    def download(self, path: str, to: Path, *, body: Any) -> int:
        """The answer of a POST as a file, written while it comes; returns its size. Raises CliError."""
        with (
            self._failures_told(),
            self._http.stream("POST", f"{API}{path}", json=body, timeout=_UPLOAD_TIMEOUT) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _error_of(answer)
            with to.open("wb") as file:
                return sum(file.write(piece) for piece in answer.iter_bytes())

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes that a GET answers with, there or at a link that it gives, as they come. Raises CliError."""
        with (
            self._failures_told(),
            # To another host the key does not go along.
            self._http.stream("GET", f"{API}{path}", timeout=_STREAM_TIMEOUT, follow_redirects=True) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _error_of(answer)
            yield from answer.iter_bytes()

    def events(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None, last_event_id: str | None = None
    ) -> Iterator[Event]:
        """Server-sent events until the server ends the stream, those after `last_event_id` where it is given. Raises CliError."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id is not None else {})
        with (
            self._failures_told(),
            self._http.stream(method, f"{API}{path}", json=body, params=_given(params), headers=headers, timeout=_STREAM_TIMEOUT) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _error_of(answer)
            yield from parse_events(answer.iter_lines())

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError:
            raise CliError(
                Exit.UNREACHABLE,
                f"No Desklore server answers at {self.url}. Start one with: desklore up (or name another with --url).",
                code="server_unreachable",
            ) from None
        except (httpx.TimeoutException, httpx.TransportError) as error:
            raise CliError(
                Exit.UNREACHABLE,
                f"The server at {self.url} broke off or did not answer in time ({type(error).__name__}). Look at its log, then try again.",
                code="server_unreachable",
            ) from None


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """Events of a `text/event-stream`; comments (heartbeats) are left out."""
    name, data, number = "message", list[str](), ""
    for line in lines:
        if not line:
            if data:
                yield Event(name, _decoded("\n".join(data)), number)
            name, data, number = "message", [], ""
        elif line.startswith("id:"):
            number = line[3:].strip()
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _given(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def _told_pause(answer: httpx.Response) -> float:
    """Seconds until the server wants to be asked again; one where it does not say, and never none at all."""
    try:
        return max(0.01, float(answer.headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0


def _json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise CliError(
            Exit.UNREACHABLE,
            f"What answers at {answer.url.copy_with(path='/', query=None)} is not Desklore; check --url.",
            code="server_unreachable",
        ) from None


def _error_of(answer: httpx.Response) -> CliError:
    """The API's own error, or what the status says where something else answered."""
    try:
        error = answer.json()["error"]
        code, message, told = str(error["code"]), str(error["message"]), error.get("details") or {}
    except (ValueError, KeyError, TypeError):
        return CliError(
            exit_for("", answer.status_code),
            f"The server answered {answer.status_code} without saying why; check --url.",
            code=f"http_{answer.status_code}",
        )
    details = dict(told) if isinstance(told, Mapping) else {"fields": told}
    if request_id := error.get("request_id"):
        details["request_id"] = request_id
    return CliError(exit_for(code, answer.status_code), message, code=code, details=details)
