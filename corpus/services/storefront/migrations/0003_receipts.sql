CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
    body TEXT NOT NULL,
    written_at INTEGER
);

CREATE INDEX receipts_waiting ON receipts (written_at) WHERE written_at IS NULL;
