package store

import (
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

type Project struct {
	gorm.Model
	Name       string
	Status     string
	OwnerID    uint
	LastEditAt time.Time
}

func Open(dsn string) (*gorm.DB, error) {
	return gorm.Open(postgres.Open(dsn), &gorm.Config{})
}
