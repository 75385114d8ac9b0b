create table visitors (
    tenant  text  not null,
    visitor text  not null,
    name    jsonb not null,
    status  text  not null,
    primary key (tenant, visitor)
);
