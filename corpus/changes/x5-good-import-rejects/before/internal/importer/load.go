package importer

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func Load(ctx context.Context, pool *pgxpool.Pool, lines []string) (int64, error) {
	readings, err := parseAll(lines)
	if err != nil {
		return 0, err
	}
	return pool.CopyFrom(ctx, pgx.Identifier{"readings"}, []string{"meter", "read_on", "watt_hours"},
		pgx.CopyFromSlice(len(readings), func(i int) ([]any, error) {
			r := readings[i]
			return []any{r.Meter, r.ReadOn, r.WattHours}, nil
		}))
}
