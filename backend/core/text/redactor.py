"""Make a text neutral that is kept and shared: a Summary is reused for other customers and names nobody."""

from collections.abc import Sequence
from typing import Final

import msgspec

from backend.core.model.document import Part, Summary
from backend.core.model.ticket import Role
from backend.core.text.masking import redact, told_in

_STAND_INS: Final = {(True, True): "고객", (True, False): "담당자", (False, True): "the customer", (False, False): "the agent"}
"""What a name becomes: by whether it is Korean, and whether a customer's."""


class Redactor:
    """Takes personal data and the names of a ticket's people out, for good."""

    def __init__(self, parts: Sequence[Part]) -> None:
        # Who has the name of somebody else in the ticket is taken for the first of them, in every process alike.
        roles = {part.author: part.role for part in reversed(parts) if len(part.author) > 1}
        self._told = told_in(part.text for part in parts)
        self._names = sorted(roles.items(), key=lambda name: (-len(name[0]), name[0]))

    def __call__(self, text: str) -> str:
        """The text with neutral words in their places."""
        text = redact(text, told=self._told)
        for name, role in self._names:
            if name in text:
                text = text.replace(name, _STAND_INS[name[0] >= "가", role is Role.CUSTOMER])
        return text

    def summary(self, summary: Summary) -> Summary:
        """The Summary with each of its texts neutral."""
        return msgspec.structs.replace(
            summary,
            problem=self(summary.problem),
            cause=self(summary.cause),
            solution=self(summary.solution),
            result=self(summary.result),
            product_area=redact(summary.product_area, told=self._told),
            tags=tuple(redact(tag, told=self._told) for tag in summary.tags),
        )
