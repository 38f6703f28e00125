"""Master keys in a secret of AWS Secrets Manager: a JSON list of `id:base64`, or the lines of a key file; the first one wraps.

(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html)
"""

from typing import Any, Final

import msgspec

from backend.core.errors import AppError, Code
from backend.storage.aws import AwsClient, code_of
from backend.storage.secrets.keyfile import parse_master_keys

_WHY: Final = {
    "ResourceNotFoundException": "there is none of this name in this account and region",
    "InvalidRequestException": "it is being deleted, or was never given a value",
    "DecryptionFailure": "the right kms:Decrypt on the key that encrypts it is missing",
}


class MasterKeySecret:
    """Master keys as they were read last: at the start, and whenever `read` is called."""

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws = aws
        self._name = name
        self._keys = self.read()

    def __call__(self) -> list[tuple[str, bytes]]:
        """The keys, the first of which wraps."""
        return self._keys

    def read(self) -> list[tuple[str, bytes]]:
        """Read the newest version (`AWSCURRENT`); those of before stay where that fails.

        Raises SECRET_UNREADABLE where the secret is missing or holds something else, STORAGE_UNAVAILABLE where AWS refuses or is away.
        """
        try:
            self._keys = _parsed(self._aws.now(self._value))
        except ValueError as error:
            raise self._unusable(f"it holds no master keys ({error})") from None
        return self._keys

    def _value(self) -> str:
        try:
            answer: dict[str, Any] = self._aws.client.get_secret_value(SecretId=self._name)
        except self._aws.client.exceptions.ClientError as error:
            if (why := _WHY.get(code_of(error))) is not None:
                raise self._unusable(why) from None
            raise
        return str(answer.get("SecretString", ""))

    def _unusable(self, why: str) -> AppError:
        form = 'Put ["id:base64 of 32 bytes", …] there; docs/operations/aws.md tells the rights.'
        return AppError(Code.SECRET_UNREADABLE, f"The secret {self._name} (DESKLORE_MASTER_KEY_SECRET) can't be used: {why}. {form}")


def _parsed(text: str) -> list[tuple[str, bytes]]:
    """Raises ValueError that says what is wrong, without what is there."""
    lines = text.splitlines()
    if text.lstrip().startswith(("[", "{")):
        try:
            lines = msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError:
            # What it says of a text may quote it.
            raise ValueError("it is no JSON list of texts") from None
    return parse_master_keys(",".join(lines))
