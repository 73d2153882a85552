package store

import "testing"

func TestOpenRejectsBadDSN(t *testing.T) {
	if _, err := Open("host=256.0.0.1 connect_timeout=1"); err == nil {
		t.Fatal("expected an error")
	}
}
