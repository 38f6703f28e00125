"""Signed addresses of files, as Freshdesk hands them out: S3 links that die, inline pictures behind two redirects."""

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import jwt

if TYPE_CHECKING:
    from sandbox.data.account import Account

#: Where rendered payloads wait for an address that is made when they are sent.
_SLOT = re.compile(rb"\{\{(att|thumb|inline):(\d+)\}\}")
_KEY = b"sandbox-signing-key-of-at-least-32-bytes"


class Links:
    """Makes and checks the addresses of one account's files."""

    def __init__(self, account: "Account", domain: str, seconds: float) -> None:
        self._account = account
        self._domain = domain
        self.seconds = seconds
        self.api_base = ""
        self.files_base = ""

    def fill(self, body: bytes, *, stale: bool = False) -> bytes:
        """Put fresh addresses into a rendered payload."""
        if b"{{" not in body:
            return body
        life = -1.0 if stale else self.seconds

        def address(found: re.Match[bytes]) -> bytes:
            kind, number = found[1], int(found[2])
            if kind == b"inline":
                return self.inline(number).encode()
            return self.signed(number, life, size="thumb" if kind == b"thumb" else "original").encode()

        return _SLOT.sub(address, body)

    def signed(self, attachment_id: int, life: float | None = None, *, size: str = "original") -> str:
        """A link to the file store that works for `life` seconds."""
        now = time.time()
        life = self.seconds if life is None else life
        token = f"{int((now + life) * 1000):x}"
        file = self._account.attachment(attachment_id)
        name = quote(file.name if file else "file")
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        return (
            f"{self.files_base}/data/helpdesk/attachments/production/{attachment_id}/{size}/{name}"
            f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SANDBOX%2F{date[:8]}%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date={date}"
            f"&X-Amz-Expires={max(1, int(life))}&X-Amz-Security-Token={token}&X-Amz-SignedHeaders=host"
            f"&X-Amz-Signature={self._signature(attachment_id, token)}"
        )

    def export(self, job_id: int) -> str:
        """A link to the file of an account export that works for a while."""
        now = time.time()
        token = f"{int((now + self.seconds) * 1000):x}"
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        return (
            f"{self.files_base}/data/helpdesk/exports/production/{job_id}/account.zip"
            f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={date}&X-Amz-Expires={max(1, int(self.seconds))}"
            f"&X-Amz-Security-Token={token}&X-Amz-SignedHeaders=host&X-Amz-Signature={self._signature(job_id, token)}"
        )

    def inline(self, attachment_id: int) -> str:
        """The lasting address of an inline picture; its token never expires, which makes it a secret."""
        claims = {"id": attachment_id, "domain": self._domain, "account_id": self._account.seed}
        token = jwt.encode(claims, _KEY, algorithm="HS256")
        return f"{self.files_base}/inline/attachment?token={token}"

    def inline_id(self, token: str) -> int | None:
        """The picture an inline token stands for."""
        try:
            return int(jwt.decode(token, _KEY, algorithms=["HS256"])["id"])
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None

    def verdict(self, attachment_id: int, query: dict[str, str]) -> str:
        """`ok`, `expired` or `forged`."""
        token = query.get("X-Amz-Security-Token", "")
        if not hmac.compare_digest(self._signature(attachment_id, token), query.get("X-Amz-Signature", "")):
            return "forged"
        return "ok" if int(token, 16) >= time.time() * 1000 else "expired"

    def _signature(self, attachment_id: int, token: str) -> str:
        return hmac.new(_KEY, f"{self._account.seed}:{attachment_id}:{token}".encode(), hashlib.sha256).hexdigest()
