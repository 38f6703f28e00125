"""Settings of the API: how often it may be asked, under which address, and by which web pages; parts of `Settings`, which reads them."""

from pydantic import Field
from pydantic_settings import BaseSettings

UNLIMITED = "unlimited"
"""A variable that is empty counts as not given, so no limit has a word of its own, and not `off`, which YAML takes for false."""
_RATE = rf"^({UNLIMITED}|[1-9]\d{{0,8}}/(second|minute|hour|day))?$"
_ORIGIN = r"https?://[^\s/?#@,]+"


class ApiSettings(BaseSettings):
    """Each login that is not remembered costs the helpdesk calls: one where it is rejected, some eight where it is not."""

    rate_address: str = Field(
        "12000/minute",
        pattern=_RATE,
        description="Requests of one network address, such as `200/second`; `unlimited`: no limit. Probes are not counted.",
    )
    rate_key: str = Field("6000/minute", pattern=_RATE, description="Requests with one API key and its tokens; likewise.")
    rate_tenant: str = Field("12000/minute", pattern=_RATE, description="Requests with all keys of one company; likewise.")
    rate_webhook: str = Field(
        "60000/minute", pattern=_RATE, description="Webhooks of one connection that proved who they are from; likewise."
    )
    rate_login_address: str = Field(
        "30/minute",
        pattern=_RATE,
        description="Logins with a helpdesk's credentials that the helpdesk is asked about, of one network address; `unlimited`: no limit.",
    )
    rate_login: str = Field("60/minute", pattern=_RATE, description="The same of all addresses, for one connection.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="The address helpdesks call, `https://desklore.acme.com`; empty: as asked under.",
    )
    cors_origins: str = Field(
        "",
        pattern=rf"^({_ORIGIN}(\s*,\s*{_ORIGIN})*)?$",
        description="Web pages whose scripts may call the API, as origins (comma-separated), such as `https://app.acme.com`; empty: none.",
    )
    body_max_bytes: int = Field(1_000_000, ge=1_000, description="Larger request bodies are refused.")

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of `cors_origins`, as browsers write them."""
        return tuple(origin.strip().lower() for origin in self.cors_origins.split(",") if origin.strip())
