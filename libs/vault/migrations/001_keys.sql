-- Keys of data subjects (ledger.md, "Personal data"). One row a subject, for good: while it has a key the row holds it,
-- wrapped; once it is erased the row is its tombstone. The primary key is therefore what makes a new key for an erased
-- subject impossible, whoever comes first.
create table subject_keys (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    kek text,
    wrapped bytea,
    made_at timestamptz,
    erased_at timestamptz,
    primary key (tenant, subject),
    constraint either_key_or_tombstone check (
        (erased_at is null and kek is not null and wrapped is not null and made_at is not null)
        or (erased_at is not null and kek is null and wrapped is null)
    )
    -- The dead row of a destroyed key is cleared away within minutes, however few there are.
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

-- Keyed hashes of words; beside the keys, outside every digest.
create table search (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    tokens bigint[] not null,
    primary key (tenant, subject)
);
create index search_tokens on search using gin (tokens);

create table documents (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    document text collate "C" not null,
    media_type text not null,
    size bigint not null,
    content bytea not null,
    primary key (tenant, subject, document)
);
-- Ciphertext does not compress.
alter table documents alter column content set storage external;

create view tombstones as select tenant, subject, erased_at from subject_keys where erased_at is not null;

create function keep_tombstone() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' or tg_op = 'DELETE' or old.erased_at is not null then
        raise exception 'a tombstone stays, and a key only gives way to one' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger keep_tombstone before update or delete on subject_keys for each row execute function keep_tombstone();
create trigger keep_tombstones before truncate on subject_keys for each statement execute function keep_tombstone();

-- The row lock makes an erasure and whoever adds to its subject at that moment wait for one another.
create function need_key() returns trigger language plpgsql as $$
begin
    perform from vault.subject_keys as k
        where k.tenant = new.tenant and k.subject = new.subject and k.wrapped is not null for share;
    if not found then
        raise exception 'the subject has no key' using errcode = 'foreign_key_violation';
    end if;
    return new;
end $$;
create trigger need_key before insert or update on search for each row execute function need_key();
create trigger need_key before insert or update on documents for each row execute function need_key();
