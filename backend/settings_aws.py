"""Settings of where files and secrets are kept: parts of `Settings`, which reads them."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class BlobType(StrEnum):
    """Where files lie."""

    LOCAL = "local"
    S3 = "s3"


class MasterKeySource(StrEnum):
    """Where the master keys are."""

    ENVIRONMENT = "environment"
    FILE = "file"
    KMS = "kms"
    SECRETS_MANAGER = "secrets_manager"


class SecretType(StrEnum):
    """Where the credentials of connections are kept."""

    DATABASE = "database"
    AWS = "aws"


class KeepingSettings(BaseSettings):
    """Files, master keys and credentials. AWS credentials themselves come the ways of AWS: environment, profile, or role."""

    blob_type: BlobType = Field(BlobType.LOCAL, description="`local`: files lie under the data folder; `s3`: in a bucket.")
    s3_bucket: str = Field("", description="The bucket, which has to exist; needed where `DESKLORE_BLOB_TYPE` is `s3`.")
    s3_prefix: str = Field("", description="Begins every key in the bucket, to keep several installations apart.")
    s3_endpoint_url: str | None = Field(None, description="Another server that speaks S3, such as `http://minio:9000`; empty: AWS.")
    blob_redirect_seconds: int = Field(
        0,
        ge=0,
        le=3600,
        description="0: every byte passes the API. Else clients may reach the bucket: a reader of an attachment is sent, after the same "
        "checks, to a link of it that is valid so long for whoever has it, and uploads may be put there.",
    )
    aws_region: str | None = Field(None, description="Region of bucket, KMS key and secrets; empty: as AWS_REGION or the profile says.")
    aws_endpoint_url: str | None = Field(None, description="Another server for KMS and Secrets Manager; empty: AWS.")
    aws_concurrency: int = Field(16, ge=1, le=200, description="Calls to each AWS service at once.")

    master_key_source: MasterKeySource = Field(
        MasterKeySource.ENVIRONMENT,
        description="`environment`: `DESKLORE_MASTER_KEYS`; `file`: `DESKLORE_MASTER_KEY_FILE`, read again when it changes; "
        "`secrets_manager`: the secret `DESKLORE_MASTER_KEY_SECRET`; `kms`: AWS KMS. Keys of the others that are set open what they "
        "wrapped, until `desklore keys rotate` is done.",
    )
    master_key_file: Path | None = Field(None, description="File of master keys, one `id:base64 of 32 bytes` a line; the first seals.")
    master_key_secret: str | None = Field(
        None, description="Name or ARN of the secret in AWS Secrets Manager that holds master keys: a JSON list of `id:base64 of 32 bytes`."
    )
    kms_key_id: str | None = Field(None, description="Id, ARN or alias of the KMS key, such as `alias/desklore`.")
    secret_type: SecretType = Field(
        SecretType.DATABASE, description="Where credentials of helpdesks are kept: `database` (sealed) or `aws` (Secrets Manager)."
    )
    secret_prefix: str = Field("/customers", description="Secrets Manager: they are named `<prefix>/<company_id>/<platform>`.")

    @model_validator(mode="after")
    def _refuse_a_choice_without_its_place(self) -> "KeepingSettings":
        if self.blob_type is BlobType.S3 and not self.s3_bucket:
            raise ValueError("DESKLORE_BLOB_TYPE=s3 needs DESKLORE_S3_BUCKET")
        if self.master_key_source is MasterKeySource.FILE and self.master_key_file is None:
            raise ValueError("DESKLORE_MASTER_KEY_SOURCE=file needs DESKLORE_MASTER_KEY_FILE")
        if self.master_key_source is MasterKeySource.SECRETS_MANAGER and not self.master_key_secret:
            raise ValueError("DESKLORE_MASTER_KEY_SOURCE=secrets_manager needs DESKLORE_MASTER_KEY_SECRET")
        if self.master_key_source is MasterKeySource.KMS and not self.kms_key_id:
            raise ValueError("DESKLORE_MASTER_KEY_SOURCE=kms needs DESKLORE_KMS_KEY_ID")
        return self
