package solver

import "fmt"

// Status says why a run ended. A status is an expected ending; an error says that something broke.
type Status int

// The statuses.
const (
	Running     Status = iota // not ended
	BudgetSpent               // all iterations done
	Converged                 // a target was reached
	Diverged                  // numbers grew past all bounds
	Canceled                  // the context was done
	Stalled                   // the error did not fall for as long as Settings.Patience
)

var statuses = [...]struct{ name, text string }{
	Running:     {"running", "The run has not ended."},
	BudgetSpent: {"budget-spent", "All iterations were done."},
	Converged:   {"converged", "The target was reached before all iterations were done."},
	Diverged:    {"diverged", "The iterates grew past all bounds; an earlier, good one was kept."},
	Canceled:    {"canceled", "The run was interrupted and can be resumed."},
	Stalled:     {"stalled", "The error had not fallen for so long that the run stopped early."},
}

// String returns the status's name in files.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statuses) {
		return fmt.Sprintf("Status(%d)", int(s))
	}
	return statuses[s].name
}

// Text returns one sentence about the status.
func (s Status) Text() string {
	if s < 0 || int(s) >= len(statuses) {
		return s.String()
	}
	return statuses[s].text
}

// MarshalText writes the status's name.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a status's name.
func (s *Status) UnmarshalText(text []byte) error {
	for i, row := range statuses {
		if row.name == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("solver: unknown status %q", text)
}
