package incident

import "time"

type Incident struct {
	ID       string
	Service  string
	Title    string
	OpenedAt time.Time
	ClosedAt *time.Time
}

func (i Incident) Open() bool {
	return i.ClosedAt == nil
}
