package outbox

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestRunEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := &Poller{Every: time.Hour}
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
