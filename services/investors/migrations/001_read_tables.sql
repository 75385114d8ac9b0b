-- Read tables of investors. The runtime makes the schema, the roles and the row level security, and sets the search path.
-- A column of jsonb that holds a personal value holds it sealed, with the place that it was sealed for (invariant 6).

create table investors (
    tenant          text        not null,
    investor        uuid        not null,
    kind            text,
    category        text,
    reference       text,
    distributor     text,
    country         char(2),
    identity        jsonb,
    address         jsonb,
    contact         jsonb,
    tax             jsonb,
    tax_identities  jsonb,
    stage           text        check (stage in ('draft', 'submitted', 'more_information', 'approved', 'rejected',
                                                 'withdrawn', 'ended', 'erased')),
    screening       text        not null default 'none'
                                check (screening in ('none', 'requested', 'clear', 'hits', 'unavailable')),
    screening_round int         not null default 0,
    -- Review begins when screening has answered since the submission, or could not (TA-I-2, TA-I-3).
    answered        boolean     not null default false,
    status          text        generated always as (
        case when stage = 'submitted' and answered then 'in_review' else stage end) stored,
    asked           jsonb,
    rejection       text,
    risk            text,
    review_due_at   timestamptz,
    review_overdue  boolean     not null default false,
    -- Counted from several lanes: a joint account lies in its first holder's, so the row may begin with this alone.
    open_accounts   int         not null default 0,
    retain_until    timestamptz,
    registered_at   timestamptz,
    changed_at      timestamptz,
    primary key (tenant, investor)
);

create index investors_by_age on investors (tenant, registered_at, investor);
create index investors_by_status on investors (tenant, status, registered_at, investor);
create index investors_by_category on investors (tenant, category, registered_at, investor);
create index investors_by_country on investors (tenant, country, registered_at, investor);
create index investors_by_risk on investors (tenant, risk, registered_at, investor);
create index investors_by_screening on investors (tenant, screening, registered_at, investor);
create index investors_by_review on investors (tenant, review_overdue, registered_at, investor);
create index investors_of_distributor on investors (tenant, distributor, registered_at, investor);
create index investors_by_reference on investors (tenant, reference);

-- Which entries of a list the hits of a round are, sealed as one: who somebody may be is personal (TA-I-3, TA-I-7).
create table screening_rounds (
    tenant       text        not null,
    investor     uuid        not null,
    round        int         not null,
    list_version text        not null,
    provider     text        not null,
    hits         jsonb       not null,
    found_at     timestamptz not null,
    primary key (tenant, investor, round)
);

-- `hit` is a hit's number in its round, from 1: its place in the sealed hits.
create table screening_hits (
    tenant      text        not null,
    investor    uuid        not null,
    round       int         not null,
    hit         int         not null,
    outcome     text        check (outcome in ('dismissed', 'confirmed')),
    reason      jsonb,
    resolved_by text,
    resolved_at timestamptz,
    primary key (tenant, investor, round, hit)
);

create table documents (
    tenant     text        not null,
    investor   uuid        not null,
    document   text        not null,
    -- Which distributor filed it; null for what the transfer agent's own people did, which no distributor sees.
    distributor text,
    kind       text        not null,
    media_type text        not null,
    size_bytes bigint      not null,
    filed_at   timestamptz not null,
    primary key (tenant, investor, document)
);

create table bank_accounts (
    tenant        text        not null,
    bank_account  uuid        not null,
    investor      uuid        not null,
    country       char(2)     not null,
    currency      char(3)     not null,
    details       jsonb       not null,
    name_match    text        not null,
    match_percent int         not null,
    status        text        not null check (status in ('added', 'verified', 'closed')),
    evidence      text,
    added_at      timestamptz not null,
    changed_at    timestamptz not null,
    primary key (tenant, bank_account)
);

create index bank_accounts_by_age on bank_accounts (tenant, added_at, bank_account);
create index bank_accounts_of_investor on bank_accounts (tenant, investor, added_at, bank_account);
create index bank_accounts_by_status on bank_accounts (tenant, status, added_at, bank_account);

create table accounts (
    tenant         text        not null,
    account        uuid        not null,
    investor       uuid        not null,
    reference      text        not null,
    kind           text        not null,
    signatures     int         not null,
    distributor    text,
    reinvest       boolean     not null,
    payout_account uuid,
    status         text        not null check (status in ('open', 'closed')),
    opened_at      timestamptz not null,
    changed_at     timestamptz not null,
    primary key (tenant, account)
);

create index accounts_by_reference on accounts (tenant, reference, account);
create index accounts_of_distributor on accounts (tenant, distributor, reference, account);
create index accounts_by_status on accounts (tenant, status, reference, account);
create index accounts_by_kind on accounts (tenant, kind, reference, account);
create index accounts_of_first_holder on accounts (tenant, investor, reference, account);

create table account_holders (
    tenant      text not null,
    account     uuid not null,
    investor    uuid not null,
    position    int  not null,
    distributor text,
    primary key (tenant, account, investor)
);

create index account_holders_by_investor on account_holders (tenant, investor, account);

create table account_blocks (
    tenant      text        not null,
    block       uuid        not null,
    account     uuid        not null,
    investor    uuid        not null,
    scope       text        not null,
    ground      jsonb       not null,
    blocked_at  timestamptz not null,
    lifted_at   timestamptz,
    lift_reason jsonb,
    primary key (tenant, block)
);

create index account_blocks_of_account on account_blocks (tenant, account, blocked_at, block);

-- `id`, since a column named distributor is a code by which rows are guarded.
create table distributors (
    tenant        text        not null,
    code          text        not null,
    id            uuid        not null,
    name          text        not null,
    country       char(2)     not null,
    lei           char(20),
    ended         boolean     not null,
    registered_at timestamptz not null,
    changed_at    timestamptz not null,
    primary key (tenant, code)
);

create unique index distributors_by_id on distributors (tenant, id);

-- What belongs to an investor or an account is seen by who sees that (TA-I-8); each policy is one more beside the
-- tenant's, and asks only where the caller is bound to a distributor.
create policy of_investor on screening_rounds as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') = '');
create policy of_investor on screening_hits as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') = '');
create policy of_investor on documents as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') = ''
    or exists (select from investors i where i.tenant = documents.tenant and i.investor = documents.investor));
create policy of_investor on bank_accounts as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') = ''
    or exists (select from investors i where i.tenant = bank_accounts.tenant and i.investor = bank_accounts.investor));
create policy of_account on account_blocks as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') = ''
    or exists (select from accounts a where a.tenant = account_blocks.tenant and a.account = account_blocks.account));
create policy of_itself on distributors as restrictive for select to investors_api using (
    coalesce(current_setting('cartulary.distributor', true), '') in ('', code));

-- A person's history names the block of each event.
grant select on ledger_batches to investors_api;

-- Investors as holders: with how many hits nobody dismissed, of the present round, or confirmed in any (TA-I-3).
create view holders with (security_invoker = true) as
select i.*, (
    select count(*) from screening_hits h
    where h.tenant = i.tenant and h.investor = i.investor and h.outcome is distinct from 'dismissed'
      and (h.round = i.screening_round or h.outcome = 'confirmed')) as hits_left
from investors i;
grant select on holders to investors_api;
