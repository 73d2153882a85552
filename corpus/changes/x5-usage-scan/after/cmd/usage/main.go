package main

import (
	"context"
	"database/sql"
	"log"
	"os"

	_ "github.com/go-sql-driver/mysql"

	"example.com/usage/internal/report"
)

func main() {
	db, err := sql.Open("mysql", os.Getenv("DATABASE_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	if err := report.Store(context.Background(), db, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
