create table tills (
    till text primary key,
    tenant text not null,
    market text not null,
    label text not null,
    balance numeric(20, 2) not null,
    status text not null
);

create table markets (
    market text primary key,
    tenant text not null,
    total numeric(20, 2) not null,
    movements int not null
);

create table open_tills (
    till text primary key,
    tenant text not null
);
