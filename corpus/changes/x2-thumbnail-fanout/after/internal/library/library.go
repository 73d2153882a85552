package library

import (
	"context"
	"io"
)

type Object struct {
	Key  string
	Size int64
}

// Library is where the pictures lie.
type Library interface {
	List(ctx context.Context, prefix string) ([]Object, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Put(ctx context.Context, key string, data []byte) error
}
