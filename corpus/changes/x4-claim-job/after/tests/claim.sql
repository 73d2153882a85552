BEGIN;
INSERT INTO jobs (kind, payload) VALUES ('print', '{}');
DO $$
BEGIN
    ASSERT (SELECT count(*) FROM claim_job('w1')) = 1;
    ASSERT (SELECT count(*) FROM claim_job('w2')) = 0;
END
$$;
ROLLBACK;
