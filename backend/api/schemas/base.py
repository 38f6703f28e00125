"""What all schemas share."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints


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


Item = TypeVar("Item")


class Items(Out, Generic[Item]):
    """All there are."""

    items: list[Item]


class Page(Items[Item], Generic[Item]):
    """Some of what there is; ask again with `after=next` for more, until `next` is null."""

    next: str | None = None
