package importer

import "testing"

func TestBadLineStops(t *testing.T) {
	if _, err := parseAll([]string{"m1;2024-05-01;12", "m2;yesterday;12"}); err == nil {
		t.Fatal("expected an error")
	}
}
