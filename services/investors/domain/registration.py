"""Registration: a person comes onto the books, alone or with its whole file in one decision (TA-I-1)."""

from __future__ import annotations

from collections.abc import Sequence

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.codes import check_currency
from services.investors.domain.bank_account import BankAccount, added
from services.investors.domain.commands import RegisterInvestor
from services.investors.domain.distributor import check_code, check_row
from services.investors.domain.investor import Investor, living, screening_requested
from services.investors.domain.particulars import check_particulars
from services.investors.domain.refusals import InvestorExists
from services.investors.domain.tax import check_certification

# --- Commands

RegistrationCommand = RegisterInvestor

# --- Decide


def decide(
    command: RegistrationCommand, investor: Investor | None, bank_account: BankAccount | None = None
) -> Sequence[Event]:
    """The events of a registration; the same particulars again are no event, others are InvestorExists."""
    check_file(command)
    check_code(command.introduced_by, command.placed_by)
    if investor is not None:
        return again(command, living(investor, command), bank_account)
    check_row(command.introduced_by, command.distributor_row)
    events: list[Event] = [registered(command)]
    if certified := self_certified(command):
        events.append(certified)
    if bank := first_bank_account(command):
        events.append(bank)
    if command.submit:
        events += [published.OnboardingSubmitted(investor=command.investor), screening_requested(command, None)]
    return events


def check_file(command: RegisterInvestor) -> None:
    """Raise InvalidValue, naming the field, for what can never be a file."""
    check_particulars(command.identity, command.address, command.now)
    if command.tax is not None:
        check_certification(command.tax, command.tax_identities, command.identity.kind, command.now)
    elif command.tax_identities:
        raise InvalidValue("tax numbers come with the certified status", field="tax")
    elif command.submit:
        raise InvalidValue("a file that is submitted has its tax status certified", field="tax")
    if command.bank_currency is not None:
        check_currency(command.bank_currency, "bank_currency")
    whole = (command.bank_account, command.bank, command.bank_currency)
    if any(part is None for part in whole) and any(part is not None for part in whole):
        raise InvalidValue("a bank account has an id, details and a currency", field="bank_account")


def again(command: RegisterInvestor, investor: Investor, bank_account: BankAccount | None) -> Sequence[Event]:
    """Nothing, if everything is as it was registered first; what was amended since does not count."""
    certified, bank = self_certified(command), first_bank_account(command)
    if investor.registered != registered(command):
        raise InvestorExists("registered with other particulars", field="investor", value=command.investor)
    if certified is not None and investor.first_certified != certified:
        raise InvestorExists("certified its tax status otherwise", field="tax")
    if bank is not None and (bank_account is None or not bank_account.same_as(bank)):
        raise InvestorExists("registered with another bank account", field="bank_account", value=command.bank_account)
    return []


def registered(command: RegisterInvestor) -> published.InvestorRegistered:
    """The event of the registration itself; the country is the address's."""
    return published.InvestorRegistered(
        investor=command.investor,
        kind=command.identity.kind,
        category=command.category,
        reference=command.reference,
        distributor=command.introduced_by,
        country=command.address.country,
        identity=Personal.of(command.identity),
        address=Personal.of(command.address),
        contact=None if command.contact is None else Personal.of(command.contact),
    )


def self_certified(command: RegisterInvestor) -> published.SelfCertified | None:
    """The certification, if it is given."""
    if command.tax is None:
        return None
    numbers = Personal.of(command.tax_identities)
    return published.SelfCertified(investor=command.investor, status=command.tax, tax_identities=numbers)


def first_bank_account(command: RegisterInvestor) -> published.BankAccountAdded | None:
    """The bank account, if it is given, not verified."""
    if command.bank_account is None or command.bank is None or command.bank_currency is None:
        return None
    return added(command.investor, command.bank_account, command.bank_currency, command.bank, command.identity)
