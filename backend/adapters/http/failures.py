"""How a call fails below HTTP, told apart without naming the library that made it."""


class UnknownHostError(OSError):
    """The name system has no such host."""


class ForbiddenAddressError(OSError):
    """The address is none of the public internet, and nobody allowed it."""


class InterruptedAnswerError(ConnectionError):
    """The connection broke before the answer was whole, or what came was no HTTP."""


class OversizeAnswerError(Exception):
    """The answer is larger than the caller takes."""
