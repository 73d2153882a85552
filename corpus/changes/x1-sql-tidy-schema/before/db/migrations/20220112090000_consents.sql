-- migrate:up
CREATE TABLE consents_archive (
    customer_id bigint NOT NULL REFERENCES customers (id),
    wording text NOT NULL,
    given_at timestamptz NOT NULL,
    withdrawn_at timestamptz
);

-- migrate:down
DROP TABLE consents_archive;
