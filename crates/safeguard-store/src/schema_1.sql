-- Resources, each whole, as JSON.
CREATE TABLE document (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The log. The bytes of an entry are those that its hash was taken of.
CREATE TABLE entry (
    idx  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE entry_subject (
    subject TEXT NOT NULL,
    idx     INTEGER NOT NULL,
    PRIMARY KEY (subject, idx)
) WITHOUT ROWID;

-- The id is the level times 2^56 plus the index; the last tile of a level grows until it has 256 hashes.
CREATE TABLE tile (
    id     INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
);

-- The newest signed checkpoint, one row.
CREATE TABLE checkpoint (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    note TEXT NOT NULL
);

-- Effects that were decided and not yet delivered.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    topic       TEXT NOT NULL,
    body        TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (next_try_ms, id);

-- Texts that entries only commit to: they can be erased, and every proof stays valid.
CREATE TABLE personal (
    hmac  TEXT PRIMARY KEY,
    salt  BLOB NOT NULL,
    bytes BLOB NOT NULL
) WITHOUT ROWID;
