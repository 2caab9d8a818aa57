package solver

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Metric is a number that is known about an iterate: one entry of the table that files, charts and pages
// read. Only Name is required.
type Metric struct {
	// Name is the metric's column and JSON key, in lower-case letters, digits and underscores.
	Name string
	// Label names the metric in legends; by default it is Name with spaces for underscores.
	Label string
	// Title names the metric in the table of a page, and Axis on the axis of a sweep's figure; by default
	// both are Label.
	Title, Axis string
	// Unit says on a chart's axis what the number is, as in "singular value"; by default it is Label.
	Unit string
	// Panel is the part of a run's chart that draws the metric.
	Panel Panel
	// Place orders charts and pages, from 1; metrics with 0 come last. Files keep the order of the table.
	Place int
	// Always: every run has the metric, and an unknown value is an empty cell or null. A run has any other
	// metric only if at least one of its samples knows the value.
	Always bool
	// Clock: the metric is a time, which differs between equal runs. It is a column of times.csv, not of
	// trajectory.csv, and the results of sweeps leave it out.
	Clock bool

	// Field returns the field of a sample that holds the metric. If nil, the sample keeps the metric by its
	// name: see [Sample.Set].
	Field func(s *Sample) *float64
	// Derive computes the metric from the sample's other numbers. JSON and charts have such a metric,
	// trajectory.csv does not.
	Derive func(s *Sample) float64
	// Measure computes the metric from the factor, after all other numbers but Flatness are in the sample.
	// All factors are then copied to the host at each sample. If Field, Derive and Measure are nil, the
	// solver or a [SelfMeasuring] parametrization sets the metric with [Sample.Set].
	Measure func(s *Sample, f Factor) float64

	slot int // index in Sample.further if Field is nil
}

// Panel is a part of a run's chart.
type Panel int

// The panels.
const (
	FactorPanel Panel = iota // signal, noise and angles
	ErrorPanel               // train loss and test error
	NoPanel                  // the chart does not draw the metric
)

// metrics is the table.
var metrics []*Metric

func init() {
	for _, m := range []Metric{
		{
			Name: "train_loss", Unit: "loss", Panel: ErrorPanel, Place: 2, Always: true,
			Field: func(s *Sample) *float64 { return &s.TrainLoss },
		},
		{
			Name: "test_error", Axis: "relative test error", Unit: "relative error",
			Panel: ErrorPanel, Place: 1, Always: true,
			Field: func(s *Sample) *float64 { return &s.TestError },
		},
		{
			Name: "signal", Axis: "signal (singular value)", Unit: "singular value", Place: 3, Always: true,
			Field: func(s *Sample) *float64 { return &s.Signal },
		},
		{
			Name: "noise", Axis: "noise (singular value)", Unit: "singular value", Place: 4, Always: true,
			Field: func(s *Sample) *float64 { return &s.Noise },
		},
		{
			Name: "angle", Label: "angle to truth", Title: "angle to truth (sine)",
			Axis: "angle to the truth (sine)", Unit: "sine of angle", Place: 5, Always: true,
			Field: func(s *Sample) *float64 { return &s.Angle },
		},
		{
			Name: "spectral_angle", Label: "angle to spectral estimate",
			Title: "angle to spectral estimate (sine)", Axis: "angle to the spectral estimate (sine)",
			Unit: "sine of angle", Place: 6, Always: true,
			Field: func(s *Sample) *float64 { return &s.SpectralAngle },
		},
		{
			Name: "train_rmse", Label: "train RMSE", Title: "train RMSE (in the data's unit)",
			Axis: "train RMSE (in the data's unit)", Unit: "RMSE", Panel: ErrorPanel, Place: 14,
			Field: func(s *Sample) *float64 { return &s.TrainRMSE },
		},
		{
			Name: "held_out_rmse", Label: "held-out RMSE", Title: "held-out RMSE (in the data's unit)",
			Axis: "held-out RMSE (in the data's unit)", Unit: "RMSE", Panel: ErrorPanel, Place: 13,
			Field: func(s *Sample) *float64 { return &s.HeldOutRMSE },
		},
		{
			Name: "imbalance", Title: "imbalance of U and V", Unit: "norm", Place: 10,
			Field: func(s *Sample) *float64 { return &s.Imbalance },
		},
		{
			Name: "flatness", Title: "flatness (trace of the Hessian)", Unit: "trace", Place: 11,
			Field: func(s *Sample) *float64 { return &s.Flatness },
		},
		{
			Name: "nuclear_norm", Title: "nuclear norm of Z", Panel: NoPanel, Place: 12,
		},
		{
			Name: "learned_rank", Title: "rank of the nearest best approximation of M*", Unit: "rank",
			Panel: NoPanel, Place: 15,
		},
		{
			Name: "learned_rank_error", Title: "relative distance to that approximation",
			Label: "distance to nearest rank", Unit: "relative error",
			Axis:  "relative distance to the nearest best approximation",
			Panel: ErrorPanel, Place: 16,
		},
		{
			Name: "shift", Title: "shift of the observations", Unit: "rms", Place: 8,
			Field: func(s *Sample) *float64 { return &s.Shift },
		},
		{
			Name: "evaluations", Label: "evaluations of f", Panel: NoPanel, Place: 9,
			Field: func(s *Sample) *float64 { return &s.Evaluations },
		},
		{
			Name: "seconds", Title: "seconds of stepping", Panel: NoPanel, Place: 7,
			Always: true, Clock: true,
			Field: func(s *Sample) *float64 { return &s.Seconds },
		},
	} {
		RegisterMetric(m)
	}
}

// RegisterMetric adds an entry to the table. Call it from an init function, before the first sample is taken.
// It panics if the name is empty, is already in the table, or has other characters than lower-case letters,
// digits and underscores.
func RegisterMetric(m Metric) {
	switch {
	case m.Name == "":
		panic("solver: a metric without a name")
	case strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		panic(fmt.Sprintf("solver: metric %q: a name has lower-case letters, digits and underscores", m.Name))
	case m.Name == "iteration", strings.HasPrefix(m.Name, "sigma_"), metricNamed(m.Name) != nil:
		panic(fmt.Sprintf("solver: there is a metric %q already", m.Name))
	}
	m.Label = cmp.Or(m.Label, strings.ReplaceAll(m.Name, "_", " "))
	m.Title, m.Axis, m.Unit = cmp.Or(m.Title, m.Label), cmp.Or(m.Axis, m.Label), cmp.Or(m.Unit, m.Label)
	if m.Field == nil {
		for _, other := range metrics {
			if other.Field == nil {
				m.slot++
			}
		}
	}
	metrics = append(metrics, &m)
}

// Metrics returns the table, in the order of files.
func Metrics() []*Metric { return slices.Clone(metrics) }

// ShownMetrics returns the table, in the order of charts and pages.
func ShownMetrics() []*Metric {
	place := func(m *Metric) int {
		if m.Place == 0 {
			return math.MaxInt
		}
		return m.Place
	}
	shown := Metrics()
	slices.SortStableFunc(shown, func(a, b *Metric) int { return cmp.Compare(place(a), place(b)) })
	return shown
}

// MetricNamed returns the entry with a name.
func MetricNamed(name string) (m *Metric, found bool) {
	m = metricNamed(name)
	return m, m != nil
}

func metricNamed(name string) *Metric {
	for _, m := range metrics {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Of returns the metric's value in a sample; NaN if it is unknown.
func (m *Metric) Of(s *Sample) float64 {
	if m.Field != nil {
		return *m.Field(s)
	}
	if m.slot < len(s.further) && !math.IsNaN(s.further[m.slot]) {
		return s.further[m.slot]
	}
	if m.Derive != nil {
		return m.Derive(s)
	}
	return math.NaN()
}

// Set writes the metric's value into a sample. A derived metric that was set, from a file for example, keeps
// that value and is no longer derived.
func (m *Metric) Set(s *Sample, value float64) {
	if m.Field != nil {
		*m.Field(s) = value
		return
	}
	further := slices.Clone(s.further) // copies of the sample share it
	for len(further) <= m.slot {
		further = append(further, math.NaN())
	}
	further[m.slot] = value
	s.further = further
}
