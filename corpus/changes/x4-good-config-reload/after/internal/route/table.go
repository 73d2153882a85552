package route

import (
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
)

// Table maps hosts to the address of the service behind them.
//
// A loaded map is never written again; Load puts a new one in its place.
type Table struct {
	hosts atomic.Pointer[map[string]string]
}

// Load reads the table anew. On an error the table stays as it is.
func (t *Table) Load(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var hosts map[string]string
	if err := json.Unmarshal(data, &hosts); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(hosts) == 0 {
		return fmt.Errorf("%s: no hosts", file)
	}
	t.hosts.Store(&hosts)
	return nil
}

func (t *Table) Lookup(host string) (string, bool) {
	hosts := t.hosts.Load()
	if hosts == nil {
		return "", false
	}
	addr, ok := (*hosts)[host]
	return addr, ok
}
