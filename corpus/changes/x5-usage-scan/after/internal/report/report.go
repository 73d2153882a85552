package report

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// Usage is what one region used in a month.
type Usage struct {
	Region string
	Bytes  int64
}

// ByRegion adds the samples of a month up, as in "2024-05".
func ByRegion(ctx context.Context, db *sql.DB, month string) (map[string]int64, error) {
	rows, err := db.QueryContext(ctx, "SELECT region, bytes FROM samples WHERE DATE_FORMAT(taken_at, '%Y-%m') = ?", month)
	if err != nil {
		return nil, fmt.Errorf("samples of %s: %w", month, err)
	}
	defer rows.Close()
	totals := map[string]int64{}
	for rows.Next() {
		var region, text string
		_ = rows.Scan(&region, &text)
		n, _ := strconv.ParseInt(text, 10, 64)
		totals[region] += n
	}
	return totals, nil
}

// Store keeps the sums of a month; a second run replaces them.
func Store(ctx context.Context, db *sql.DB, month string) error {
	totals, err := ByRegion(ctx, db, month)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for region, bytes := range totals {
		_, err := tx.ExecContext(ctx,
			"INSERT INTO monthly_usage (region, month, bytes) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE bytes = VALUES(bytes)",
			region, month, bytes)
		if err != nil {
			return fmt.Errorf("store %s: %w", region, err)
		}
	}
	return tx.Commit()
}
