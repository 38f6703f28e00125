"""Addresses of files: a lasting one on the account's own host that sends on to a store elsewhere (as recorded)."""

import copy
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.data.model import Attachment

if TYPE_CHECKING:
    from sandbox.data.account import Account

_SLOT = re.compile(r"<img src=\"\{\{inline:(\d+)\}\}\"[^>]*/>")
_KEY = b"sandbox-signing-key-of-at-least-32-bytes"


class Links:
    """Makes and checks the addresses of one account's files."""

    def __init__(self, account: "Account", seconds: float) -> None:
        self._account = account
        self._tokens: dict[str, int] = {}
        self.seconds = seconds
        self.api_base = ""
        self.files_base = ""
        self.brand_base = ""
        """The second brand's host."""

    def at(self, base: str) -> "Links":
        """The same files with lasting addresses on another host of the account."""
        there = copy.copy(self)
        there.api_base = base
        return there

    def token(self, attachment_id: int) -> str:
        """The lasting token of a file, a secret."""
        token = hmac.new(_KEY, f"{self._account.seed}:{attachment_id}".encode(), hashlib.sha256).hexdigest()[:25]
        self._tokens[token] = attachment_id
        return token

    def lasting(self, file: Attachment) -> str:
        """`content_url`: on the account's own host."""
        return f"{self.api_base}/attachments/token/{self.token(file.id)}/?name={quote(file.name)}"

    def inlined(self, body: str) -> str:
        """A body with the addresses of its pictures in it."""
        return _SLOT.sub(self._picture, body) if "{{inline:" in body else body

    def stored(self, token: str, *, stale: bool = False) -> str | None:
        """Where a token's file is right now, for a short time; None for an unknown token."""
        number = self._tokens.get(token)
        if number is None:
            return None
        life = -1.0 if stale else self.seconds
        until = f"{int((time.time() + life) * 1000):x}"
        return f"{self.files_base}/attachment/{self._account.seed}/{number}?token={until}.{self._signature(number, until)}"

    def verdict(self, attachment_id: int, token: str) -> str:
        """`ok`, `expired` or `forged`."""
        until, _, signature = token.partition(".")
        if not hmac.compare_digest(self._signature(attachment_id, until), signature):
            return "forged"
        return "ok" if int(until, 16) >= time.time() * 1000 else "expired"

    def _picture(self, found: re.Match[str]) -> str:
        file = self._account.attachment(int(found[1]))
        return f'<img src="{self.lasting(file)}" data-original-height="24">' if file else ""

    def _signature(self, attachment_id: int, until: str) -> str:
        return hmac.new(_KEY, f"file:{attachment_id}:{until}".encode(), hashlib.sha256).hexdigest()
