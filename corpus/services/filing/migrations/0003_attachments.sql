CREATE TABLE attachments (
    id INTEGER PRIMARY KEY,
    document_id INTEGER NOT NULL REFERENCES documents (id),
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    added_at INTEGER NOT NULL
);

CREATE INDEX attachments_by_document ON attachments (document_id);
CREATE INDEX attachments_by_content ON attachments (sha256);
