"""The OpenAPI document: the framework's, with the shape of errors that every route refers to."""

from typing import Any

from fastapi import FastAPI

from backend.api.helpdesk_login import security_choices, security_schemes
from backend.api.schemas.errors import ErrorBody
from backend.api.signing import SECURITY_SCHEME


def install_openapi(app: FastAPI) -> None:
    """Add the schema of errors once, whatever media type a route answers with when all is well.

    Given as a `model`, the framework would document it as the data of an event stream's event or as a file's content.
    """
    plain = app.openapi

    def document() -> dict[str, Any]:
        made = plain()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        if "ErrorBody" not in schemas:
            error = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(error.pop("$defs"))
            schemas["ErrorBody"] = error
            _add_ways_in(made)
        return made

    app.openapi = document  # type: ignore[method-assign]  # the framework's documented way to change it


def _add_ways_in(made: dict[str, Any]) -> None:
    """Other ways to say who asks: signing, and headers that are needed together, of which the framework can name one at a time only."""
    made["components"].setdefault("securitySchemes", {}).update({**security_schemes(), "HMAC": SECURITY_SCHEME})
    for operations in made["paths"].values():
        for operation in operations.values():
            if operation.get("security"):
                operation["security"] += [{"HMAC": []}, *security_choices()]
