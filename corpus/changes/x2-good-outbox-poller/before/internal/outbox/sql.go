package outbox

const (
	pendingSQL = `SELECT id, topic, body FROM outbox WHERE sent_at IS NULL
		ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`
	sentSQL = `UPDATE outbox SET sent_at = now() WHERE id = $1`
)
