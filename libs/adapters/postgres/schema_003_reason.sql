-- Why a change was rejected is sealed in a service of persons, and a text in the others (invariant 6).

alter table changes
    alter column reason drop default,
    alter column reason type jsonb using to_jsonb(reason),
    alter column reason set default '""';
