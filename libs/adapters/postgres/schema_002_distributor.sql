-- Whose change it is, where a distributor proposed it (TA-I-8); the row policy goes by this column.

alter table changes add column distributor text;
