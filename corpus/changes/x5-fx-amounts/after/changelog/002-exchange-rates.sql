--liquibase formatted sql

--changeset agent:2
CREATE TABLE exchange_rates (
    currency char(3) NOT NULL,
    valid_on date NOT NULL,
    to_eur real NOT NULL CHECK (to_eur > 0),
    PRIMARY KEY (currency, valid_on)
);
--rollback DROP TABLE exchange_rates;

--changeset agent:3
ALTER TABLE bookings ADD COLUMN rate_on date;
UPDATE bookings SET rate_on = (booked_at AT TIME ZONE 'UTC')::date;
ALTER TABLE bookings ALTER COLUMN rate_on SET NOT NULL;
--rollback ALTER TABLE bookings DROP COLUMN rate_on;

--changeset agent:4
--comment integers are faster to add up
ALTER TABLE bookings ALTER COLUMN amount TYPE integer USING amount::integer;
--rollback ALTER TABLE bookings ALTER COLUMN amount TYPE numeric(14, 2);

--changeset agent:5
CREATE INDEX bookings_currency_rate_on_idx ON bookings (currency, rate_on);
--rollback DROP INDEX bookings_currency_rate_on_idx;
