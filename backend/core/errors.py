"""Every error Desklore can tell, what it means, and whether trying again can help.

    AppError(code)
      code -> Spec(kind, retry, meaning)       SPECS is the one table
        kind   what sort of failure it is; `api/errors.py` alone turns it into an HTTP status
        retry  what the caller of a job or a Source does next

`docs/errors.md` lists the same codes; a test keeps the two equal.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What sort of failure it is."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    RATE_LIMITED = "rate_limited"
    UPSTREAM = "upstream"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Retry(StrEnum):
    """What trying again would do."""

    NEVER = "never"
    """The same input fails the same way: record it and go on."""
    LATER = "later"
    """This one item may work later; others are not affected."""
    SOURCE_DOWN = "source_down"
    """Nothing of this source or provider works now: stop, keep the place, try again later."""
    CREDENTIALS = "credentials"
    """Nothing works until an admin acts: stop and pause the connection."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What one error code means."""

    kind: Kind
    retry: Retry
    meaning: str


class Code(StrEnum):
    """The stable name of an error, as clients see it."""

    INVALID_REQUEST = "invalid_request"
    UNREADABLE_BODY = "unreadable_body"
    QUESTION_TOO_LONG = "question_too_long"
    BODY_TOO_LARGE = "body_too_large"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ROUTE_NOT_FOUND = "route_not_found"
    UNAUTHENTICATED = "unauthenticated"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"
    TOKEN_INVALID = "token_invalid"
    SIGNATURE_INVALID = "signature_invalid"
    WEBHOOK_REJECTED = "webhook_rejected"
    FORBIDDEN = "forbidden"
    TENANT_NOT_FOUND = "tenant_not_found"
    TENANT_EXISTS = "tenant_exists"
    CONNECTION_NOT_FOUND = "connection_not_found"
    CONNECTION_EXISTS = "connection_exists"
    CONNECTION_PAUSED = "connection_paused"
    KEY_NOT_FOUND = "key_not_found"
    DOCUMENT_NOT_FOUND = "document_not_found"
    TICKET_NOT_FOUND = "ticket_not_found"
    ATTACHMENT_NOT_FOUND = "attachment_not_found"
    UPLOAD_NOT_FOUND = "upload_not_found"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    ERASURE_NOT_FOUND = "erasure_not_found"
    EXPORT_NOT_FOUND = "export_not_found"
    EXPORT_ACTIVE = "export_active"
    EXPORTS_KEPT = "exports_kept"
    EXPORT_NOT_READY = "export_not_ready"
    EXPORT_FAILED = "export_failed"
    RUN_NOT_FOUND = "run_not_found"
    FAILURE_NOT_FOUND = "failure_not_found"
    RUN_ACTIVE = "run_active"
    RUN_STALLED = "run_stalled"
    DELETIONS_HELD = "deletions_held"
    RUN_FAILED_ITEMS = "run_failed_items"
    ANSWER_NOT_FOUND = "answer_not_found"
    ANSWER_CANCELED = "answer_canceled"
    ANSWER_TIMED_OUT = "answer_timed_out"
    STREAM_NOT_FOUND = "stream_not_found"
    STREAM_INTERRUPTED = "stream_interrupted"
    PLATFORM_UNKNOWN = "platform_unknown"
    HOST_NOT_ALLOWED = "host_not_allowed"
    SOURCE_HOST_UNKNOWN = "source_host_unknown"
    SOURCE_CREDENTIALS_REJECTED = "source_credentials_rejected"
    SOURCE_PERMISSION_MISSING = "source_permission_missing"
    SOURCE_PLAN_MISSING = "source_plan_missing"
    SOURCE_ITEM_NOT_FOUND = "source_item_not_found"
    SOURCE_RATE_LIMITED = "source_rate_limited"
    SOURCE_UNAVAILABLE = "source_unavailable"
    SOURCE_MALFORMED = "source_malformed"
    SOURCE_REQUEST_REFUSED = "source_request_refused"
    ATTACHMENT_TOO_LARGE = "attachment_too_large"
    ATTACHMENT_EMPTY = "attachment_empty"
    ATTACHMENT_ENCRYPTED = "attachment_encrypted"
    ATTACHMENT_UNREADABLE = "attachment_unreadable"
    ATTACHMENT_UNSUPPORTED = "attachment_unsupported"
    ATTACHMENT_TIMED_OUT = "attachment_timed_out"
    EXPORT_UNREADABLE = "export_unreadable"
    EXPORT_TOO_LARGE = "export_too_large"
    EXPORT_UNSUPPORTED = "export_unsupported"
    REBUILD_UNSUPPORTED = "rebuild_unsupported"
    ARCHIVE_INCOMPLETE = "archive_incomplete"
    LLM_UNAVAILABLE = "llm_unavailable"
    LLM_RATE_LIMITED = "llm_rate_limited"
    LLM_CREDENTIALS_REJECTED = "llm_credentials_rejected"
    LLM_REFUSED = "llm_refused"
    LLM_REQUEST_REJECTED = "llm_request_rejected"
    LLM_MODEL_WRONG = "llm_model_wrong"
    LLM_BUDGET_USED_UP = "llm_budget_used_up"
    LANGUAGE_MODEL_NEEDED = "language_model_needed"
    SUMMARY_INVALID = "summary_invalid"
    SECRET_UNREADABLE = "secret_unreadable"
    INDEX_UNAVAILABLE = "index_unavailable"
    STORAGE_FULL = "storage_full"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    SHARED_STATE_UNAVAILABLE = "shared_state_unavailable"
    RATE_LIMITED = "rate_limited"
    WORKER_DIED = "worker_died"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


_K, _R = Kind, Retry
SPECS: dict[Code, Spec] = {
    Code.INVALID_REQUEST: Spec(_K.INVALID, _R.NEVER, "A field is missing or has a value it can't have."),
    Code.UNREADABLE_BODY: Spec(_K.INVALID, _R.NEVER, "The request body is not valid JSON in UTF-8."),
    Code.QUESTION_TOO_LONG: Spec(_K.INVALID, _R.NEVER, "The question has more characters than allowed."),
    Code.BODY_TOO_LARGE: Spec(_K.TOO_LARGE, _R.NEVER, "The request body is larger than allowed."),
    Code.METHOD_NOT_ALLOWED: Spec(_K.INVALID, _R.NEVER, "The path exists, but not with this method."),
    Code.ROUTE_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such path."),
    Code.UNAUTHENTICATED: Spec(_K.UNAUTHENTICATED, _R.NEVER, "No key was given, or the key is unknown."),
    Code.KEY_REVOKED: Spec(_K.UNAUTHENTICATED, _R.NEVER, "The API key was revoked."),
    Code.KEY_EXPIRED: Spec(_K.UNAUTHENTICATED, _R.NEVER, "The API key has expired."),
    Code.TOKEN_INVALID: Spec(_K.UNAUTHENTICATED, _R.NEVER, "The access token is malformed, expired or not ours."),
    Code.SIGNATURE_INVALID: Spec(
        _K.UNAUTHENTICATED, _R.NEVER, "A signed request's key, signature, time or body is wrong, or it was taken before."
    ),
    Code.WEBHOOK_REJECTED: Spec(
        _K.UNAUTHENTICATED, _R.NEVER, "The connection is unknown, or the signature, the secret or the time of the webhook is wrong."
    ),
    Code.FORBIDDEN: Spec(_K.FORBIDDEN, _R.NEVER, "The caller is known but may not do this."),
    Code.TENANT_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such tenant."),
    Code.TENANT_EXISTS: Spec(_K.CONFLICT, _R.NEVER, "A tenant with this company_id exists already."),
    Code.CONNECTION_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such connection."),
    Code.CONNECTION_EXISTS: Spec(_K.CONFLICT, _R.NEVER, "This helpdesk is connected already."),
    Code.CONNECTION_PAUSED: Spec(_K.CONFLICT, _R.NEVER, "The connection is paused; resume it first."),
    Code.KEY_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such API key."),
    Code.DOCUMENT_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such document."),
    Code.TICKET_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such ticket here or on the helpdesk."),
    Code.ATTACHMENT_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such attachment, or its file was not kept."),
    Code.UPLOAD_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such upload was begun, or it was committed or ran out of time; begin it anew."),
    Code.RANGE_NOT_SATISFIABLE: Spec(_K.INVALID, _R.NEVER, "The requested byte range lies outside the file."),
    Code.ERASURE_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such erasure of a person."),
    Code.EXPORT_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such export of the company, or its time is up."),
    Code.EXPORT_ACTIVE: Spec(_K.CONFLICT, _R.NEVER, "An export of the company is being written already."),
    Code.EXPORTS_KEPT: Spec(_K.CONFLICT, _R.NEVER, "As many written exports of the company are kept as may be; delete one."),
    Code.EXPORT_NOT_READY: Spec(_K.CONFLICT, _R.NEVER, "The export is not written yet, or could not be written."),
    Code.EXPORT_FAILED: Spec(_K.INTERNAL, _R.NEVER, "The export was begun again and again and never came to its end; the log says why."),
    Code.RUN_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such run."),
    Code.FAILURE_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such item is known to have failed."),
    Code.RUN_ACTIVE: Spec(_K.CONFLICT, _R.NEVER, "This connection is being synced already."),
    Code.RUN_STALLED: Spec(_K.UNAVAILABLE, _R.LATER, "The run gave no sign of life again and again; the next one goes on where it stood."),
    Code.DELETIONS_HELD: Spec(_K.CONFLICT, _R.NEVER, "More items vanished at once than are deleted without asking; an admin has to agree."),
    Code.RUN_FAILED_ITEMS: Spec(_K.UPSTREAM, _R.NEVER, "Too large a share of the run's items could not be taken."),
    Code.ANSWER_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such answer to give feedback on."),
    Code.ANSWER_CANCELED: Spec(
        _K.CONFLICT, _R.NEVER, "The answer was canceled while it was written; what it had cost until then is booked."
    ),
    Code.ANSWER_TIMED_OUT: Spec(
        _K.UPSTREAM, _R.LATER, "Writing the answer took longer than an answer may take; ask again, or ask for less."
    ),
    Code.STREAM_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "No such stream of yours, or it ended too long ago to be read again: ask again."),
    Code.STREAM_INTERRUPTED: Spec(_K.UNAVAILABLE, _R.LATER, "The process that wrote the stream is gone, and the text with it: ask again."),
    Code.PLATFORM_UNKNOWN: Spec(_K.INVALID, _R.NEVER, "No adapter is registered for this platform."),
    Code.HOST_NOT_ALLOWED: Spec(_K.INVALID, _R.NEVER, "The host is not one of the platform's own or allow-listed ones."),
    Code.SOURCE_HOST_UNKNOWN: Spec(_K.INVALID, _R.CREDENTIALS, "There is no helpdesk at this address."),
    Code.SOURCE_CREDENTIALS_REJECTED: Spec(_K.INVALID, _R.CREDENTIALS, "The helpdesk rejected the credentials."),
    Code.SOURCE_PERMISSION_MISSING: Spec(_K.INVALID, _R.NEVER, "The credentials lack a permission on the helpdesk."),
    Code.SOURCE_PLAN_MISSING: Spec(_K.INVALID, _R.NEVER, "The helpdesk's plan does not include this feature."),
    Code.SOURCE_ITEM_NOT_FOUND: Spec(_K.NOT_FOUND, _R.NEVER, "The helpdesk has no such item."),
    Code.SOURCE_RATE_LIMITED: Spec(_K.RATE_LIMITED, _R.SOURCE_DOWN, "The helpdesk's API quota is used up for now."),
    Code.SOURCE_UNAVAILABLE: Spec(_K.UPSTREAM, _R.SOURCE_DOWN, "The helpdesk does not answer or answers with an error."),
    Code.SOURCE_MALFORMED: Spec(_K.UPSTREAM, _R.LATER, "The helpdesk sent something that is not what its API documents."),
    Code.SOURCE_REQUEST_REFUSED: Spec(_K.UPSTREAM, _R.NEVER, "The helpdesk refused the request."),
    Code.ATTACHMENT_TOO_LARGE: Spec(_K.TOO_LARGE, _R.NEVER, "The attachment is larger than the limit for reading it."),
    Code.ATTACHMENT_EMPTY: Spec(_K.INVALID, _R.NEVER, "The attachment has no bytes."),
    Code.ATTACHMENT_ENCRYPTED: Spec(_K.INVALID, _R.NEVER, "The attachment is encrypted and can't be read."),
    Code.ATTACHMENT_UNREADABLE: Spec(_K.INVALID, _R.NEVER, "The attachment is damaged or not what its name says."),
    Code.ATTACHMENT_UNSUPPORTED: Spec(_K.UNSUPPORTED, _R.NEVER, "No reader for this type of attachment."),
    Code.ATTACHMENT_TIMED_OUT: Spec(_K.INVALID, _R.NEVER, "Reading the attachment took too long or too much memory."),
    Code.EXPORT_UNREADABLE: Spec(_K.INVALID, _R.NEVER, "The file is not an export of this platform, is damaged, or is not safe to read."),
    Code.EXPORT_TOO_LARGE: Spec(_K.TOO_LARGE, _R.NEVER, "The export is larger than is taken, or unpacks to more than an export can hold."),
    Code.EXPORT_UNSUPPORTED: Spec(_K.UNSUPPORTED, _R.NEVER, "This platform's adapter reads no exports."),
    Code.REBUILD_UNSUPPORTED: Spec(_K.UNSUPPORTED, _R.NEVER, "This platform's adapter makes nothing again of what is archived."),
    Code.ARCHIVE_INCOMPLETE: Spec(
        _K.CONFLICT, _R.NEVER, "The archive lacks what it takes to make the item again, such as names; read it anew from the helpdesk."
    ),
    Code.LLM_UNAVAILABLE: Spec(_K.UPSTREAM, _R.SOURCE_DOWN, "The model provider does not answer."),
    Code.LLM_RATE_LIMITED: Spec(_K.RATE_LIMITED, _R.SOURCE_DOWN, "The model provider's quota is used up for now."),
    Code.LLM_CREDENTIALS_REJECTED: Spec(_K.UPSTREAM, _R.CREDENTIALS, "The model provider rejected the key."),
    Code.LLM_REFUSED: Spec(_K.UPSTREAM, _R.NEVER, "The model refused to answer."),
    Code.LLM_MODEL_WRONG: Spec(
        _K.UPSTREAM, _R.CREDENTIALS, "The model of the settings is not there, or makes something else than they say."
    ),
    Code.LLM_REQUEST_REJECTED: Spec(_K.UPSTREAM, _R.NEVER, "The model provider rejected the request."),
    Code.LLM_BUDGET_USED_UP: Spec(
        _K.RATE_LIMITED, _R.LATER, "The company's budget for models is used up; it begins anew, or somebody raises it."
    ),
    Code.LANGUAGE_MODEL_NEEDED: Spec(_K.INVALID, _R.NEVER, "The offline model quotes and cuts; writing anew needs a language model."),
    Code.SUMMARY_INVALID: Spec(_K.UPSTREAM, _R.LATER, "The model's summary does not fit the schema."),
    Code.SECRET_UNREADABLE: Spec(_K.INTERNAL, _R.CREDENTIALS, "A stored secret can't be opened with the present master key."),
    Code.INDEX_UNAVAILABLE: Spec(_K.UNAVAILABLE, _R.SOURCE_DOWN, "The search index can't be opened."),
    Code.STORAGE_FULL: Spec(_K.UNAVAILABLE, _R.SOURCE_DOWN, "The disk is full; free space, the work goes on by itself."),
    Code.STORAGE_UNAVAILABLE: Spec(_K.UNAVAILABLE, _R.SOURCE_DOWN, "The database can't be reached."),
    Code.SHARED_STATE_UNAVAILABLE: Spec(
        _K.UNAVAILABLE, _R.SOURCE_DOWN, "Redis, which the processes share, can't be reached; work goes on by itself when it is back."
    ),
    Code.RATE_LIMITED: Spec(_K.RATE_LIMITED, _R.LATER, "Too many requests."),
    Code.WORKER_DIED: Spec(_K.UNAVAILABLE, _R.SOURCE_DOWN, "A worker process died, for want of memory perhaps; its work is done again."),
    Code.SHUTTING_DOWN: Spec(_K.UNAVAILABLE, _R.SOURCE_DOWN, "The server is stopping."),
    Code.INTERNAL: Spec(_K.INTERNAL, _R.LATER, "Something unexpected went wrong; the request id finds it in the log."),
}


class AppError(Exception):
    """A failure with a stable code. `message` may be shown to the caller: it says what to do, and holds no secret.

    `retry_after` is in seconds, where somebody told us when to come back; `raw` is the payload that could not be
    taken, kept with the failure and never shown to a caller.
    """

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.code = code
        self.message = message or SPECS[code].meaning
        self.details = details or {}
        self.retry_after = retry_after
        self.raw = raw
        super().__init__(f"{code.value}: {self.message}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes whole."""
        return _rebuilt, (self.code, self.message, self.details, self.retry_after, self.raw)

    @property
    def kind(self) -> Kind:
        """What sort of failure it is."""
        return SPECS[self.code].kind

    @property
    def retry(self) -> Retry:
        """What trying again would do."""
        return SPECS[self.code].retry


def _rebuilt(code: Code, message: str, details: dict[str, Any], retry_after: float | None, raw: bytes | None) -> AppError:
    return AppError(code, message, details=details, retry_after=retry_after, raw=raw)
