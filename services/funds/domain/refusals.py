"""Why a command of funds may be refused: one name for one reason."""

from __future__ import annotations

from libs.kernel.errors import AlreadyExists, NotFound, Refused


class UmbrellaUnknown(NotFound):
    """No umbrella has this id."""

    code = "umbrella-unknown"
    title = "There is no such umbrella"


class UmbrellaExists(AlreadyExists):
    """The id belongs to an umbrella that was registered otherwise."""

    code = "umbrella-exists"
    title = "The umbrella is registered with other particulars"


class SubFundUnknown(NotFound):
    """The umbrella has no sub-fund with this id."""

    code = "sub-fund-unknown"
    title = "There is no such sub-fund"


class SubFundExists(AlreadyExists):
    """The id belongs to a sub-fund that was registered otherwise."""

    code = "sub-fund-exists"
    title = "The sub-fund is registered with other particulars"


class SubFundIsClosed(Refused):
    """Nothing changes any more in a closed sub-fund."""

    code = "sub-fund-is-closed"
    title = "The sub-fund is closed"


class SubFundIsSuspended(Refused):
    """Dealing is suspended in the whole sub-fund."""

    code = "sub-fund-is-suspended"
    title = "The sub-fund is suspended"


class SubFundHasClasses(Refused):
    """A sub-fund closes after its last class."""

    code = "sub-fund-has-classes"
    title = "The sub-fund still has share classes"


class ShareClassUnknown(NotFound):
    """The sub-fund has no share class with this id."""

    code = "share-class-unknown"
    title = "There is no such share class"


class ShareClassExists(AlreadyExists):
    """The id belongs to a share class that was drafted otherwise."""

    code = "share-class-exists"
    title = "The share class is drafted with other particulars"


class StatusForbids(Refused):
    """The class or sub-fund is in a status from which this does not lead on."""

    code = "status-forbids"
    title = "The present status does not allow this"


class TermIsFixed(Refused):
    """The term can change only while the class is a draft: holdings are kept in it."""

    code = "term-is-fixed"
    title = "This term is fixed since the class left draft"


class OfferStillRuns(Refused):
    """The outcome of an initial offer is known after its period only."""

    code = "offer-still-runs"
    title = "The initial offer is still running"


class OfferPeriodIsPast(Refused):
    """An initial offer ends in the future, and is extended only while it runs."""

    code = "offer-period-is-past"
    title = "The initial offer would end in the past"
