"""What all schemas share."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


class In(BaseModel):
    """A request body: a field we don't know is an error, for a misspelled option must not be ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """A response body, read off a value of the model; only the fields named here leave."""

    model_config = ConfigDict(from_attributes=True)


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Something people call a thing."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""An id of ours or of a helpdesk."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment of the years 1 to 9999") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time, given with its zone."""

Item = TypeVar("Item")


class Items(Out, Generic[Item]):
    """All there are."""

    items: list[Item]


class Page(Items[Item], Generic[Item]):
    """Some of what there is; ask again with `after=next` for more, until `next` is null."""

    next: str | None = None
