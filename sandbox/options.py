"""What a sandbox can be told when it starts."""

from dataclasses import dataclass, field

#: 2026-09-30T09:00:00Z. A fixed moment keeps the data the same on every day it is generated.
DEFAULT_REFERENCE = 1_790_758_800


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """One account of one vendor double. Times are seconds, ports 0 mean "any free one"."""

    host: str = "127.0.0.1"
    port: int = 0
    attachments_port: int = 0
    #: Address clients use when it differs from `host` (a container name, for example), without scheme and port.
    public_host: str | None = None
    #: Further values of the Host header that belong to this account; any other host is an unknown domain.
    hosts: tuple[str, ...] = ()
    seed: int = 7
    tickets: int = 400
    #: Epoch seconds at which the history ends; the 30-day rule of `GET /tickets` counts back from here.
    reference: int = DEFAULT_REFERENCE
    company_name: str = "Hanbit Cloud"
    api_key: str = "sandbox-key"
    #: Key of an agent with ticket scope 3: only what is assigned to them is readable.
    restricted_key: str = "sandbox-restricted-key"
    control_key: str = "sandbox-control"
    #: Zendesk only: a bearer token of an administrator, beside the API token (`api_key`) that goes with an agent's address.
    oauth_token: str = "sandbox-oauth-token"  # noqa: S105 - it opens made-up data
    #: Zendesk only: port of the second brand's host, where its help center is.
    brand_port: int = 0
    #: Zendesk only: an account with a single brand.
    one_brand: bool = False
    #: Zendesk only: requests in one window for each incremental export.
    export_quota: int = 10
    #: Zendesk only: seconds that the incremental exports lie behind.
    export_lag: float = 60.0
    #: Zendesk only: the most that a page of an incremental export has, whatever is asked for; Zendesk's own limit is a thousand.
    export_page: int = 1_000
    #: Requests in one window for the whole account; tickets and contacts have a share of it each.
    quota: int = 100_000
    quota_shares: dict[str, float] = field(default_factory=lambda: {"tickets": 0.4, "contacts": 0.4})
    quota_window: float = 60.0
    latency_ms: float = 0.0
    #: Life of a signed attachment URL; Freshdesk signs for 300 s.
    url_seconds: float = 300.0
    #: Deepest page of `GET /tickets`; Freshdesk stops at 300.
    page_cap: int = 300
    #: Render every ticket before the first request, so that a measured client never waits for generation.
    prebuild: bool = False
