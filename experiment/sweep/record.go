package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
)

// Record is what a sweep keeps of a run that has ended. All but Timing is the same bytes whenever and wherever the run is
// carried out.
type Record struct {
	Index int `json:"index"`
	// Values are the run's, in the order of [Spec.Keys].
	Values []string `json:"values"`
	// Status is the solver's, or "failed".
	Status string `json:"status"`
	// Error says why a run failed.
	Error string `json:"error,omitempty"`
	// Iterations is the number of steps behind the last good iterate, and Final is measured there.
	Iterations int   `json:"iterations"`
	Final      Point `json:"final"`
	Recovered  *bool `json:"recovered"`
	// The iterations at which phases end or begin; null where they do not.
	AlignmentEnd *int `json:"alignment_end"`
	SaddleEnd    *int `json:"saddle_avoidance_end"`
	FloorStart   *int `json:"floor_start"`
	// Angles to the spectral estimate, as in a run's summary.
	EstimateAngle    experiment.Number `json:"estimate_to_truth"`
	EstimateOverlap  experiment.Number `json:"estimate_overlap"`
	ClosestAngle     experiment.Number `json:"factor_to_estimate_closest"`
	ClosestIteration *int              `json:"factor_to_estimate_closest_iteration"`
	// Targets has, for each of the sweep's targets, the first measured iteration with at most that test error.
	Targets []*int `json:"targets"`
	// Trajectory is thinned to at most [KeptPoints].
	Trajectory []Point `json:"trajectory"`
	Timing     Timing  `json:"timing"`
}

// Diverged says whether the run ended that way.
func (r *Record) Diverged() bool { return r.Status == solver.Diverged.String() }

// Point is a sample as a record keeps it: without singular values and times.
type Point solver.Sample

// pointOf is a run's metrics as a record keeps them.
func pointOf(x experiment.Metrics) Point {
	s := solver.Sample(x)
	for _, m := range solver.Metrics() {
		if m.Clock {
			m.Set(&s, 0)
		}
	}
	return Point(s)
}

// Value returns the metric of a name; NaN if it is unknown. It panics if there is no such metric.
func (p *Point) Value(name string) float64 { return (*solver.Sample)(p).Value(name) }

// Set writes the metric of a name. It panics if there is no such metric.
func (p *Point) Set(name string, value float64) { (*solver.Sample)(p).Set(name, value) }

// of is a metric of the point; NaN if it is unknown.
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

// Timing has seconds of stepping, a run's share of its batch's, and the device and the version of the program that took them.
type Timing struct {
	Device  string              `json:"device"`
	Version string              `json:"version"`
	Seconds experiment.Number   `json:"seconds"`
	Targets []experiment.Number `json:"targets"`
}

// Failed is the status of a run that broke.
const Failed = "failed"

// KeptPoints is how many points of a trajectory a record keeps at most.
const KeptPoints = 200

// newRecord takes from a run what a record keeps.
func newRecord(run Run, r *experiment.Run, targets []float64) *Record {
	s := r.Summary
	rec := &Record{
		Index: run.Index, Values: run.Values, Status: s.Status.String(), Iterations: s.Iterations,
		Final:     pointOf(s.Final),
		Recovered: s.Recovered, AlignmentEnd: iterationOf(s.Phases.AlignmentEnd), SaddleEnd: iterationOf(s.Phases.SaddleEnd),
		FloorStart: iterationOf(s.Phases.FloorStart), EstimateAngle: unknown, EstimateOverlap: unknown, ClosestAngle: unknown,
		Timing: Timing{Device: s.Device, Version: s.Version, Seconds: s.SecondsStepping},
	}
	if e := s.Spectral; e != nil {
		rec.EstimateAngle, rec.EstimateOverlap, rec.ClosestAngle, rec.ClosestIteration = e.EstimateAngle, e.EstimateOverlap, e.Closest, &e.ClosestIteration
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

// newFailure is the record of a run that broke.
func newFailure(run Run, err error) *Record {
	return &Record{
		Index: run.Index, Values: run.Values, Status: Failed, Error: err.Error(), Final: pointOf(experiment.MetricsOf(solver.NewSample(0))),
		EstimateAngle: unknown, EstimateOverlap: unknown, ClosestAngle: unknown, Timing: Timing{Seconds: unknown},
	}
}

var unknown = experiment.Number(math.NaN())

func isUnknown[F ~float64](n F) bool { return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) }

func iterationOf(m *experiment.Metrics) *int {
	if m == nil {
		return nil
	}
	return &m.Iteration
}

// firstBelow finds where a trajectory's test error first is at most a target.
func firstBelow(t solver.Trajectory, target float64) (*int, experiment.Number) {
	for i := range t {
		if t[i].TestError <= target {
			return &t[i].Iteration, experiment.Number(t[i].Seconds)
		}
	}
	return nil, unknown
}

// kept picks at most KeptPoints of n places, evenly, with the first and the last.
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
	places := make([]int, KeptPoints)
	for i := range places {
		places[i] = i * (n - 1) / (KeptPoints - 1)
	}
	return places
}

// recordsDir has the records, a thousand to a folder.
const recordsDir = "runs"

func recordFile(dir string, index int) string {
	return filepath.Join(dir, recordsDir, fmt.Sprintf("%03d", index/1000), fmt.Sprintf("%06d.json", index))
}

// write writes the record, whole or not at all.
func (r *Record) write(dir string) error {
	path := recordFile(dir, r.Index)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// readRecord reads a run's record; nil where there is none.
func readRecord(dir string, run Run) (*Record, error) {
	path := recordFile(dir, run.Index)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(Record)
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(r); err != nil || r.Index != run.Index || !slices.Equal(r.Values, run.Values) {
		return nil, fmt.Errorf("%s is not this sweep's record of the run: remove it, and --resume makes it anew", path)
	}
	return r, nil
}
