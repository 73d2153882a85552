CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    worker text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz
);

CREATE INDEX jobs_waiting_idx ON jobs (id) WHERE state = 'waiting';

CREATE FUNCTION claim_job(p_worker text) RETURNS SETOF jobs
LANGUAGE sql AS $$
    UPDATE jobs
    SET state = 'running', worker = p_worker, started_at = now()
    WHERE id = (
        SELECT id FROM jobs
        WHERE state = 'waiting'
        ORDER BY id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING *;
$$;
