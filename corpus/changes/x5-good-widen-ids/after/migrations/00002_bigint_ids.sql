-- +goose Up
SET LOCAL lock_timeout = '5s';

-- Rewrites both tables: about a second at their size. The referring column is
-- changed in the same transaction, so the foreign key holds all the time.
ALTER TABLE messages ALTER COLUMN id TYPE bigint;
ALTER TABLE reactions ALTER COLUMN message_id TYPE bigint;
ALTER SEQUENCE messages_id_seq AS bigint;

-- +goose StatementBegin
DO $$
BEGIN
    IF (SELECT count(*) FROM reactions r LEFT JOIN messages m ON m.id = r.message_id WHERE m.id IS NULL) > 0 THEN
        RAISE EXCEPTION 'reactions without a message';
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- Not turned back: ids above 2^31 would not fit.
SELECT 1;
