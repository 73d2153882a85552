package route

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hosts.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLookupWhileLoading(t *testing.T) {
	var table Table
	file := write(t, `{"a.example": "10.0.0.1:80"}`)
	if err := table.Load(file); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			if err := table.Load(file); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			defer wg.Done()
			if addr, _ := table.Lookup("a.example"); addr != "10.0.0.1:80" {
				t.Errorf("got %q", addr)
			}
		}()
	}
	wg.Wait()
}

func TestBadFileKeepsTheTable(t *testing.T) {
	var table Table
	if err := table.Load(write(t, `{"a.example": "10.0.0.1:80"}`)); err != nil {
		t.Fatal(err)
	}
	if err := table.Load(write(t, `{`)); err == nil {
		t.Fatal("expected an error")
	}
	if _, ok := table.Lookup("a.example"); !ok {
		t.Fatal("the table is gone")
	}
}
