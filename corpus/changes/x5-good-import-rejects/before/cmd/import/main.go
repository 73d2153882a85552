package main

import (
	"context"
	"log"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"example.com/meters/internal/importer"
)

func main() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	n, err := importer.Load(ctx, pool, strings.Split(strings.TrimSpace(string(data)), "\n"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%d readings", n)
}
