package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

var phasesExperiment = Experiment{
	Name:  "phases",
	About: "one run: alignment, saddle avoidance, refinement",
	Claim: `Three phases follow one another: the factor turns to the spectral estimate while it is still
small, then it leaves the saddle at zero, then the truth is refined.`,
	Compared: `the order in which the phases end, and the test error at their ends`,
	AgreesIf: `they end in order, the error is above 0.9 when alignment ends (that of zero is 1), and the
truth is recovered`,
	DisagreesIf: `a phase ends although the one before it has not, or, if the floor is reached, the error was
0.9 or less when alignment ended or the truth is not recovered`,
	Untested: `other sizes, ranks and condition numbers: one run is looked at`,
	judge:    judgePhases,
}

func judgePhases(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{{Phases: true}}}
	agree, disagree := len(all) > 0, false
	for _, o := range all {
		ends := []*int{o.AlignmentEnd, o.SaddleEnd, o.FloorStart}
		for i, name := range []string{
			"I alignment ends", "II saddle avoidance ends", "III refinement's floor begins",
		} {
			if ends[i] == nil {
				v.find("%s: not reached in %d iterations", name, o.Record.Iterations)
				agree = false
				continue
			}
			p := pointAt(o.Trajectory, *ends[i])
			v.find("%s: iteration %d, with test error %.2g, signal %.2g, noise %.2g, "+
				"angle to the spectral estimate %.2g and to the truth %.2g",
				name, *ends[i], p.TestError, p.Signal, p.Noise, p.SpectralAngle, p.Angle)
			if i > 0 && (ends[i-1] == nil || *ends[i-1] >= *ends[i]) {
				v.find("the phase before it has not ended by then")
				disagree = true
			}
		}
		if o.AlignmentEnd == nil || o.FloorStart == nil {
			continue
		}
		small := float64(pointAt(o.Trajectory, *o.AlignmentEnd).TestError)
		v.find("when alignment ends the test error is %.3f (zero has the error 1); at the floor it is %.2g",
			small, o.Final.TestError)
		disagree = disagree || small <= 0.9 || o.Final.TestError >= experiment.RecoveredBelow
	}
	v.settle(agree, disagree)
	return v
}

// pointAt returns the point of a trajectory nearest to an iteration.
func pointAt(t []sweep.Point, iteration int) sweep.Point {
	best := sweep.Point{Iteration: math.MaxInt}
	away := func(p sweep.Point) int { return max(p.Iteration-iteration, iteration-p.Iteration) }
	for _, p := range t {
		if best.Iteration == math.MaxInt || away(p) < away(best) {
			best = p
		}
	}
	return best
}
