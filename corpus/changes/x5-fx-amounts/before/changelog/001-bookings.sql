--liquibase formatted sql

--changeset mara:1
CREATE TABLE bookings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trip text NOT NULL,
    currency char(3) NOT NULL,
    amount numeric(14, 2) NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now()
);
--rollback DROP TABLE bookings;
