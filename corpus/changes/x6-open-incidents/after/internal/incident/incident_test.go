package incident

import (
	"testing"
	"time"
)

func TestOpen(t *testing.T) {
	now := time.Now()
	if (Incident{ClosedAt: &now}).Open() || !(Incident{}).Open() {
		t.Fatal("open is wrong")
	}
}
