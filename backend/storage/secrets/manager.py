"""Credentials in AWS Secrets Manager, one secret a tenant and platform: `/customers/{company_id}/{platform}`.

Each connection's newest version has the connection's id as a staging label, and is read by it: so one whose saving came to
nothing never takes the place of one that is in use (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html).
"""

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.secrets import SecretStore
from backend.storage.aws import AwsClient, code_of
from backend.storage.secrets.sealed import ELSEWHERE

_REMEMBERED_SECONDS: Final = 300.0
_REMEMBERED: Final = 1_000
_MISSING: Final = frozenset({"ResourceNotFoundException"})
_BEING_DELETED: Final = frozenset({"InvalidRequestException"})

Place = tuple[str, str, str]


class ManagedSecrets:
    """SecretStore in AWS Secrets Manager. Credentials that were sealed in the database before are opened by `sealed`."""

    def __init__(self, aws: AwsClient, sealed: SecretStore, prefix: str = "/customers") -> None:
        self._aws = aws
        self._sealed = sealed
        self._prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
        self._opened: dict[Place, tuple[str, Secret, float]] = {}

    async def keep(self, tenant: Tenant, platform: str, connection_id: str, secret: Secret) -> SealedSecret:
        """Write a new version and give it the connection's label."""
        name = self._name(tenant.company_id, platform)
        version = secrets.token_hex(16)
        await self._aws.run(_write, self._aws.client, name, version, (connection_id, secret.reveal()))
        token = f"{ELSEWHERE}{version}"
        self._remember((tenant.company_id, platform, connection_id), token, secret)
        return SealedSecret(token)

    async def open(self, tenant: Tenant, platform: str, connection_id: str, kept: SealedSecret) -> Secret:
        """The credentials again, remembered for a few minutes."""
        if not kept.token.startswith(ELSEWHERE):
            return await self._sealed.open(tenant, platform, connection_id, kept)
        place = (tenant.company_id, platform, connection_id)
        known = self._opened.get(place)
        if known is not None and known[0] == kept.token and known[2] > time.monotonic():
            return known[1]
        name = self._name(tenant.company_id, platform)
        plain = await self._aws.run(_read, self._aws.client, name, connection_id)
        if plain is None:
            raise AppError(
                Code.SECRET_UNREADABLE, f"AWS Secrets Manager has no credentials of this connection under {name}. Enter them again."
            )
        self._remember(place, kept.token, Secret(plain))
        return Secret(plain)

    async def forget(self, company_id: str, platform: str, connection_id: str) -> None:
        """Take the connection's label away; the secret goes with its last label."""
        self._opened.pop((company_id, platform, connection_id), None)
        await self._aws.run(_unlabel, self._aws.client, self._name(company_id, platform), connection_id)

    async def erase(self, company_id: str) -> int:
        """Delete every secret of the tenant at once, without the days in which it could be had back."""
        for place in [each for each in self._opened if each[0] == company_id]:
            self._opened.pop(place, None)
        return await self._aws.run(_erase, self._aws.client, self._name(company_id, ""))

    def _name(self, company_id: str, platform: str) -> str:
        return f"{self._prefix}/{company_id}/{platform}"

    def _remember(self, place: Place, token: str, secret: Secret) -> None:
        if len(self._opened) >= _REMEMBERED:
            self._opened.clear()
        self._opened[place] = (token, secret, time.monotonic() + _REMEMBERED_SECONDS)


def _write(client: Any, name: str, version: str, content: tuple[str, str]) -> None:
    connection_id, plain = content
    try:
        _put(client, name, version, content)
    except client.exceptions.ClientError as error:
        if code_of(error) in _BEING_DELETED:
            client.restore_secret(SecretId=name)
            _put(client, name, version, content)
            return
        if code_of(error) not in _MISSING:
            raise
        try:
            client.create_secret(Name=name, SecretString=plain, ClientRequestToken=version)
        except client.exceptions.ResourceExistsException:
            # Another process was faster by a moment.
            _put(client, name, version, content)
        else:
            client.update_secret_version_stage(SecretId=name, VersionStage=connection_id, MoveToVersionId=version)


def _put(client: Any, name: str, version: str, content: tuple[str, str]) -> None:
    connection_id, plain = content
    client.put_secret_value(SecretId=name, SecretString=plain, ClientRequestToken=version, VersionStages=[connection_id])
    # For people who look there: we read by the connection's label only.
    current = [each for each, labels in client.describe_secret(SecretId=name)["VersionIdsToStages"].items() if "AWSCURRENT" in labels]
    # Another process that was faster moved it already.
    with contextlib.suppress(client.exceptions.InvalidParameterException):
        client.update_secret_version_stage(
            SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=version, **({"RemoveFromVersionId": current[0]} if current else {})
        )


def _read(client: Any, name: str, label: str) -> str | None:
    try:
        plain: str = client.get_secret_value(SecretId=name, VersionStage=label)["SecretString"]
    except client.exceptions.ClientError as error:
        if code_of(error) in _MISSING | _BEING_DELETED:
            return None
        raise
    return plain


def _unlabel(client: Any, name: str, label: str) -> None:
    try:
        stages: dict[str, list[str]] = client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
        mine = [version for version, labels in stages.items() if label in labels]
        others = {each for labels in stages.values() for each in labels if not each.startswith("AWS") and each != label}
        if not others:
            _delete(client, name)
            return
        for version in mine:
            client.update_secret_version_stage(SecretId=name, VersionStage=label, RemoveFromVersionId=version)
    except client.exceptions.ClientError as error:
        if code_of(error) not in _MISSING:
            raise


def _erase(client: Any, folder: str) -> int:
    names = list(_names(client, folder))
    for name in names:
        _delete(client, name)
    return len(names)


def _names(client: Any, folder: str) -> Iterator[str]:
    # The filter finds names that begin alike, whatever their case; the folder's slash keeps `acme` from `acme-2`.
    pages = client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [folder]}])
    yield from (each["Name"] for page in pages for each in page["SecretList"] if each["Name"].startswith(folder))


def _delete(client: Any, name: str) -> None:
    try:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    except client.exceptions.ClientError as error:
        if code_of(error) not in _MISSING:
            raise
