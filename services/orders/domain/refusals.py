"""Why a command of orders may be refused; an order that is received is rejected by an event instead (TA-O-4)."""

from __future__ import annotations

from libs.kernel.errors import AlreadyExists, CartularyError, CheckUnavailable, NotFound, Refused
from libs.kernel.events import Event, UnknownEvent


class OrderUnknown(NotFound):
    """No order has this id, or it is another distributor's (TA-I-8)."""

    code = "order-unknown"
    title = "There is no such order"


class DuplicateReference(AlreadyExists):
    """The client reference stands for another instruction (TA-O-4, ISO 20022 `ORRF`)."""

    code = "duplicate-reference"
    title = "The client reference is used"


class DatesMoved(CheckUnavailable):
    """The decision needs a dealing day that the command does not name, as dates moved; send it again with it."""

    code = "dates-moved"
    title = "The dealing dates changed meanwhile"


class StatusForbids(Refused):
    """The present status of the order does not lead there (TA-O-3)."""

    code = "status-forbids"
    title = "The present status does not allow this"


class AfterCutOff(Refused):
    """The order is past its deadline (TA-O-3, ISO 20022 `CUTO`)."""

    code = "after-cut-off"
    title = "It is past the cut-off"


class NavIsPublished(Refused):
    """Once the NAV is published an order is reversed, not cancelled (TA-O-3, ISO 20022 `NALC`)."""

    code = "nav-is-published"
    title = "The NAV is published"


class PartUnknown(NotFound):
    """The order has no such part."""

    code = "part-unknown"
    title = "There is no such part"


class DayUnknown(NotFound):
    """Nothing was ordered for this day."""

    code = "dealing-day-unknown"
    title = "There is no such dealing day"


class DayIsOpen(Refused):
    """The day is not closed: orders in time may still come (TA-O-10)."""

    code = "dealing-day-is-open"
    title = "The dealing day is not closed"


class PricingNotOpen(Refused):
    """The NAVs of the day are not published, or were cancelled (TA-O-5)."""

    code = "pricing-not-open"
    title = "The day is not being priced"


class RevisionIsPast(Refused):
    """A later publication took this one's place."""

    code = "revision-is-past"
    title = "There is a later publication"


class PriceMissing(Refused):
    """The publication has no price of the class."""

    code = "price-missing"
    title = "A price is missing"


class ShareOutsideGate(Refused):
    """A share is not the gate's ratio of the request, rounded to a step (TA-O-6)."""

    code = "share-outside-gate"
    title = "The share is not what the gate gives"


def unexpected(event: Event, state: object) -> CartularyError:
    """An event that does not follow on the state: the stream is damaged or the code is older than it."""
    return UnknownEvent(f"{event.type_name()} does not follow on {type(state).__name__}", field="type")
