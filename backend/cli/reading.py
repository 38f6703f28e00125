"""A streamed text over connections that may break: read on where it broke off, and stopped at the server when nobody wants it any more."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from backend.cli.client import ApiClient, Event
from backend.cli.errors import CliError, exit_for
from backend.core.errors import Code

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each try to read on; each that brings something begins anew."""
_PASSING: Final = frozenset({"server_unreachable", Code.SHARED_STATE_UNAVAILABLE, Code.STORAGE_UNAVAILABLE, Code.RATE_LIMITED})
"""What keeps from reading on and passes by itself, as does a proxy's error of the kind 5xx."""


@contextmanager
def text_events(client: ApiClient, path: str, body: Mapping[str, Any], pauses: Sequence[float] = PAUSES) -> Iterator[Iterator[Event]]:
    """The events of a streamed text to its `done` or `error`; who leaves before, by Ctrl-C for one, cancels it at the server.

    The events raise CliError where the text can't be read on.
    """
    reading = _Reading(client, path, body, pauses)
    try:
        yield reading.events()
    finally:
        reading.leave()


class _Reading:
    """One text, and how far it has come."""

    def __init__(self, client: ApiClient, path: str, body: Mapping[str, Any], pauses: Sequence[float]) -> None:
        self._client = client
        self._path, self._body = path, body
        self._pauses = pauses
        self._stream_id = ""
        self._last = "0"
        self._over = False

    def events(self) -> Iterator[Event]:
        """All of them, over as many connections as it takes."""
        tries = 0
        while True:
            broken = CliError(exit_for("internal"), "The text broke off; ask again.", code="answer_broken_off")
            try:
                for event in self._once():
                    tries = 0
                    self._over = event.name in {"done", "error"}
                    yield event
                    if self._over:
                        return
            except CliError as error:
                broken = error
                if not self._stream_id or not (error.code in _PASSING or error.code.startswith("http_5")):
                    self._over = True
                    raise
            if not self._stream_id or tries == len(self._pauses):
                self._over = True
                raise broken
            time.sleep(self._pauses[tries])
            tries += 1

    def leave(self) -> None:
        """Nobody wants the rest."""
        if self._stream_id and not self._over:
            with suppress(CliError):
                self._client.post(f"/streams/{self._stream_id}/cancel")

    def _once(self) -> Iterator[Event]:
        """The events of one connection; the first one asks, the others read on."""
        if self._stream_id:
            came = self._client.events("GET", f"/streams/{self._stream_id}", last_event_id=self._last)
        else:
            came = self._client.events("POST", self._path, body=self._body)
        for event in came:
            if event.name == "error" and not event.id and event.data["error"]["code"] in _PASSING:
                raise CliError(exit_for(event.data["error"]["code"]), event.data["error"]["message"], code=event.data["error"]["code"])
            self._last = event.id or self._last
            if event.name == "stream":
                self._stream_id = str(event.data["stream_id"])
            yield event
