package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
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
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	stored, rejected, err := importer.Load(ctx, pool, filepath.Base(os.Args[1]), lines)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%d readings, %d rejects", stored, rejected)
}
