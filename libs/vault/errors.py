"""What can be wrong with keys and sealed values; no error ever holds a value, a key or a token."""

from __future__ import annotations

from libs.kernel.errors import CartularyError, CheckUnavailable, Conflict, NotFound, Refused


class SubjectErased(Refused):
    """The data subject was erased: nothing is sealed for it again, ever (TA-I-7)."""

    code = "subject-erased"
    title = "The person's data was erased"


class SealBroken(CartularyError):
    """A sealed value does not open where it stands: altered, cut, or moved from another place."""

    code = "seal-broken"
    title = "A sealed value does not open"


class AlreadySealed(CartularyError):
    """A sealed value came where a clear one is sealed; its seal belongs to another place and would never open."""

    code = "already-sealed"
    title = "A sealed value cannot be sealed again"


class RingExpired(Conflict):
    """The keys were fetched too long ago to be used; fetch them again and decide again."""

    code = "ring-expired"
    title = "The keys were held too long"


class KeyStoreAway(CheckUnavailable):
    """The key store did not answer, so nothing was decided (invariant 11)."""

    code = "key-store-away"
    title = "The key store does not answer"


class KeyMissing(CheckUnavailable):
    """A sealed value stands, and its subject has neither key nor tombstone: the key store must be restored."""

    code = "subject-key-missing"
    title = "The key of a data subject is missing"


class MasterKeyAway(CheckUnavailable):
    """The service that holds the master key did not answer, or refuses to (invariant 11)."""

    code = "master-key-away"
    title = "The master key cannot be reached"


class MasterKeyMissing(CheckUnavailable):
    """The master key that wrapped a key is not here; bring it back."""

    code = "master-key-missing"
    title = "A master key is missing"


class MasterKeyUnusable(CheckUnavailable):
    """A master key's file is open to others, cut off, or not a key."""

    code = "master-key-unusable"
    title = "A master key cannot be used"


class MasterKeyWrong(CheckUnavailable):
    """A wrapped key does not open under the master key that it names: another master key, or altered bytes."""

    code = "master-key-wrong"
    title = "A master key does not open what it should have wrapped"


class DocumentTooLarge(Refused):
    """A document has more bytes than are allowed."""

    code = "document-too-large"
    status = 413
    title = "The document is too large"


class DocumentNotFound(NotFound):
    """There is no such document of this subject, or it was erased with it."""

    code = "document-not-found"


class BackupUnusable(CartularyError):
    """A back-up of keys is cut, altered, of another deployment, or expired."""

    code = "backup-unusable"
    title = "The back-up cannot be used"


class MigrationChanged(CartularyError):
    """A migration that was applied has another text now; migrations only go forward."""

    code = "migration-changed"
