create table bells (
    bell text primary key,
    tenant text not null,
    market text not null,
    label text not null,
    rings int not null default 0
);

-- Reference data from tills (W-24).
create table known_tills (
    till text primary key,
    tenant text not null,
    label text not null
);
