"""verify: a whole ledger walked and held against itself, its deployment, its past and the databases (ledger.md)."""

from libs.ledger.verify.report import SENTENCES as SENTENCES
from libs.ledger.verify.report import Found as Found
from libs.ledger.verify.report import Report as Report
from libs.ledger.verify.walk import Against as Against
from libs.ledger.verify.walk import verify as verify
