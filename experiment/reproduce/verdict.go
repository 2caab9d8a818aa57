package reproduce

import (
	"fmt"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
)

// Status is the outcome of a verdict.
type Status string

// The outcomes.
const (
	Agrees    Status = "agrees"
	Disagrees Status = "disagrees"
	Unclear   Status = "cannot be told"
)

// Verdict is the comparison of results with the claim.
type Verdict struct {
	Status Status `json:"verdict"`
	// Findings are the numbers behind the verdict, one line each.
	Findings []string `json:"findings"`
	// Figures show the findings.
	Figures []Figure `json:"-"`

	// mayDiverge says which runs the claim lets diverge; nil: none.
	mayDiverge func(observation) bool
	// follow lists settings that the experiment's own sweeps vary, but only together with others which the
	// verdict compares. It does not compare these.
	follow []string
	// partial says that runs which the claim is about have not come to what it says of them.
	partial bool
}

// Figure is a picture of a sweep's results.
type Figure struct {
	sweep.Query
	// Fit asks for fitted lines and their slopes.
	Fit bool
	// Guides are lines to compare with.
	Guides []Guide
	// Phases asks for the trajectory of the only run, with its phases.
	Phases bool
}

// Guide is a straight line between two points.
type Guide struct {
	Name string
	X, Y []float64
}

// whereOf picks the runs in which a setting is a number.
func whereOf(key string, value int) map[string][]string {
	return map[string][]string{key: {strconv.Itoa(value)}}
}

func (v *Verdict) find(format string, args ...any) {
	v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
}

// settle sets the outcome. It stays unclear if neither is true, or if runs that might contradict the claim
// have not arrived.
func (v *Verdict) settle(agree, disagree bool) {
	switch {
	case disagree:
		v.Status = Disagrees
	case agree && !v.partial:
		v.Status = Agrees
	}
}
