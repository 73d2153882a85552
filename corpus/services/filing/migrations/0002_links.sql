CREATE TABLE links (
    token_hash TEXT PRIMARY KEY,
    document_id INTEGER NOT NULL REFERENCES documents (id),
    expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE failed_sign_ins (
    email TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    locked_until INTEGER NOT NULL
);
