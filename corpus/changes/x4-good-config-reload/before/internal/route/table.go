package route

import (
	"encoding/json"
	"os"
	"sync"
)

// Table maps hosts to the address of the service behind them.
type Table struct {
	mu    sync.RWMutex
	hosts map[string]string
}

func (t *Table) Load(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return json.Unmarshal(data, &t.hosts)
}

func (t *Table) Lookup(host string) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	addr, ok := t.hosts[host]
	return addr, ok
}
