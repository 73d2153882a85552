package importer

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type Reading struct {
	Meter     string
	ReadOn    time.Time
	WattHours int64
}

// Reject is a line that could not be read.
type Reject struct {
	Line    int
	Content string
	Reason  string
}

func parse(line string) (Reading, error) {
	f := strings.Split(line, ";")
	if len(f) != 3 {
		return Reading{}, fmt.Errorf("%d fields", len(f))
	}
	day, err := time.Parse(time.DateOnly, f[1])
	if err != nil {
		return Reading{}, err
	}
	wh, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Meter: f[0], ReadOn: day, WattHours: wh}, nil
}

// parseAll fails when more than one line in a hundred is bad: then the file is.
func parseAll(lines []string) ([]Reading, []Reject, error) {
	readings := make([]Reading, 0, len(lines))
	var rejects []Reject
	for i, line := range lines {
		r, err := parse(line)
		if err != nil {
			rejects = append(rejects, Reject{Line: i + 1, Content: line, Reason: err.Error()})
			continue
		}
		readings = append(readings, r)
	}
	if len(rejects)*100 > len(lines) {
		return nil, rejects, fmt.Errorf("%d of %d lines are bad, the first in line %d: %s",
			len(rejects), len(lines), rejects[0].Line, rejects[0].Reason)
	}
	return readings, rejects, nil
}
