"""Published events of funds (TA-F); names and fields are the stored format."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from libs.kernel.events import Catalogue, Claim, Due, Event
from libs.messages.fund_values import DealingCalendar, InitialOffer, LiquidityTools, ShareClassTerms
from libs.messages.values import Amount, Code, Country, Currency, Isin, Lei, Moment, Name

AssetClass = Literal["money_market", "bond", "mixed", "equity", "other"]


class SuspensionReason(StrEnum):
    """Why dealing stops for a time."""

    MARKET_CLOSED = "market_closed"
    VALUATION_IMPOSSIBLE = "valuation_impossible"
    ASSETS_NOT_REALISABLE = "assets_not_realisable"
    MERGER = "merger"
    REGULATOR_ORDER = "regulator_order"
    INVESTOR_PROTECTION = "investor_protection"


class ClosureReason(StrEnum):
    """Why a class or a sub-fund ends."""

    LIQUIDATION = "liquidation"
    MERGER = "merger"
    MATURITY = "maturity"
    NEVER_OPENED = "never_opened"


class FundsEvent(Event):
    """An event of funds; the umbrella is the lane key of all that is in it (W-2)."""

    service: ClassVar[str] = "funds"
    aggregate: ClassVar[str] = "umbrella"
    key_field: ClassVar[str] = "umbrella"
    id_field: ClassVar[str] = "umbrella"

    umbrella: UUID


class UmbrellaRegistered(FundsEvent):
    """An umbrella fund is on the books."""

    name: Name
    legal_form: Literal["sicav", "fcp", "icav", "plc", "unit_trust", "partnership"]
    regime: Literal["ucits", "part_ii", "sif", "sicar", "raif", "eltif", "other_aif"]
    domicile: Country
    lei: Lei | None = None

    def claims(self) -> tuple[Claim, ...]:
        """An LEI belongs to one legal person."""
        return () if self.lei is None else (Claim("lei", self.lei),)


class SubFundEvent(FundsEvent):
    """An event of one sub-fund."""

    aggregate: ClassVar[str] = "sub_fund"
    id_field: ClassVar[str] = "sub_fund"

    sub_fund: UUID


class SubFundRegistered(SubFundEvent):
    """A sub-fund is on the books, with its calendar and its tools."""

    code: Code
    name: Name
    base_currency: Currency
    asset_class: AssetClass
    lei: Lei | None = None
    calendar: DealingCalendar
    tools: LiquidityTools

    def claims(self) -> tuple[Claim, ...]:
        """The code is unique in its umbrella, an LEI everywhere."""
        code = Claim("sub_fund_code", f"{self.umbrella}/{self.code}")
        return (code,) if self.lei is None else (code, Claim("lei", self.lei))


class SubFundRenamed(SubFundEvent):
    """The sub-fund has another name."""

    name: Name


class DealingCalendarSet(SubFundEvent):
    """Orders that arrive from now on take their dates from this calendar (TA-F-2)."""

    calendar: DealingCalendar


class LiquidityToolsSet(SubFundEvent):
    """These tools and no others bind all classes from now on (TA-F-3)."""

    tools: LiquidityTools


class SubFundSuspended(SubFundEvent):
    """Dealing in all classes stops, subscriptions and redemptions together (TA-O-7)."""

    reason: SuspensionReason


class SubFundResumed(SubFundEvent):
    """Dealing goes on in every class that is not suspended itself."""


class SubFundClosed(SubFundEvent):
    """The sub-fund is over; it had no living class."""

    reason: ClosureReason


class ShareClassAdded(SubFundEvent):
    """The sub-fund has a class more."""

    share_class: UUID


class ShareClassRemoved(SubFundEvent):
    """A class of the sub-fund closed."""

    share_class: UUID


class ShareClassEvent(SubFundEvent):
    """An event of one share class."""

    aggregate: ClassVar[str] = "share_class"
    id_field: ClassVar[str] = "share_class"

    share_class: UUID


class ShareClassDrafted(ShareClassEvent):
    """A class with its ISIN and terms is written down; nobody can deal in it yet."""

    isin: Isin
    terms: ShareClassTerms

    def claims(self) -> tuple[Claim, ...]:
        """An ISIN is one class's for ever."""
        return (Claim("isin", self.isin),)


class ShareClassTermsAmended(ShareClassEvent):
    """The class has these terms from now on."""

    terms: ShareClassTerms


class InitialOfferOpened(ShareClassEvent):
    """Subscriptions at the fixed price are taken until the offer ends."""

    offer: InitialOffer

    def due(self) -> tuple[Due, ...]:
        """The end of the period (W-25)."""
        return (_end_of_offer(self, self.offer.closes_at),)


class InitialOfferExtended(ShareClassEvent):
    """The offer ends later than it said."""

    closes_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The new end of the period; the former one changes nothing when it comes."""
        return (_end_of_offer(self, self.closes_at),)


class InitialOfferEnded(ShareClassEvent):
    """The period is over; what was raised is being counted."""


class InitialOfferClosed(ShareClassEvent):
    """The outcome; `raised` is None where no minimum was asked for, `refund` goes back to the subscribers."""

    outcome: Literal["succeeded", "failed"]
    raised: Amount | None
    refund: Amount | None


class ShareClassOpened(ShareClassEvent):
    """The class deals at its NAV."""


class ShareClassSoftClosed(ShareClassEvent):
    """No new investors; redemptions go on."""

    existing_holders_may_subscribe: bool


class ShareClassReopened(ShareClassEvent):
    """A soft-closed class takes subscriptions again."""


class ShareClassSuspended(ShareClassEvent):
    """Dealing in the class stops for a time."""

    reason: SuspensionReason


class ShareClassResumed(ShareClassEvent):
    """Dealing in the class goes on."""


class ShareClassClosed(ShareClassEvent):
    """The class is over; its ISIN is never used again."""

    reason: ClosureReason


def _end_of_offer(event: ShareClassEvent, closes_at: Moment) -> Due:
    names = {"umbrella": event.umbrella, "sub_fund": event.sub_fund, "share_class": event.share_class}
    payload = {name: str(value) for name, value in names.items()}
    return Due("EndInitialOffer", closes_at, {**payload, "closes_at": closes_at.isoformat()})


CATALOGUE = Catalogue(
    [
        UmbrellaRegistered,
        SubFundRegistered,
        SubFundRenamed,
        DealingCalendarSet,
        LiquidityToolsSet,
        SubFundSuspended,
        SubFundResumed,
        SubFundClosed,
        ShareClassAdded,
        ShareClassRemoved,
        ShareClassDrafted,
        ShareClassTermsAmended,
        InitialOfferOpened,
        InitialOfferExtended,
        InitialOfferEnded,
        InitialOfferClosed,
        ShareClassOpened,
        ShareClassSoftClosed,
        ShareClassReopened,
        ShareClassSuspended,
        ShareClassResumed,
        ShareClassClosed,
    ]
)
