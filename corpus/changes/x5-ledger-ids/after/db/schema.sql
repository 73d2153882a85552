CREATE TABLE entries (
    id bigint PRIMARY KEY,
    account text NOT NULL,
    cents bigint NOT NULL,
    reverses bigint REFERENCES entries (id),
    booked_at timestamptz NOT NULL DEFAULT now()
);
