create table orders (
    tenant      text           not null,
    placed      uuid           not null,
    fund        text           not null,
    account     uuid           not null,
    share_class text           not null,
    side        text           not null,
    amount      numeric(20, 2) not null,
    currency    char(3)        not null,
    placed_at   timestamptz    not null,
    primary key (tenant, placed)
);
