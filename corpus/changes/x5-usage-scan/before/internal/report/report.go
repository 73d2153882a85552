package report

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// Total is the number of bytes of a month, as in "2024-05".
func Total(ctx context.Context, db *sql.DB, month string) (int64, error) {
	rows, err := db.QueryContext(ctx, "SELECT bytes FROM samples WHERE DATE_FORMAT(taken_at, '%Y-%m') = ?", month)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var total int64
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("sample: %w", err)
		}
		total += n
	}
	return total, rows.Err()
}
