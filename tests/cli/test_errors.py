"""Exit codes that scripts can trust."""

import pytest

from backend.cli.errors import CliError, Exit, exit_for
from backend.core.errors import SPECS, Code, Kind


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("unauthenticated", Exit.DENIED),
        ("key_revoked", Exit.DENIED),
        ("forbidden", Exit.DENIED),
        ("run_not_found", Exit.NOT_FOUND),
        ("source_item_not_found", Exit.NOT_FOUND),
        ("source_credentials_rejected", Exit.UPSTREAM),
        ("source_rate_limited", Exit.UPSTREAM),
        ("llm_unavailable", Exit.UPSTREAM),
        ("host_not_allowed", Exit.USAGE),
        ("question_too_long", Exit.USAGE),
        ("run_active", Exit.FAILED),
        ("storage_full", Exit.FAILED),
    ],
)
def test_a_code_of_the_api_has_its_exit_code(code: str, exit_code: Exit) -> None:
    assert exit_for(code) is exit_code


@pytest.mark.parametrize("code", Code)
def test_no_error_is_told_as_success(code: Code) -> None:
    assert exit_for(code.value) not in {Exit.OK, Exit.INTERRUPTED, Exit.UNREACHABLE}
    if SPECS[code].kind is Kind.NOT_FOUND:
        assert exit_for(code.value) is Exit.NOT_FOUND


@pytest.mark.parametrize(("status", "exit_code"), [(401, Exit.DENIED), (404, Exit.NOT_FOUND), (502, Exit.UPSTREAM), (500, Exit.FAILED)])
def test_what_is_no_code_of_ours_goes_by_the_status(status: int, exit_code: Exit) -> None:
    assert exit_for("something_new", status) is exit_code


def test_the_document_of_an_error_has_the_shape_of_the_api() -> None:
    error = CliError(Exit.NOT_FOUND, "There is no run.", code="run_not_found", details={"run_id": "r"})
    assert error.as_json() == {
        "error": {"code": "run_not_found", "message": "There is no run.", "details": {"run_id": "r"}, "exit_code": 3}
    }
