package main

import (
	"context"
	"database/sql"
	"fmt"
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
	total, err := report.Total(context.Background(), db, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(total)
}
