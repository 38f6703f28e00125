"""Settings of how often helpdesks are asked whose credentials somebody shows: parts of `Settings`, which reads them."""

from pydantic import Field
from pydantic_settings import BaseSettings

_RATE = r"^([1-9]\d{0,8}/(second|minute|hour|day))?$"


class LoginSettings(BaseSettings):
    """Each login that is not remembered costs the helpdesk calls: one where it is rejected, some eight where it is not."""

    rate_login_address: str = Field(
        "30/minute",
        pattern=_RATE,
        description="Logins with a helpdesk's credentials that the helpdesk is asked about, of one network address; empty: no limit.",
    )
    rate_login: str = Field("60/minute", pattern=_RATE, description="The same of all addresses, for one connection.")
