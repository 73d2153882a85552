CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('member', 'auditor', 'admin')),
    disabled INTEGER NOT NULL DEFAULT 0,
    fax TEXT,
    created_at INTEGER NOT NULL
);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    expires_at INTEGER NOT NULL
);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL REFERENCES accounts (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    legal_hold INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    trashed_at INTEGER
);

CREATE INDEX documents_by_owner ON documents (owner_id, updated_at);

CREATE TABLE revisions (
    document_id INTEGER NOT NULL REFERENCES documents (id),
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (document_id, version)
);

CREATE TABLE shares (
    document_id INTEGER NOT NULL REFERENCES documents (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    right TEXT NOT NULL CHECK (right IN ('reader', 'editor')),
    PRIMARY KEY (document_id, account_id)
);

CREATE INDEX shares_by_account ON shares (account_id);

CREATE TABLE audit_records (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    account_id INTEGER,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT ''
);
