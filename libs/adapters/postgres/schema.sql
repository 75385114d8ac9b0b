-- The write path's own tables, the same in every service's schema; run by the service's `_owner`.

create table life (
    only_one boolean primary key default true check (only_one),
    epoch bigint not null,
    level_at timestamptz
);

create table producer_lanes (
    lane int primary key,
    next_seq bigint not null,
    settled boolean not null default false
);

-- One row a stream: `version` counts pending intents in, `committed` does not (W-3, W-5).
create table streams (
    stream text primary key,
    tenant text not null,
    version int not null,
    committed int not null,
    time text not null
);

-- W-1, W-20.
create table idempotency (
    tenant text not null,
    command text not null,
    request text not null,
    status text not null check (status in ('running', 'decided', 'committed', 'refused')),
    decision uuid,
    streams jsonb not null default '[]',
    problem jsonb,
    primary key (tenant, command)
);
create index idempotency_waits_for on idempotency (decision) where status = 'decided';

-- Decisions from their transaction to their commit (W-7, W-8). `run` is the first seq of the run that carries it.
create table intents (
    position bigint generated always as identity,
    decision uuid primary key,
    lane int not null,
    tenant text not null,
    epoch bigint,
    seq bigint,
    run bigint,
    body text not null,
    traceparent text,
    stored_at timestamptz not null default now()
);
create unique index intents_numbered on intents (lane, epoch, seq) where seq is not null;
create index intents_unnumbered on intents (lane, position) where seq is null;

create table pending (
    stream text not null,
    version int not null,
    tenant text not null,
    decision uuid not null,
    type text not null,
    data text not null,
    primary key (stream, version)
);

-- Written by `_commit` alone, after a ledger node confirmed the batch (W-15).
create table ledger_batches (
    lane int not null,
    first bigint not null,
    count int not null,
    previous_head bytea not null,
    head bytea not null,
    root bytea not null,
    block bigint not null,
    block_hash bytea not null,
    block_time bigint not null,
    transaction bytea not null,
    transaction_index int not null,
    primary key (lane, first)
);

-- Invariant 1: no row without its batch of the ledger; none is ever changed or deleted.
create table events (
    lane int not null,
    sequence bigint not null,
    batch bigint not null,
    stream text not null,
    version int not null,
    tenant text not null,
    type text not null,
    void boolean not null,
    body text not null,
    primary key (lane, sequence),
    foreign key (lane, batch) references ledger_batches (lane, first)
);
create unique index events_of_stream on events (stream, version) where not void;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'events and ledger_batches are only ever added to (invariant 1)' using errcode = '42501';
end $$;
create trigger events_stand before update or delete on events
    for each statement execute function refuse_change();
create trigger ledger_batches_stand before update or delete on ledger_batches
    for each statement execute function refuse_change();

-- W-4. A row a holder: one gives a claim up and another takes it, and a replay may read the lanes in either order.
create table claims (
    tenant text not null,
    kind text not null,
    value text not null,
    stream text not null,
    primary key (tenant, kind, value, stream)
);

-- W-25.
create table due (
    cause uuid not null,
    kind text not null,
    at timestamptz not null,
    tenant text not null,
    stream text not null,
    payload jsonb not null,
    done boolean not null default false,
    primary key (cause, kind, at)
);
create index due_next on due (at) where not done;

-- W-17.
create table positions (
    consumer text not null,
    lane int not null,
    sequence bigint not null,
    head bytea not null,
    block bigint not null,
    primary key (consumer, lane)
);

-- Changes under four eyes: the runtime's one read table.
create table changes (
    change uuid primary key,
    tenant text not null,
    key text not null,
    command text not null,
    payload jsonb not null,
    reads jsonb not null,
    proposer text not null,
    approver text,
    effective_at timestamptz,
    expires_at timestamptz not null,
    status text not null,
    reason text not null default ''
);
create index changes_of_tenant on changes (tenant, change);
