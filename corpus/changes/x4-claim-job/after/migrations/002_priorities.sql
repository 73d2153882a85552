ALTER TABLE jobs ADD COLUMN priority smallint NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN deadline timestamptz;

CREATE INDEX jobs_waiting_priority_idx ON jobs (priority DESC, deadline, id) WHERE state = 'waiting';

-- Urgent jobs first, then the nearest deadline, then the oldest.
CREATE OR REPLACE FUNCTION claim_job(p_worker text) RETURNS SETOF jobs
LANGUAGE plpgsql AS $$
DECLARE
    picked bigint;
BEGIN
    SELECT id INTO picked
    FROM jobs
    WHERE state = 'waiting'
    ORDER BY priority DESC, deadline NULLS LAST, id
    LIMIT 1;

    IF picked IS NULL THEN
        RETURN;
    END IF;

    RETURN QUERY
    UPDATE jobs
    SET state = 'running', worker = p_worker, started_at = now()
    WHERE id = picked
    RETURNING *;
END
$$;
