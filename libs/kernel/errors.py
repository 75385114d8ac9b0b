"""Named errors: what was wrong, with the value, and what to do."""

from __future__ import annotations


class CartularyError(Exception):
    """Base of every error that Cartulary raises on purpose.

    `code` is stable and names the kind; over HTTP it becomes the problem's `type` and `status` its status.
    """

    code = "error"
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, field: str | None = None, value: object | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.value = value

    def without_value(self) -> CartularyError:
        """This error without the value, which is personal."""
        self.value = None
        return self

    def as_problem(self) -> dict[str, object]:
        """The RFC 9457 members of this error, without `instance`."""
        problem: dict[str, object] = {
            "type": f"urn:cartulary:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            problem["field"] = self.field
        if self.value is not None:
            problem["value"] = str(self.value)
        return problem


class InvalidValue(CartularyError):
    """A value that can never be right, whatever the state."""

    code = "invalid-value"
    status = 422
    title = "A value is not valid"


class Refused(CartularyError):
    """A command that the rules refuse in the present state; subclass it, one name for one reason."""

    code = "refused"
    status = 409
    title = "The command was refused"


class NotFound(Refused):
    """What the command or query names does not exist (or is another tenant's)."""

    code = "not-found"
    status = 404
    title = "Not found"


class AlreadyExists(Refused):
    """Something that must be unique is taken already (W-4)."""

    code = "already-exists"
    title = "It exists already"


class DecisionTooLarge(Refused):
    """A decision that could not fit a batch (W-6)."""

    code = "decision-too-large"
    status = 413
    title = "The decision is too large for the ledger"


class CheckUnavailable(CartularyError):
    """A check cannot be made now, so the answer is "not yet" (invariant 11, W-24)."""

    code = "check-unavailable"
    status = 503
    title = "A check cannot be made now"


class NotReady(CartularyError):
    """The service cannot decide now: it is rebuilding, or its epoch is not attested yet (W-21)."""

    code = "not-ready"
    status = 503
    title = "The service is not ready to decide"


class BacklogFull(CartularyError):
    """Too many intents wait for the ledger (invariant 14)."""

    code = "backlog-full"
    status = 503
    title = "Too many decisions wait for the ledger"


class IdempotencyMismatch(CartularyError):
    """The same idempotency key came with another body (invariant 9)."""

    code = "idempotency-mismatch"
    status = 409
    title = "This Idempotency-Key was used with another request"


class Conflict(CartularyError):
    """Another writer took the version first; decide again (W-5)."""

    code = "conflict"
    status = 409
    title = "Another writer was first"
