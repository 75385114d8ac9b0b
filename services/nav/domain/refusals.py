"""Why a command of nav may be refused: one name for one reason."""

from __future__ import annotations

from libs.kernel.errors import AlreadyExists, NotFound, Refused
from libs.kernel.events import Event, UnknownEvent


class SubFundUnknown(NotFound):
    """Funds has no such sub-fund in this umbrella."""

    code = "sub-fund-unknown"
    title = "There is no such sub-fund"


class ShareClassUnknown(NotFound):
    """The sub-fund has no such class."""

    code = "share-class-unknown"
    title = "There is no such share class"


class NotAValuationDate(Refused):
    """The sub-fund's calendar has no valuation on this date (TA-F-2)."""

    code = "not-a-valuation-date"
    title = "The day is not a valuation date of the sub-fund"


class NavNotKnownYet(Refused):
    """Before this moment no NAV but an estimate can be known (TA-F-2)."""

    code = "nav-not-known-yet"
    title = "The NAV of this date cannot be known yet"


class ClassHasNoNav(Refused):
    """Nobody holds a draft or a closed class."""

    code = "class-has-no-nav"
    title = "The class has no NAV"


class NavNotPositive(Refused):
    """A NAV of zero or less prices nothing (TA-N-1)."""

    code = "nav-not-positive"
    title = "A NAV, its total and its units are above zero"


class CurrencyDiffers(Refused):
    """A NAV is in its class's currency."""

    code = "currency-differs"
    title = "The NAV is in another currency than its class"


class TooManyDecimals(Refused):
    """Finer than the class's terms allow."""

    code = "too-many-decimals"
    title = "The figure has more decimals than the class"


class NavNotReproduced(Refused):
    """Total net assets ÷ units do not give the price within the class's rounding (TA-N-1)."""

    code = "nav-not-reproduced"
    title = "Total net assets by units do not give the price"


class QuoteNotAllowed(Refused):
    """A class with one price has neither a bid nor an offer."""

    code = "quote-not-allowed"
    title = "The class has a single price"


class QuoteMissing(Refused):
    """A class with two prices needs its bid and its offer."""

    code = "quote-missing"
    title = "The class deals at a bid and an offer"


class QuoteCrossed(Refused):
    """The bid is not above the NAV, the offer not below it."""

    code = "quote-crossed"
    title = "Bid, NAV and offer are not in order"


class NavUnknown(NotFound):
    """The class has no NAV for the date."""

    code = "nav-unknown"
    title = "There is no such NAV"


class NavIsPublished(Refused):
    """Another price for a published NAV is a correction only: cancel it first (TA-N-3)."""

    code = "nav-is-published"
    title = "The NAV is published"


class StatusForbids(Refused):
    """The NAV is in a status from which this does not lead on (TA-N-3)."""

    code = "status-forbids"
    title = "The present status does not allow this"


class NavDiffers(Refused):
    """What a person approves or publishes is the NAV that was seen."""

    code = "nav-differs"
    title = "The NAV is another one by now"


class FindingUnexplained(Refused):
    """A breach of a check needs a reason (TA-N-2)."""

    code = "finding-unexplained"
    title = "A finding has no reason"


class FindingUnknown(Refused):
    """A reason for what was not found."""

    code = "finding-unknown"
    title = "There is no such finding"


class PolicyMissing(Refused):
    """Without tolerances nothing can be checked (TA-N-2)."""

    code = "nav-policy-missing"
    title = "The sub-fund has no NAV policy"


class RateMissing(Refused):
    """A currency has no rate to the sub-fund's (TA-N-1)."""

    code = "rate-missing"
    title = "An exchange rate is missing"


class RatesAreFixed(Refused):
    """A NAV of the date is published by these rates; cancel it first (TA-N-3)."""

    code = "rates-are-fixed"
    title = "The rates of the date are fixed"


class DealingDayNotClosed(Refused):
    """The totals of the dealing day are not there yet (TA-O-10)."""

    code = "dealing-day-not-closed"
    title = "The dealing day is not closed"


class FlowsNotMeasured(Refused):
    """Whether the prices swing is decided before the first of them is published (TA-N-4)."""

    code = "flows-not-measured"
    title = "The dealing day's flows are not measured yet"


class ClassesMissing(Refused):
    """A class that deals is not published yet (TA-O-5)."""

    code = "classes-missing"
    title = "Not every class that deals is published"


class LastNavMissing(Refused):
    """Unit orders are valued at a last published NAV, or at the fixed price of the initial offer (TA-N-4)."""

    code = "last-nav-missing"
    title = "The class has no last NAV"


class RegisterNotReady(Refused):
    """The register has not booked all orders of the former dates yet (TA-N-2)."""

    code = "register-not-ready"
    title = "The register's units are not there yet"


class NothingIsValued(Refused):
    """The books give no NAV (TA-N-1)."""

    code = "nothing-is-valued"
    title = "The books give no NAV"


class NoNavError(Refused):
    """No corrected NAV of the date differs from the one that was dealt at (TA-N-5)."""

    code = "no-nav-error"
    title = "The date has no NAV error"


class ErrorNotMaterial(Refused):
    """An error below the tolerance is not compensated (TA-N-5)."""

    code = "nav-error-not-material"
    title = "The NAV error is not material"


class ErrorIsTaken(Refused):
    """An error is compensated once (TA-N-5)."""

    code = "nav-error-is-taken"
    title = "The NAV error belongs to another compensation"


class CompensationUnknown(NotFound):
    """No compensation has this id."""

    code = "compensation-unknown"
    title = "There is no such compensation"


class CompensationExists(AlreadyExists):
    """The id belongs to another compensation."""

    code = "compensation-exists"
    title = "The compensation exists with other particulars"


class CompensationIsClosed(Refused):
    """Its orders are all in."""

    code = "compensation-is-closed"
    title = "The compensation is closed"


class ChunkOutOfTurn(Refused):
    """Chunks come one after the other; a gap would leave out somebody."""

    code = "chunk-out-of-turn"
    title = "Another chunk of orders is next"


class AccountsOutOfOrder(Refused):
    """An account's orders come in one chunk, accounts ascending: a de minimis is held against all of them (TA-N-5)."""

    code = "accounts-out-of-order"
    title = "The chunk's accounts are not after the former ones"


class DealNotAffected(Refused):
    """The order was not dealt on one of the compensation's dates."""

    code = "deal-not-affected"
    title = "The order was dealt on another date"


class DealsMissing(Refused):
    """Fewer or more orders came than were dealt."""

    code = "deals-missing"
    title = "Not all orders are in"


def unexpected(event: Event, state: object) -> UnknownEvent:
    """The error of an evolve that met an event which cannot follow its state."""
    return UnknownEvent(f"{event.type_name()} cannot follow {type(state).__name__}", field="type")
