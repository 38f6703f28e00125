"""The stream of articles: every brand's help center in all languages, then macros.

The help center's own incremental export tells of no deletion and of no change of who may read, so every run lists all of
it: a hundred articles with all their translations a call. The versions say what is new. Each further brand has its help
center at a host of its own; one that can't be read is told as unread, and what is stored of it stays
(docs/decisions/0048-help-centers-of-brands.md).
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from backend.adapters.http.origin import Origin
from backend.adapters.zendesk.brands import Address, Branch, Brands, branches_of, own_of
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, needed_moment, text
from backend.adapters.zendesk.help_center import HelpCenter, article_digits
from backend.adapters.zendesk.normalize_article import MACRO, macro_of
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunMode, RunOptions, Stream, Unread

_BRAND: Final = "brand"
_MACROS: Final = "macros"
_MARK: Final = " brand="
"""Begins the mark in the versions of a further brand's articles."""
_OWN: Final = re.compile(r"\S+ [0-9a-f]{8}")
"""The version of an article of the connection's own help center: it has no mark."""
_NO_HELP_CENTER: Final = frozenset({Code.SOURCE_ITEM_NOT_FOUND, Code.SOURCE_PLAN_MISSING})
_OF_THE_ACCOUNT: Final = frozenset({Code.SOURCE_RATE_LIMITED, Code.SHUTTING_DOWN})
"""What concerns all brands alike."""
_OF_ONE_HOST: Final = frozenset({Code.SOURCE_CREDENTIALS_REJECTED, Code.SOURCE_HOST_UNKNOWN})
"""What would end the run where the account's own host says it."""
_REMEMBERED: Final = timedelta(days=1)
"""So long an account that had one brand is taken to have one, unless something else asks for its brands."""
_WHY: Final = {
    Code.SOURCE_PERMISSION_MISSING: "the user whose token is used may not read it. Give this user access to the brand in Zendesk, "
    "or switch its help center off",
    Code.SOURCE_CREDENTIALS_REJECTED: "it rejects the credentials that the account itself takes. See in Zendesk whether the user is "
    "a member of this brand",
    Code.SOURCE_ITEM_NOT_FOUND: "there is none at this address, though Zendesk calls it enabled. "
    "Activate it in Guide admin, or switch it off",
}


class Knowledge:
    """One account's articles and macros."""

    def __init__(self, client: ZendeskClient, brands: Brands, address: Address) -> None:
        self._client = client
        self._brands = brands
        self._address = address
        self._own = HelpCenter(client)
        self._further: dict[str, HelpCenter] = {}
        """Help centers of further brands by their marks."""
        self._alone = False
        """Whether there is one brand only, as remembered from the last run."""
        self._unread: dict[str, str] = {}
        """What this run could not list: mark -> what an admin is told."""
        self._named: dict[str, str] = {}
        """Articles that were listed, and the mark of whose they are."""

    @property
    def refused(self) -> frozenset[str]:
        """The lists of further brands that the user's role may not read."""
        return frozenset(f"{name} of {center.product}" for center in self._further.values() for name in center.client.refused)

    async def list_page(self, cursor: Cursor, options: RunOptions) -> Listing:
        """All articles of a help center, one brand after the other, and behind them all macros."""
        position = cursor.position
        self._unread |= dict(position.get("unread") or ())
        match position.get("part"):
            case "macros":
                macros = await self._client.everything("/macros.json", "macros", optional=True)
                refs = [ref for macro in macros if (ref := _macro_ref(macro))]
                return self._page(refs, options, self._memory(position), last=True)
            case "brand":
                this, *left = [str(brand_id) for brand_id in position["left"]]
                refs = await self._list_further(this)
            case _:
                left = await self._first(position, options)
                refs = await self._list_own()
        after = {"part": _BRAND, "left": left} if left else {"part": _MACROS}
        kept = {key: position[key] for key in ("brands", "at") if key in position}
        unread = {"unread": [list(each) for each in self._unread.items()]} if self._unread else {}
        return self._page(refs, options, after | kept | unread, anew=position.get("part") is None)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """An article or macro, from the listing's hint where that is of this version."""
        hint = ref.hint if ref.version and ref.hint.get("version") == ref.version else {}
        if ref.original_id.startswith(MACRO):
            return await self._fetch_macro(ref.original_id.removeprefix(MACRO), hint)
        article_id = article_digits(ref.original_id)
        listed: Record = hint.get("article") or {}
        mark = ref.hint.get(_BRAND)
        # Also for one of our own: until the brands are known, it would be of no product.
        centers = await self._centers()
        if isinstance(mark, str) and (center := centers.get(mark)) is not None:
            return await self._fetch_at(center, article_id, listed)
        if listed and mark is None:
            return await self._own.fetch(article_id, listed)
        if _OWN.fullmatch(ref.stored):
            return await self._own.fetch(article_id, {})
        return await self._find(article_id)

    async def admit_hosts(self) -> None:
        """Know which hosts are the account's own, before a file is asked of one."""
        await self._centers()

    async def _first(self, position: Record, options: RunOptions) -> list[str]:
        """Begin a listing: the further brands to list, by id. What an account with one brand remembers spares the question."""
        self._unread, self._named = {}, {}
        self._alone = options.mode is RunMode.INCREMENTAL and _is_fresh(position)
        branches = await self._branches()
        found = self._brands.known
        if position.get("brands") == "untold" if found is None else not found.told:
            # Whatever further brands there are, nobody tells; that their list is refused is told as every other refusal.
            self._unread[_MARK] = ""
        return [branch.brand_id for branch in branches]

    async def _list_own(self) -> list[ItemRef]:
        try:
            refs = await self._own.list()
        except AppError as error:
            # An account without a help center still has its macros, and its further brands.
            if error.code not in _NO_HELP_CENTER:
                raise
            return []
        self._named |= dict.fromkeys((ref.original_id for ref in refs), "")
        return refs

    async def _list_further(self, brand_id: str) -> list[ItemRef]:
        """The articles of a further brand; none where its help center can't be read, which is remembered for as long as the run."""
        branch = next((each for each in await self._branches() if each.brand_id == brand_id), None)
        if branch is None:
            return []
        mark = _mark_of(branch)
        if branch.place is None:
            self._unread[mark] = f"The help center of {branch.name} was not read: the key may not be sent to its address. {self._hint()}"
            return []
        try:
            refs = await self._further[mark].list()
        except AppError as error:
            if error.code in _OF_THE_ACCOUNT:
                raise
            self._unread[mark] = _told(branch.name, branch.place.origin, error)
            return []
        # Ids are unique in an account: a host that answers with another brand's articles has none of its own.
        return [ref for ref in refs if self._named.setdefault(ref.original_id, mark) == mark]

    async def _find(self, article_id: str) -> Fetched:
        """An article of which nobody says whose it is: our own, else that of the first brand that has it."""
        try:
            return await self._own.fetch(article_id, {})
        except AppError as error:
            if error.code not in _NO_HELP_CENTER:
                raise
            missing = error
        for center in list(self._further.values()):
            try:
                return await self._fetch_at(center, article_id, {})
            except AppError as error:
                if error.code not in (*_NO_HELP_CENTER, Code.SOURCE_REQUEST_REFUSED):
                    raise
        unread = [message for message in self._unread.values() if message]
        raise _unsure(unread[0]) if unread else missing

    async def _fetch_at(self, center: HelpCenter, article_id: str, listed: Record) -> Fetched:
        """An article of a further brand. What its host says of the credential, or of itself, concerns neither the account nor the run."""
        if center.mark in self._unread:
            raise _unsure(self._unread[center.mark])
        try:
            return await center.fetch(article_id, listed)
        except AppError as error:
            # A host that fails in the middle of its own listing makes the run wait, and is listed again by the next try.
            if error.code in _OF_ONE_HOST or (error.code is Code.SOURCE_UNAVAILABLE and not listed):
                self._unread[center.mark] = _told(center.product, center.client.http.origin, error)
                raise _unsure(self._unread[center.mark]) from None
            raise

    async def _branches(self) -> Sequence[Branch]:
        """Further brands with an open help center; none, without a call, where the account is known to have one brand."""
        if self._alone:
            return ()
        records = (await self._brands.get()).records
        branches = branches_of(records, self._address)
        if len(records) > 1:
            self._own.product = text(own_of(records, self._address) or {}, "name")
        for branch in branches:
            mark = _mark_of(branch)
            if branch.place is not None and mark not in self._further:
                client = ZendeskClient(self._client.http.beside(branch.place.origin), branch.place.prefix)
                self._further[mark] = HelpCenter(client, product=branch.name, mark=mark)
        return branches

    async def _centers(self) -> dict[str, HelpCenter]:
        await self._branches()
        return self._further

    def _memory(self, position: Record) -> dict[str, Any]:
        """What the next run has to know of the brands, to ask for them only where there may be several."""
        found = self._brands.known
        if found is None:
            return {key: position[key] for key in ("brands", "at") if key in position}
        if found.told and not found.alone:
            return {}
        return {"brands": "one" if found.told else "untold", "at": clock.now().isoformat()}

    def _page(
        self, refs: list[ItemRef], options: RunOptions, position: dict[str, Any], *, last: bool = False, anew: bool = False
    ) -> Listing:
        since, until = options.since, options.until
        kept = tuple(
            ref
            for ref in refs
            if (since is None or ref.hint["at"] >= since.isoformat()) and (until is None or ref.hint["at"] < until.isoformat())
        )
        unread = tuple(Unread(mark=mark, message=message) for mark, message in self._unread.items())
        return Listing(refs=kept, next=Cursor(stream=Stream.ARTICLES, position=position), last=last, anew=anew, unread=unread)

    def _hint(self) -> str:
        if self._address.is_vendors:
            return "Its subdomain in Zendesk is no name of a host."
        return "The operator can name the host of its brand_url in DESKLORE_CONNECTOR_HOST_ALLOWLIST."

    async def _fetch_macro(self, macro_id: str, hint: Any) -> Fetched:
        macro: Record = hint.get("macro") or await self._client.record(f"/macros/{article_digits(macro_id)}.json", "macro")
        made = macro_of(macro)
        if made is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "This macro is switched off, one agent's own, or says nothing.")
        return Fetched(item=made, raw=orjson.dumps({"macro": macro}))


def _mark_of(branch: Branch) -> str:
    return f"{_MARK}{branch.brand_id};"


def _told(name: str, origin: Origin, error: AppError) -> str:
    why = _WHY.get(error.code, error.message.rstrip("."))
    return f"The help center of {name} at {origin.authority} was not read, and what is stored of it stays: {why}."


def _unsure(told: str) -> AppError:
    return AppError(Code.SOURCE_REQUEST_REFUSED, f"Nobody can tell whether this article is still there. {told}")


def _is_fresh(position: Record) -> bool:
    try:
        return clock.now() - datetime.fromisoformat(str(position.get("at"))) < _REMEMBERED
    except (ValueError, TypeError):
        return False


def _macro_ref(macro: Record) -> ItemRef | None:
    made = macro_of(macro)
    if made is None:
        return None
    at = needed_moment(macro, "updated_at").isoformat()
    version = f"{at} {text_hash(made.folder, made.visibility)[:8]}"
    return ItemRef(
        doc_type=DocType.ARTICLE, original_id=made.original_id, version=version, hint={"version": version, "at": at, "macro": macro}
    )
