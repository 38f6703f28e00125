"""A streamed text whose connections break: read on, given up, canceled."""

from collections.abc import Iterator

import httpx
import pytest
import respx

from backend.cli.client import ApiClient
from backend.cli.errors import CliError, Exit
from backend.cli.reading import text_events

URL = "http://desklore.test:8000"
API = f"{URL}/api/v1"
ASKED = {"question": "환불은 언제 되나요?"}
BEGIN = 'id: 1\nevent: stream\ndata: {"stream_id": "stream_1"}\n\nid: 2\nevent: token\ndata: {"text": "환불은 "}\n\n'
MORE = 'id: 3\nevent: token\ndata: {"text": "3일 "}\n\n'
DONE = 'id: 4\nevent: done\ndata: {"text": "환불은 3일"}\n\n'
AWAY = 'event: error\ndata: {"error": {"code": "shared_state_unavailable", "message": "Redis"}}\n\n'
HTML = httpx.Response(502, text="<html>Bad gateway")


class Cut(httpx.SyncByteStream):
    """A body whose connection breaks after these bytes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self._text.encode()
        raise httpx.ReadError("reset by peer")


@pytest.fixture
def client() -> Iterator[ApiClient]:
    with ApiClient(URL, "dk_key") as made:
        yield made


def _cut(text: str) -> httpx.Response:
    return httpx.Response(200, stream=Cut(text))


def _all(client: ApiClient, tries: int = 2) -> str:
    with text_events(client, "/query/stream", ASKED, [0.0] * tries) as events:
        return "".join(event.data["text"] for event in events if event.name == "token")


@respx.mock
def test_a_text_that_breaks_off_is_read_on_where_it_did(client: ApiClient) -> None:
    asked = respx.post(f"{API}/query/stream").mock(return_value=_cut(BEGIN))
    rest = respx.get(f"{API}/streams/stream_1").mock(
        side_effect=[
            httpx.ConnectError("refused"),
            HTML,
            _cut(MORE),
            httpx.Response(200, text=": heartbeat\n\n"),
            httpx.Response(200, text=AWAY),
            httpx.Response(200, text=DONE),
        ]
    )
    assert _all(client, tries=3) == "환불은 3일 "
    assert asked.call_count == 1
    assert [call.request.headers["Last-Event-ID"] for call in rest.calls] == ["2", "2", "2", "3", "3", "3"]


@respx.mock
def test_tries_are_bounded(client: ApiClient) -> None:
    respx.post(f"{API}/query/stream").mock(return_value=_cut(BEGIN))
    rest = respx.get(f"{API}/streams/stream_1").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(CliError, match="desklore up") as caught:
        _all(client, tries=3)
    assert (caught.value.exit_code, rest.call_count) == (Exit.UNREACHABLE, 3)


@respx.mock
def test_what_can_not_be_read_on_says_so_at_once(client: ApiClient) -> None:
    respx.post(f"{API}/query/stream").mock(return_value=_cut(BEGIN))
    gone = {"error": {"code": "stream_not_found", "message": "Ask again."}}
    rest = respx.get(f"{API}/streams/stream_1").respond(404, json=gone)
    with pytest.raises(CliError, match="Ask again") as caught:
        _all(client)
    assert (caught.value.exit_code, rest.call_count) == (Exit.NOT_FOUND, 1)


@respx.mock
@pytest.mark.parametrize("answer", [_cut(""), httpx.Response(200, text=""), HTML])
def test_before_it_has_a_name_it_is_not_asked_twice(client: ApiClient, answer: httpx.Response) -> None:
    asked = respx.post(f"{API}/query/stream").mock(return_value=answer)
    with pytest.raises(CliError):
        _all(client)
    assert asked.call_count == 1


@respx.mock
def test_who_leaves_cancels_it(client: ApiClient) -> None:
    respx.post(f"{API}/query/stream").mock(return_value=httpx.Response(200, text=BEGIN + MORE + DONE))
    canceled = respx.post(f"{API}/streams/stream_1/cancel").respond(json={"stream_id": "stream_1", "ended": False})
    with text_events(client, "/query/stream", ASKED) as events:
        assert [next(events).name, next(events).name] == ["stream", "token"]
    assert canceled.call_count == 1
    assert _all(client) == "환불은 3일 "
    assert canceled.call_count == 1, "one that is done is left alone"
