package importer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Load stores the readings of a file, and the lines it could not read, in one transaction.
func Load(ctx context.Context, pool *pgxpool.Pool, file string, lines []string) (stored, rejected int64, err error) {
	readings, rejects, err := parseAll(lines)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var err error
		stored, err = tx.CopyFrom(ctx, pgx.Identifier{"readings"}, []string{"meter", "read_on", "watt_hours"},
			pgx.CopyFromSlice(len(readings), func(i int) ([]any, error) {
				r := readings[i]
				return []any{r.Meter, r.ReadOn, r.WattHours}, nil
			}))
		if err != nil {
			return err
		}
		rejected, err = tx.CopyFrom(ctx, pgx.Identifier{"rejects"}, []string{"file", "line", "content", "reason"},
			pgx.CopyFromSlice(len(rejects), func(i int) ([]any, error) {
				r := rejects[i]
				return []any{file, r.Line, r.Content, r.Reason}, nil
			}))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	return stored, rejected, nil
}
