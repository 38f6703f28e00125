"""The remote control under `/_sandbox/`: change data, order faults, read counters. Loopback only, with its own key."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from sandbox.data.account import Account
from sandbox.data.model import Json
from sandbox.faults import KINDS, Fault, Faults
from sandbox.hooks import Hooks
from sandbox.options import SandboxOptions
from sandbox.stats import Stats
from sandbox.wire import Answer, Ask, Refusal, ok

PREFIX = "/_sandbox"
_HEADER = b"x-sandbox-control"
_LOOPBACK = {"127.0.0.1", "::1", "localhost", "testclient"}


class Controlled(Protocol):
    """What the control needs of an account, whatever the vendor."""

    options: SandboxOptions
    account: Account
    faults: Faults
    hooks: Hooks
    stats: Stats

    def reset(self) -> None:
        """Back to the first day."""


S = TypeVar("S", bound=Controlled)
S_contra = TypeVar("S_contra", bound=Controlled, contravariant=True)
Handler = Callable[[S, Ask], object]
Handlers = Mapping[tuple[str, str], Handler[S]]
"""What is done by method and path below `/_sandbox`."""


class Changes(Protocol[S_contra]):
    """How a vendor's account changes in ways that every vendor has."""

    def merge(self, site: S_contra, target: int, others: list[int], /) -> None:
        """Merge tickets into one."""

    def change_article(self, site: S_contra, article_id: int, language: str, fields: Json, /) -> None:
        """Change one language of an article."""

    def unpublish(self, site: S_contra, article_id: int, /) -> None:
        """Make every language of an article a draft."""

    def remove_article(self, site: S_contra, article_id: int, /) -> None:
        """Take an article away."""


class Control(Generic[S]):
    """What every vendor's remote control does, beside what is the vendor's `own`, which goes first.

    `unknown` answers a request there is no handler for, and `invalid` a value that can't be used (its name, what is wrong).
    """

    def __init__(
        self, own: Handlers[S], changes: Changes[S], *, unknown: Callable[[str], Answer], invalid: Callable[[str, str], Refusal]
    ) -> None:
        self._changes = changes
        self._unknown = unknown
        self._invalid = invalid
        self._handlers: dict[tuple[str, str], Handler[S]] = {
            ("POST", "/tickets/{id}/merge"): self._merge,
            ("PUT", "/articles/{id}"): self._article,
            ("POST", "/articles/{id}/unpublish"): self._unpublish,
            ("DELETE", "/articles/{id}"): self._remove_article,
            ("POST", "/faults"): self._order_fault,
            ("GET", "/faults"): lambda site, _: site.faults.report(),
            ("DELETE", "/faults"): _clear_faults,
            ("GET", "/hooks"): lambda site, _: site.hooks.report(),
            ("DELETE", "/hooks"): _clear_hooks,
            ("GET", "/stats"): lambda site, _: site.stats.report(),
            ("DELETE", "/stats"): _clear_stats,
            ("POST", "/reset"): _reset,
            ("GET", "/truth"): lambda site, _: truth(site),
            **own,
        }

    def __call__(self, site: S, ask: Ask, client: str | None) -> Answer:
        """Answer a control request; anybody without the key or from another machine is told that nothing is here."""
        key = ask.headers.get(_HEADER, b"").decode("latin-1")
        if client not in _LOOPBACK or key != site.options.control_key:
            return Answer(404)
        handler = self._handlers.get((ask.method, ask.shape.removeprefix(PREFIX)))
        if handler is None:
            return self._unknown(f"No such control: {ask.method} {ask.path}")
        try:
            return ok(handler(site, ask))
        except Refusal as refusal:
            return refusal.answer

    def _merge(self, site: S, ask: Ask) -> object:
        target = whole_number(ask.json(), "into", self._invalid)
        self._changes.merge(site, target, [ask.ids[0]])
        return {"merged": ask.ids[0], "into": target}

    def _article(self, site: S, ask: Ask) -> object:
        fields = ask.json()
        self._changes.change_article(site, ask.ids[0], str(fields.pop("lang", "ko")), fields)
        return {"changed": ask.ids[0]}

    def _unpublish(self, site: S, ask: Ask) -> object:
        self._changes.unpublish(site, ask.ids[0])
        return {"unpublished": ask.ids[0]}

    def _remove_article(self, site: S, ask: Ask) -> object:
        self._changes.remove_article(site, ask.ids[0])
        return {"gone": ask.ids[0]}

    def _order_fault(self, site: S, ask: Ask) -> object:
        try:
            site.faults.add(msgspec.json.decode(ask.body, type=Fault))
        except (msgspec.DecodeError, re.error) as error:
            raise self._invalid("fault", f"{error}; kinds are {', '.join(KINDS)}") from error
        return site.faults.report()


def whole_number(fields: Mapping[str, Any], name: str, invalid: Callable[[str, str], Refusal]) -> int:
    """A whole number that has to be there."""
    value = fields.get(name)
    if not isinstance(value, int):
        raise invalid(name, "It should be an Integer")
    return value


def truth(site: Controlled) -> Json:
    """Which tickets and articles belong to which problem, and in which state tickets are."""
    account = site.account
    return {
        "judgements": [msgspec.to_builtins(judgement) for judgement in account.judgements()],
        "states": {state: [t.id for t in account.tickets.values() if t.state == state] for state in ("deleted", "spam", "archived")},
        "merged": {str(t.id): t.merged_into for t in account.tickets.values() if t.merged_into},
    }


def _clear_faults(site: Controlled, _: Ask) -> object:
    site.faults.clear()
    return site.faults.report()


def _clear_hooks(site: Controlled, _: Ask) -> object:
    site.hooks.clear()
    return site.hooks.report()


def _clear_stats(site: Controlled, _: Ask) -> object:
    site.stats.clear()
    return site.stats.report()


def _reset(site: Controlled, _: Ask) -> object:
    site.reset()
    return {"tickets": len(site.account.tickets)}
