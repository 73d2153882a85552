package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const batch = 100

type Message struct {
	ID    int64
	Topic string
	Body  []byte
}

// Publisher sends one message; sending a message twice must do no harm.
type Publisher interface {
	Publish(ctx context.Context, m Message) error
}

type Poller struct {
	Pool  *pgxpool.Pool
	To    Publisher
	Every time.Duration
}

// Run publishes until ctx is done.
func (p *Poller) Run(ctx context.Context) error {
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := p.once(ctx); err != nil && !errors.Is(err, context.Canceled) {
				slog.Error("outbox", "err", err)
			}
		}
	}
}

func (p *Poller) once(ctx context.Context) error {
	return pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, pendingSQL, batch)
		if err != nil {
			return fmt.Errorf("pending: %w", err)
		}
		messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Message])
		if err != nil {
			return fmt.Errorf("pending: %w", err)
		}
		for _, m := range messages {
			if err := p.To.Publish(ctx, m); err != nil {
				return fmt.Errorf("publish %d: %w", m.ID, err)
			}
			if _, err := tx.Exec(ctx, sentSQL, m.ID); err != nil {
				return fmt.Errorf("mark %d: %w", m.ID, err)
			}
		}
		return nil
	})
}
