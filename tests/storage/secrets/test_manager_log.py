"""Nothing of a secret is logged, not even by the libraries at their most talkative."""

import logging

import pytest

from backend.core.model.tenant import Secret
from backend.storage.aws import AwsClient
from backend.storage.secrets.envelope import EnvelopeCipher
from backend.storage.secrets.kms import KmsWrapper
from backend.storage.secrets.local import LocalCipher
from backend.storage.secrets.manager import ManagedSecrets
from backend.storage.secrets.sealed import SealedSecrets
from tests.contract.records import tenant
from tests.support.heard import heard


async def test_no_line_holds_a_secret(request: pytest.FixtureRequest) -> None:
    managing: AwsClient = request.getfixturevalue("secrets_client")
    wrapping: AwsClient = request.getfixturevalue("kms_client")
    with heard() as stream:
        logging.getLogger("desklore.test").debug("heard")
        cipher = EnvelopeCipher(KmsWrapper(wrapping, wrapping.client.create_key()["KeyMetadata"]["Arn"]))
        acme = tenant("acme", sealed_data_key=cipher.new_data_key("acme"))
        for store in (SealedSecrets(cipher), ManagedSecrets(managing, SealedSecrets(LocalCipher([("k", b"k" * 32)])), "/log")):
            kept = await store.keep(acme, "freshdesk", "conn_1", Secret("비밀-TOP-SECRET-VALUE"))
            assert await store.open(acme, "freshdesk", "conn_1", kept)
        moved = cipher.rewrap("acme", acme.sealed_data_key)
    log = stream.getvalue()
    assert "heard" in log
    assert "TOP-SECRET" not in log
    assert moved.token not in log
    assert "Plaintext" not in log
