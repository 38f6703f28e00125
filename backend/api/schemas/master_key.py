"""JSON of the rotation of the master key."""

from pydantic import Field

from backend.api.schemas.base import In, Out


class RotationOut(Out):
    """How far the rotation is."""

    tenants: int
    left: int = Field(description="Companies whose data key an older master key wraps still; 0: that key may be taken away.")


class RotateIn(In):
    """Which companies to take now."""

    limit: int = Field(50, ge=1, le=500, description="At most so many companies in this call.")
    after: str | None = Field(None, max_length=63, description="`after` of the last answer; empty: from the beginning.")


class UnwrappedOut(Out):
    """A company whose data key could not be wrapped anew; its master key is missing, most likely."""

    company_id: str
    code: str
    message: str


class RotatedOut(RotationOut):
    """What this call did."""

    rewrapped: int
    failed: list[UnwrappedOut]
    after: str | None = Field(description="Send it with the next call; null: all companies were looked at.")
