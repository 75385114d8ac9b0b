"""Why a command of investors may be refused: one name for one reason; none tells a personal value."""

from __future__ import annotations

from libs.kernel.errors import AlreadyExists, CartularyError, NotFound, Refused
from libs.kernel.events import Event, UnknownEvent


class InvestorUnknown(NotFound):
    """No investor has this id, or it is another distributor's (TA-I-8)."""

    code = "investor-unknown"
    title = "There is no such investor"


class InvestorExists(AlreadyExists):
    """The id belongs to an investor that was registered otherwise."""

    code = "investor-exists"
    title = "The investor is registered with other particulars"


class InvestorIsErased(Refused):
    """The person's data is destroyed; nothing happens to it any more (TA-I-7)."""

    code = "investor-is-erased"
    title = "The investor is erased"


class StatusForbids(Refused):
    """The present status does not lead there (TA-I-2)."""

    code = "status-forbids"
    title = "The present status does not allow this"


class IdentityIsReviewed(Refused):
    """A distributor does not change the name of whom the management company approved."""

    code = "identity-is-reviewed"
    title = "The identity was reviewed"


class KindIsFixed(Refused):
    """A natural person does not become a legal one, nor the other way round."""

    code = "kind-is-fixed"
    title = "The kind of person is fixed"


class TaxNotCertified(Refused):
    """There is no self-certification on file (TA-I-4)."""

    code = "tax-not-certified"
    title = "The tax status is not certified"


class DocumentUnknown(NotFound):
    """The document is not on this investor's file."""

    code = "document-unknown"
    title = "There is no such document"


class DocumentExists(AlreadyExists):
    """The document is on file with other particulars."""

    code = "document-exists"
    title = "The document is filed with other particulars"


class ScreeningIsOpen(Refused):
    """The present round of screening is not answered (TA-I-3)."""

    code = "screening-is-open"
    title = "The screening is not answered yet"


class RoundIsPast(Refused):
    """The round is not the present one: another name is screened by now."""

    code = "round-is-past"
    title = "The screening was made again since"


class HitUnknown(NotFound):
    """The present round found no hit of this number."""

    code = "hit-unknown"
    title = "There is no such hit"


class HitsAreOpen(Refused):
    """A hit of the present round is neither dismissed nor confirmed."""

    code = "hits-are-open"
    title = "A hit is not resolved yet"


class HitIsConfirmed(Refused):
    """The person is on a list: it can only be rejected, its relationship only be ended."""

    code = "hit-is-confirmed"
    title = "A hit is confirmed"


class AccountsAreOpen(Refused):
    """The investor is still a holder of an account."""

    code = "accounts-are-open"
    title = "An account is still open"


class RelationshipStands(Refused):
    """Data is needed as long as the relationship stands or is being established."""

    code = "relationship-stands"
    title = "The relationship is not over"


class MustBeRetained(Refused):
    """The law has the data kept until a later time (AMLR 2024/1624, 77)."""

    code = "must-be-retained"
    title = "The data must still be retained"


class NotErased(Refused):
    """A key is destroyed only after the erasure was decided."""

    code = "not-erased"
    title = "The investor is not erased"


class BankAccountUnknown(NotFound):
    """The investor has no bank account with this id."""

    code = "bank-account-unknown"
    title = "There is no such bank account"


class BankAccountExists(AlreadyExists):
    """The id belongs to a bank account with other particulars."""

    code = "bank-account-exists"
    title = "The bank account is known with other particulars"


class BankAccountIsClosed(Refused):
    """The bank account is used no more."""

    code = "bank-account-is-closed"
    title = "The bank account is closed"


class BankAccountNotVerified(Refused):
    """Nothing is paid to a bank account before it is verified (TA-I-5)."""

    code = "bank-account-not-verified"
    title = "The bank account is not verified"


class EvidenceTooWeak(Refused):
    """Another holder's name needs the bank's or a provider's word (TA-I-5)."""

    code = "evidence-too-weak"
    title = "The evidence is too weak for another holder's name"


class PayoutAccountStands(Refused):
    """Another bank account is paid to: a change needs a second person (TA-I-5)."""

    code = "payout-account-stands"
    title = "The account is paid to another bank account already"


class AccountUnknown(NotFound):
    """The investor leads no account with this id, or it is another distributor's (TA-I-8)."""

    code = "account-unknown"
    title = "There is no such account"


class AccountExists(AlreadyExists):
    """The id belongs to an account that was opened otherwise."""

    code = "account-exists"
    title = "The account is opened with other particulars"


class AccountIsClosed(Refused):
    """Nothing changes any more in a closed account."""

    code = "account-is-closed"
    title = "The account is closed"


class AccountIsBlocked(Refused):
    """A block forbids it; which one, a distributor never learns (TA-I-6)."""

    code = "account-is-blocked"
    title = "The account is blocked"


class BlockUnknown(NotFound):
    """The account has no block with this id."""

    code = "block-unknown"
    title = "There is no such block"


class BlockExists(AlreadyExists):
    """The id belongs to another block of the account, or to a lifted one."""

    code = "block-exists"
    title = "The block exists with other particulars, or is lifted"


class HolderUnknown(NotFound):
    """No investor has this id, or it is another distributor's (TA-I-8)."""

    code = "holder-unknown"
    title = "There is no such holder"


class HolderNotApproved(Refused):
    """Every holder of an account is approved (TA-I-2)."""

    code = "holder-not-approved"
    title = "A holder is not approved"


class HolderIsLookedAt(Refused):
    """A holder's screening is open or found something; all that its distributor is told (TA-I-6)."""

    code = "holder-is-looked-at"
    title = "A holder's file is being looked at"


class ReviewIsOverdue(Refused):
    """A holder's review is overdue: it takes up nothing new (TA-I-2)."""

    code = "review-is-overdue"
    title = "A holder's review is overdue"


class NotALegalPerson(Refused):
    """Only an intermediary, a legal person, holds for others (TA-I-1)."""

    code = "not-a-legal-person"
    title = "The holder is no legal person"


class DistributorUnknown(NotFound):
    """No distributor has this code or id."""

    code = "distributor-unknown"
    title = "There is no such distributor"


class DistributorExists(AlreadyExists):
    """The id belongs to a distributor that was registered otherwise."""

    code = "distributor-exists"
    title = "The distributor is registered with other particulars"


class DistributorIsEnded(Refused):
    """The agreement with the distributor ended: it places nothing new."""

    code = "distributor-is-ended"
    title = "The distributor's agreement ended"


class ForeignDistributor(Refused):
    """Who acts for one distributor places under its code only (TA-I-8)."""

    code = "foreign-distributor"
    status = 403
    title = "Not the caller's distributor"


def unexpected(event: Event, state: object) -> CartularyError:
    """An event that cannot follow on this state."""
    return UnknownEvent(f"{event.type_name()} does not follow on {type(state).__name__}", field="type")
