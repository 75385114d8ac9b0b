-- Read tables of funds. The runtime makes the schema, the roles and the row level security, and sets the search path.

create table umbrellas (
    tenant        text        not null,
    umbrella      uuid        not null,
    name          text        not null,
    legal_form    text        not null,
    regime        text        not null,
    domicile      char(2)     not null,
    lei           char(20),
    registered_at timestamptz not null,
    changed_at    timestamptz not null,
    primary key (tenant, umbrella)
);

create table sub_funds (
    tenant         text        not null,
    sub_fund       uuid        not null,
    umbrella       uuid        not null,
    code           text        not null,
    name           text        not null,
    base_currency  char(3)     not null,
    asset_class    text        not null,
    lei            char(20),
    frequency      text        not null,
    calendar       jsonb       not null,
    tools          jsonb       not null,
    status         text        not null check (status in ('dealing', 'suspended', 'closed')),
    reason         text,
    registered_at  timestamptz not null,
    changed_at     timestamptz not null,
    primary key (tenant, sub_fund)
);

create index sub_funds_of_umbrella on sub_funds (tenant, umbrella, code);

create table share_classes (
    tenant                         text        not null,
    share_class                    uuid        not null,
    sub_fund                       uuid        not null,
    umbrella                       uuid        not null,
    isin                           char(12)    not null,
    name                           text        not null,
    currency                       char(3)     not null,
    income                         text        not null,
    price_type                     text        not null,
    unit_decimals                  smallint    not null,
    price_decimals                 smallint    not null,
    investor_types                 jsonb       not null,
    countries                      jsonb       not null,
    terms                          jsonb       not null,
    status                         text        not null check (status in (
        'draft', 'initial_offer', 'initial_offer_ended', 'open', 'soft_closed', 'suspended', 'closed')),
    reason                         text,
    existing_holders_may_subscribe boolean,
    offer_price                    numeric,
    offer_closes_at                timestamptz,
    offer_minimum_raise            numeric,
    offer_outcome                  text,
    offer_raised                   numeric,
    registered_at                  timestamptz not null,
    changed_at                     timestamptz not null,
    primary key (tenant, share_class)
);

create unique index share_classes_by_isin on share_classes (tenant, isin);
create index share_classes_of_sub_fund on share_classes (tenant, sub_fund, isin);
create index share_classes_by_status on share_classes (tenant, status, isin);
