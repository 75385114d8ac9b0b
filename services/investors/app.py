"""The composition root of investors."""

from __future__ import annotations

from pathlib import Path

from libs.edge.batches import MAX_BODY_BYTES
from libs.edge.component import ServiceParts
from libs.edge.composition import compose
from libs.edge.path import Parts
from libs.edge.settings import Settings
from services.investors import batch, documents
from services.investors.api import PERSONAL, routers
from services.investors.domain.decider import InvestorsDecider
from services.investors.projections import project
from services.investors.reactions import DUE, due


def parts() -> Parts:
    """What investors brings to the runtime, without I/O; its other due work needs what is composed (`service`)."""
    decider = InvestorsDecider()
    stems = (kind.type_name().rpartition(".v")[0] for kind in decider.catalogue.types())
    return Parts(decider, dict.fromkeys(stems, project), Path(__file__).with_name("migrations"), due=DUE)


def service(settings: Settings) -> ServiceParts:
    """Investors for `cartulary serve`."""
    description = "Investors, their accounts and bank accounts, from draft to erasure."
    larger = {documents.PATH: settings.max_document_bytes, batch.PATH: MAX_BODY_BYTES}
    return compose(parts(), settings, routers, description, due=due, personal=PERSONAL, larger_bodies=larger)
