CREATE TABLE tickets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id),
    subject text NOT NULL,
    severity smallint NOT NULL DEFAULT 3,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
