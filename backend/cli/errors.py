"""What a command can end with; scripts may trust the exit codes."""

from enum import IntEnum
from typing import Any, Final

from backend.core.errors import SPECS, Code, Kind


class Exit(IntEnum):
    """Exit codes of `desklore`; the README lists them."""

    OK = 0
    FAILED = 1
    """The work was tried and failed."""
    USAGE = 2
    """The command or a value in it is wrong."""
    NOT_FOUND = 3
    """What was named does not exist."""
    DENIED = 4
    """The key is missing, unknown, or may not do this."""
    UNREACHABLE = 5
    """No Desklore server answers at the address."""
    UPSTREAM = 6
    """A helpdesk or a model provider refuses or does not answer."""
    INTERRUPTED = 130
    """Ctrl-C."""


_BY_KIND: Final = {
    Kind.INVALID: Exit.USAGE,
    Kind.TOO_LARGE: Exit.USAGE,
    Kind.UNSUPPORTED: Exit.USAGE,
    Kind.UNAUTHENTICATED: Exit.DENIED,
    Kind.FORBIDDEN: Exit.DENIED,
    Kind.NOT_FOUND: Exit.NOT_FOUND,
    Kind.UPSTREAM: Exit.UPSTREAM,
}
_BY_STATUS: Final = {401: Exit.DENIED, 403: Exit.DENIED, 404: Exit.NOT_FOUND, 400: Exit.USAGE, 422: Exit.USAGE, 502: Exit.UPSTREAM}


class CliError(Exception):
    """A command's failure: one line that says what is wrong and what to do, and the exit code."""

    def __init__(self, exit_code: Exit, message: str, *, code: str = "cli_error", details: dict[str, Any] | None = None) -> None:
        self.exit_code = exit_code
        self.message = message
        self.code = code
        self.details = details or {}
        super().__init__(message)

    def as_json(self) -> dict[str, Any]:
        """The shape of the API's errors, so that a script reads one shape only."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details, "exit_code": int(self.exit_code)}}


def exit_for(code: str, status: int | None = None) -> Exit:
    """The exit code of an API error by its code, or by the HTTP status where the code is not one of ours."""
    if code not in {known.value for known in Code}:
        return _BY_STATUS.get(status or 0, Exit.FAILED)
    known = Code(code)
    # A rejected key or host of a helpdesk is the helpdesk's word, whatever the HTTP status says.
    if known.value.startswith(("source_", "llm_")) and SPECS[known].kind is not Kind.NOT_FOUND:
        return Exit.UPSTREAM
    return _BY_KIND.get(SPECS[known].kind, Exit.FAILED)
