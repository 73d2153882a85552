CREATE TABLE sessions (
    digest bytea PRIMARY KEY,
    account_id bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    number text NOT NULL,
    total_cents bigint NOT NULL,
    issued_on date NOT NULL,
    pdf bytea NOT NULL
);
