"""The OpenAPI document says of every route what it needs and how it fails."""

from typing import Any

import pytest
from fastapi import FastAPI

from backend.core.errors import Code
from tests.api.walk import KEYLESS, all_routes


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert documented == set(all_routes())


def test_every_failure_has_our_shape(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            failures = {status: body for status, body in operation["responses"].items() if int(status) >= 400}
            assert {"422", "500", "503"} <= set(failures), (method, path)
            for body in failures.values():
                content = body["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}, (method, path)
                assert content["examples"]
            assert (method.upper(), path) in KEYLESS or {"401", "403"} <= set(failures), (method, path)
            assert "requestBody" not in operation or {"400", "413"} <= set(failures), (method, path)


def test_every_route_says_which_key_it_takes(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {"Bearer", "ApiKey", "HMAC", "Platform", "FreshdeskDomain", "FreshdeskAPIKey", "ZendeskDomain", "ZendeskAPIToken"} <= set(
        schemes
    )
    assert {name for each in document["paths"]["/api/v1/me"]["get"]["security"] for name in each} == set(schemes)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert bool(operation.get("security")) is ((method.upper(), path) not in KEYLESS), (method, path)
            assert operation["summary"]
            assert operation.get("description"), (method, path)


def test_error_codes_are_a_closed_list(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]["Code"]["enum"]) == {code.value for code in Code}


def test_no_response_schema_has_a_place_for_a_secret(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Out") or "Out_" in name:
            fields = set(schema.get("properties", {})) - ({"api_key"} if name == "MadeKeyOut" else set())
            assert not fields & {"credentials", "api_key", "key_hash", "sealed_data_key", "lexical", "internal_summary"}, name


def test_every_group_of_routes_is_told_of(document: dict[str, Any]) -> None:
    used = {tag for operations in document["paths"].values() for operation in operations.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}
