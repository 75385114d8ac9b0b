"""The published events of funds: their names are the stored format (rule 6 of the house)."""

from __future__ import annotations

from libs.messages.funds import CATALOGUE

PUBLISHED = """
    funds.DealingCalendarSet.v1 funds.InitialOfferClosed.v1 funds.InitialOfferEnded.v1 funds.InitialOfferExtended.v1
    funds.InitialOfferOpened.v1 funds.LiquidityToolsSet.v1 funds.ShareClassAdded.v1 funds.ShareClassClosed.v1
    funds.ShareClassDrafted.v1 funds.ShareClassOpened.v1 funds.ShareClassRemoved.v1 funds.ShareClassReopened.v1
    funds.ShareClassResumed.v1 funds.ShareClassSoftClosed.v1 funds.ShareClassSuspended.v1
    funds.ShareClassTermsAmended.v1 funds.SubFundClosed.v1 funds.SubFundRegistered.v1 funds.SubFundRenamed.v1
    funds.SubFundResumed.v1 funds.SubFundSuspended.v1 funds.UmbrellaRegistered.v1
"""


def test_a_published_name_never_goes() -> None:
    assert {kind.type_name() for kind in CATALOGUE.types()} >= set(PUBLISHED.split())


def test_every_event_has_its_umbrella_as_lane_key() -> None:
    """W-2: all streams of a decision share the key."""
    assert {kind.key_field for kind in CATALOGUE.types()} == {"umbrella"}
    assert {kind.aggregate for kind in CATALOGUE.types()} == {"umbrella", "sub_fund", "share_class"}
