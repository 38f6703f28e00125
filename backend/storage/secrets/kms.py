"""Master keys that never leave AWS KMS: it wraps and opens data keys for this tenant and nothing else.

data key   v1.kms.<base64url(ARN of the KMS key)>.<base64url(ciphertext)>
           with the encryption context `company_id` and `field`, which CloudTrail shows
(https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html)
"""

import time
from typing import Final

from backend.core.errors import AppError, Code
from backend.storage.aws import AwsClient, code_of
from backend.storage.secrets.envelope import VERSION, from_text, to_text
from backend.storage.secrets.local import RESERVED

_FORM: Final = f"{VERSION}.{RESERVED}."
_LOST: Final = frozenset(
    {
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)
_KNOWN_SECONDS: Final = 30.0


class KmsWrapper:
    """KeyWrapper by a key of AWS KMS; `key_id` is an id, an ARN, or an alias such as `alias/desklore`."""

    def __init__(self, aws: AwsClient, key_id: str) -> None:
        self._aws = aws
        self._key_id = key_id
        self._newest: tuple[str, float] | None = None

    def knows(self, token: str) -> bool:
        """Whether KMS wrapped it."""
        return token.startswith(_FORM)

    def new(self, company_id: str) -> str:
        """A fresh data key, made and wrapped by KMS."""
        made = self._call("generate_data_key_without_plaintext", KeyId=self._key_id, KeySpec="AES_256", context=company_id)
        return _token(made)

    def wrap(self, company_id: str, key: bytes) -> str:
        """This data key, wrapped by the key that `key_id` names now."""
        return _token(self._call("encrypt", KeyId=self._key_id, Plaintext=key, context=company_id))

    def unwrap(self, company_id: str, token: str) -> bytes:
        """The data key again."""
        key_arn, blob = _parts(token)
        plain: bytes = self._call("decrypt", KeyId=key_arn, CiphertextBlob=blob, context=company_id)["Plaintext"]
        return plain

    def look_again(self) -> None:
        """Forget which key `key_id` named."""
        self._newest = None

    def is_newest(self, company_id: str, token: str) -> bool:  # noqa: ARG002 - the protocol's
        """Whether the key that `key_id` names now wrapped it."""
        newest = self._newest
        if newest is None or newest[1] < time.monotonic():
            found = self._aws.now(self._aws.client.describe_key, KeyId=self._key_id)
            newest = self._newest = (found["KeyMetadata"]["Arn"], time.monotonic() + _KNOWN_SECONDS)
        return token.startswith(f"{_FORM}{to_text(newest[0].encode())}.")

    def _call(self, name: str, *, context: str, **arguments: object) -> dict[str, bytes]:
        """One call for a tenant. Raises SECRET_UNREADABLE where trying again can't help."""

        def call() -> dict[str, bytes]:
            try:
                answer: dict[str, bytes] = getattr(self._aws.client, name)(
                    **arguments, EncryptionContext={"company_id": context, "field": "data-key"}
                )
            except self._aws.client.exceptions.ClientError as error:
                if code_of(error) in _LOST:
                    message = f"The KMS key '{arguments['KeyId']}' does not open this tenant's data key ({code_of(error)})."
                    raise AppError(
                        Code.SECRET_UNREADABLE, f"{message} Check that it is there, enabled, and the one that was used."
                    ) from None
                raise
            return answer

        return self._aws.now(call)


def _token(answer: dict[str, bytes]) -> str:
    return f"{_FORM}{to_text(str(answer['KeyId']).encode())}.{to_text(answer['CiphertextBlob'])}"


def _parts(token: str) -> tuple[str, bytes]:
    """The key's ARN and the ciphertext. Raises SECRET_UNREADABLE for what is neither."""
    arn, _, blob = token.removeprefix(_FORM).partition(".")
    key_arn, ciphertext = from_text(arn), from_text(blob)
    if not key_arn or not ciphertext or not key_arn.isascii():
        raise AppError(Code.SECRET_UNREADABLE, "A tenant's data key has a form this version can't read.")
    return key_arn.decode(), ciphertext
