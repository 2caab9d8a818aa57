package sweep

import (
	"math"
	"slices"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
)

// Record is what a sweep keeps of a run that has ended. Apart from Timing, its bytes do not depend on when
// and where the run is carried out.
type Record struct {
	// Index and Values are the run's: its number, and its settings in the order of [Spec.Keys].
	Index  int      `json:"index"`
	Values []string `json:"values"`
	// Fingerprint is a hash of the run's configuration, and Data has the SHA-256 of each data file that the
	// run has read, by key. Together they decide everything below but Timing.
	Fingerprint string            `json:"fingerprint"`
	Data        map[string]string `json:"data,omitempty"`
	// Status is the solver's status, or [Failed].
	Status string `json:"status"`
	// Error says why a run failed.
	Error string `json:"error,omitempty"`
	// Iterations is the number of steps to the iterate that is the result: the last good one, or the best one
	// if that is kept. Final has its metrics.
	Iterations int   `json:"iterations"`
	Final      Point `json:"final"`
	Recovered  *bool `json:"recovered"`
	experiment.BestIterates
	// The iterations at which phases I and II end and the floor begins; null if that was not reached.
	AlignmentEnd *int `json:"alignment_end"`
	SaddleEnd    *int `json:"saddle_avoidance_end"`
	FloorStart   *int `json:"floor_start"`
	// Plateaus are the ranks that the run learned one after another.
	Plateaus []experiment.Plateau `json:"plateaus,omitempty"`
	// Angles as in [experiment.SpectralSummary].
	EstimateAngle   experiment.Number `json:"estimate_to_truth"`
	EstimateOverlap experiment.Number `json:"estimate_overlap"`
	// Eigenvalues are those of the spectral estimate, if the run reports more than one.
	Eigenvalues      []experiment.Eigenvalue `json:"eigenvalues,omitempty"`
	ClosestAngle     experiment.Number       `json:"factor_to_estimate_closest"`
	ClosestIteration *int                    `json:"factor_to_estimate_closest_iteration"`
	// Targets has, for each target of the sweep, the first measured iteration whose test error is at most the
	// target.
	Targets []*int `json:"targets"`
	// Trajectory is thinned to at most [KeptPoints] points.
	Trajectory []Point `json:"trajectory"`
	Timing     Timing  `json:"timing"`
}

// Diverged says whether the run diverged.
func (r *Record) Diverged() bool { return r.Status == solver.Diverged.String() }

// Point is a sample as a record keeps it: without singular values and times.
type Point solver.Sample

// pointOf returns a run's metrics as a record keeps them.
func pointOf(x experiment.Metrics) Point {
	s := solver.Sample(x)
	for _, m := range solver.Metrics() {
		if m.Clock {
			m.Set(&s, 0)
		}
	}
	return Point(s)
}

// Value returns the metric with a name; NaN if it is unknown. It panics if there is no such metric.
func (p *Point) Value(name string) float64 { return (*solver.Sample)(p).Value(name) }

// Set sets the metric with a name. It panics if there is no such metric.
func (p *Point) Set(name string, value float64) { (*solver.Sample)(p).Set(name, value) }

// of returns a metric of the point; NaN if it is unknown.
func (p *Point) of(m *solver.Metric) float64 { return m.Of((*solver.Sample)(p)) }

// MarshalJSON implements [json.Marshaler].
func (p Point) MarshalJSON() ([]byte, error) {
	keep := func(m *solver.Metric, _ float64) bool { return !m.Clock }
	return append(experiment.AppendMembers([]byte{'{'}, (*solver.Sample)(&p), keep), '}'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *Point) UnmarshalJSON(text []byte) error {
	s, err := experiment.SampleFromJSON(text)
	*p = Point(s)
	return err
}

// Timing has a run's seconds of stepping, which are its share of the batch's, and the device and the version
// of the program that took them. Targets has the seconds to each target of the sweep. Ended is when the run
// ended.
type Timing struct {
	Ended   time.Time           `json:"ended"`
	Device  string              `json:"device"`
	Version string              `json:"version"`
	Seconds experiment.Number   `json:"seconds"`
	Targets []experiment.Number `json:"targets"`
}

// Failed is the status of a run that ended with an error.
const Failed = "failed"

// KeptPoints is how many points of a trajectory a record keeps at most.
const KeptPoints = 200

// newRecord returns the record of a run that has ended, but for its fingerprint.
func newRecord(run Run, r *experiment.Run, targets []float64) *Record {
	s := r.Summary
	rec := &Record{
		Index: run.Index, Values: run.Values, Data: r.Hashes, Status: s.Status.String(),
		Iterations: s.Iterations, Final: pointOf(s.Final), Recovered: s.Recovered,
		BestIterates: s.BestIterates,
		AlignmentEnd: iterationOf(s.Phases.AlignmentEnd), SaddleEnd: iterationOf(s.Phases.SaddleEnd),
		FloorStart: iterationOf(s.Phases.FloorStart), Plateaus: s.Plateaus,
		EstimateAngle: unknown, EstimateOverlap: unknown, ClosestAngle: unknown,
		Timing: Timing{Ended: time.Now().UTC(), Device: s.Device, Version: s.Version,
			Seconds: s.SecondsStepping},
	}
	if e := s.Spectral; e != nil {
		rec.EstimateAngle, rec.EstimateOverlap = e.EstimateAngle, e.EstimateOverlap
		rec.ClosestAngle, rec.ClosestIteration = e.Closest, &e.ClosestIteration
		if len(e.Eigenvalues) > 1 {
			rec.Eigenvalues = e.Eigenvalues
		}
	}
	for _, target := range targets {
		at, seconds := firstBelow(r.Trajectory, target)
		rec.Targets = append(rec.Targets, at)
		rec.Timing.Targets = append(rec.Timing.Targets, seconds)
	}
	for _, i := range kept(len(r.Trajectory)) {
		rec.Trajectory = append(rec.Trajectory, pointOf(experiment.MetricsOf(r.Trajectory[i])))
	}
	return rec
}

// newFailure returns the record of a run that failed, but for its fingerprint.
func newFailure(run Run, err error) *Record {
	return &Record{
		Index: run.Index, Values: run.Values, Status: Failed, Error: err.Error(),
		Final:         pointOf(experiment.MetricsOf(solver.NewSample(0))),
		BestIterates:  experiment.BestOf(nil),
		EstimateAngle: unknown, EstimateOverlap: unknown, ClosestAngle: unknown,
		Timing: Timing{Ended: time.Now().UTC(), Seconds: unknown},
	}
}

var unknown = experiment.Number(math.NaN())

// isUnknown says whether a number is unknown, that is, NaN or infinite.
func isUnknown[F ~float64](n F) bool { return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) }

// iterationOf returns the iteration of metrics; nil if there are none.
func iterationOf(m *experiment.Metrics) *int {
	if m == nil {
		return nil
	}
	return &m.Iteration
}

// firstBelow returns the iteration and the seconds at which the test error is first at most a target; nil and
// unknown if it never is.
func firstBelow(t solver.Trajectory, target float64) (*int, experiment.Number) {
	for i := range t {
		if t[i].TestError <= target {
			return &t[i].Iteration, experiment.Number(t[i].Seconds)
		}
	}
	return nil, unknown
}

// kept picks at most KeptPoints of n indices, evenly, with the first and the last.
func kept(n int) []int {
	if n <= KeptPoints {
		return slices.Collect(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		})
	}
	indices := make([]int, KeptPoints)
	for i := range indices {
		indices[i] = i * (n - 1) / (KeptPoints - 1)
	}
	return indices
}
