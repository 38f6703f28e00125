"""Ticket numbers that a question names."""

import re
from typing import Final

_MOST: Final = 5
_NUMBER: Final = r"(\d{1,19})(?![\d.,]*\d)"
# What is counted is no name: "티켓 3건", "ticket 2 days".
_COUNTED: Final = r"(?!\s*(?:개|건|명|장|매|일|시간|분|%|days?\b|hours?\b|minutes?\b|times?\b))"
_NAMED: Final = re.compile(
    rf"(?:(?<!\w)#|\bticket\s*(?:no\.?|number|id)?\s*#?\s*|티켓\s*(?:번호)?\s*#?\s*|문의\s*번호\s*#?\s*){_NUMBER}{_COUNTED}"
    r"|(?<!\d)(\d{1,19})\s*번\s*(?:티켓|문의)",
    re.IGNORECASE,
)


def named_tickets(text: str) -> tuple[str, ...]:
    """Numbers that are said to be a ticket's, such as `#285`, `ticket 285`, `티켓 285`, `285번 티켓`; each once, five at most."""
    found = (first or second for first, second in _NAMED.findall(text))
    return tuple(dict.fromkeys(found))[:_MOST]
