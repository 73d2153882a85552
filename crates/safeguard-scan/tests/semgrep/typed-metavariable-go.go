package a

import "database/sql"

func one(db *sql.DB, q string) { db.Query(q) }
func two(db *Other, q string)  { db.Query(q) }
func three(q string) {
	var db *sql.DB
	db.Query(q)
}
