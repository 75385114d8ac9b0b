"""Why a command of the register, or one movement of a chunk, may be refused: one name for one reason."""

from __future__ import annotations

from libs.kernel.errors import AlreadyExists, NotFound, Refused
from libs.kernel.events import Event, UnknownEvent


class ShareClassUnknown(NotFound):
    """The register's reference rows have no such class."""

    code = "share-class-unknown"
    title = "There is no such share class"


class ShareClassIsClosed(Refused):
    """No units are issued in a class that is over."""

    code = "share-class-is-closed"
    title = "The share class is closed"


class ShareClassIsMerged(Refused):
    """From the effective date of the merger on, the units are another class's."""

    code = "share-class-is-merged"
    title = "The share class was merged into another"


class AccountUnknown(NotFound):
    """The register's reference rows have no such account."""

    code = "account-unknown"
    title = "There is no such account"


class AccountIsClosed(Refused):
    """A closed account takes no units any more."""

    code = "account-is-closed"
    title = "The account is closed"


class AccountIsFrozen(Refused):
    """Under an asset freeze nothing is dealt and nothing moves (TA-I-6)."""

    code = "account-is-frozen"
    title = "The account's assets are frozen"


class AccountIsBlocked(Refused):
    """The account is blocked for transfers (TA-I-6)."""

    code = "account-is-blocked"
    title = "The account is blocked for transfers"


class QuantityInvalid(Refused):
    """Units that are not positive, too many, or finer than the class has."""

    code = "quantity-invalid"
    title = "The units cannot be booked"


class AmountInvalid(Refused):
    """An amount that is negative, too large, in another currency, or finer than that currency."""

    code = "amount-invalid"
    title = "The amount cannot be booked"


class DateInvalid(Refused):
    """Settlement before valuation, or a valuation that is still to come."""

    code = "date-invalid"
    title = "The dates cannot be"


class HoldingTooSmall(Refused):
    """A holding never goes below zero, nor below what is blocked, pledged, earmarked or unpaid (TA-R-5)."""

    code = "holding-too-small"
    title = "The account has fewer free units"


class MovementExists(AlreadyExists):
    """Units move only once for an order of one valuation date, or for a transfer (TA-R-2)."""

    code = "movement-exists"
    title = "This movement was booked already"


class ChunkExists(AlreadyExists):
    """The chunk of this number was booked with other orders."""

    code = "chunk-exists"
    title = "The chunk was booked with other orders"


class ReservationExists(AlreadyExists):
    """The id belongs to a block, pledge or earmark that was made otherwise."""

    code = "reservation-exists"
    title = "The reservation was made with other particulars"


class ReservationUnknown(NotFound):
    """The holding has no such block, pledge, earmark or unpaid issue."""

    code = "reservation-unknown"
    title = "There is no such reservation"


class ReservationIsUnpaid(Refused):
    """Units that wait for their money are freed by its arrival only (TA-R-6)."""

    code = "reservation-is-unpaid"
    title = "The units are not paid for"


class ActionExists(AlreadyExists):
    """The id belongs to a corporate action that was started otherwise."""

    code = "action-exists"
    title = "The corporate action was started with other particulars"


class ActionUnknown(NotFound):
    """The class has no such corporate action."""

    code = "action-unknown"
    title = "There is no such corporate action"


class ActionStillRuns(Refused):
    """A class goes through one corporate action at a time."""

    code = "action-still-runs"
    title = "Another corporate action is running"


class ActionIsLate(Refused):
    """Units are already booked on or after its effective date, or the action before it is not earlier."""

    code = "action-is-late"
    title = "The corporate action starts too late"


class ActionIsEarly(Refused):
    """Holdings are exchanged from the effective date on."""

    code = "action-is-early"
    title = "The corporate action is not effective yet"


class BeforeCorporateAction(Refused):
    """The movement is valued before a corporate action that its holding, or the whole class, went through."""

    code = "before-corporate-action"
    title = "The movement is in units from before a corporate action"


class PriceUnknown(Refused):
    """No NAV of the class is published that units never paid for could be cancelled at."""

    code = "price-unknown"
    title = "There is no published price"


class TermStillRuns(Refused):
    """The money may still arrive in time (TA-R-6)."""

    code = "term-still-runs"
    title = "The term for payment is still running"


def unexpected(event: Event, state: object) -> UnknownEvent:
    """The error of an event that cannot follow on this state."""
    kind = event.type_name()
    return UnknownEvent(f"{kind} does not follow on {type(state).__name__}", field="type", value=kind)
