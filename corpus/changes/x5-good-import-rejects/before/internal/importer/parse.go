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

func parseAll(lines []string) ([]Reading, error) {
	readings := make([]Reading, 0, len(lines))
	for i, line := range lines {
		r, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		readings = append(readings, r)
	}
	return readings, nil
}
