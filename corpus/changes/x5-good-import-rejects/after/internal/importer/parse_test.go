package importer

import (
	"slices"
	"testing"
)

func TestBadLineIsRejected(t *testing.T) {
	lines := slices.Repeat([]string{"m1;2024-05-01;12"}, 99)
	lines = append(lines, "m2;yesterday;12")
	readings, rejects, err := parseAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(readings) != 99 || len(rejects) != 1 || rejects[0].Line != 100 {
		t.Fatalf("%d readings, rejects %v", len(readings), rejects)
	}
}

func TestBadFileStops(t *testing.T) {
	if _, _, err := parseAll([]string{"m1;2024-05-01;12", "m2;yesterday;12"}); err == nil {
		t.Fatal("expected an error")
	}
}
