"""JSON of webhooks: how one is set up; what comes in over one is read as the platform sends it."""

from datetime import datetime

from pydantic import Field, SecretStr

from backend.api.schemas.base import In, Out


class WebhookIn(In):
    """What the platform made, where it makes the secret itself."""

    signing_secret: SecretStr | None = Field(
        None, max_length=500, description="Zendesk's signing secret of the webhook; leave it out for Freshdesk, which is told ours."
    )


class GuideOut(Out):
    """What an admin enters on the helpdesk, step by step."""

    header: str
    body: str
    steps_en: list[str]
    steps_ko: list[str]


class WebhookOut(Out):
    """A connection's webhook as it is shown once."""

    connection_id: str
    platform: str
    url: str = Field(description="What the helpdesk has to call.")
    ready: bool = Field(description="Whether deliveries can be checked; false until a signing secret was entered.")
    secret: str | None = Field(description="Shown this once; null where the platform made it.")
    rotated: bool
    guide: GuideOut


class WebhookStateOut(Out):
    """Whether the helpdesk tells of changes by itself."""

    set_at: datetime
    registered: bool = Field(description="Whether it was made over the helpdesk's API.")


class RegisteredOut(Out):
    """A webhook that was made over the helpdesk's API. Its secret is sealed here and shown to nobody."""

    connection_id: str
    platform: str
    url: str = Field(description="What the helpdesk calls.")
    webhook_id: str = Field(description="The helpdesk's own.")
    trigger_id: str = Field(description="Of the trigger that calls it; empty where it needs none.")
