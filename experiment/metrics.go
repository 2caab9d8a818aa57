package experiment

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/matsense/matsense/solver"
)

// Number is a float64 for JSON, which has no NaN and no infinity: these are written as null.
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// Metrics is a sample in summary.json and in JSON lines, without the singular values.
type Metrics solver.Sample

// MetricsOf returns a sample's metrics.
func MetricsOf(s solver.Sample) Metrics { return Metrics(s.WithoutSigma()) }

// MarshalJSON implements [json.Marshaler].
func (m Metrics) MarshalJSON() ([]byte, error) {
	return append(m.AppendMembers([]byte{'{'}), '}'), nil
}

// AppendMembers appends the members of the JSON object, without its braces. It leaves out unknown metrics
// that only some runs have.
func (m Metrics) AppendMembers(b []byte) []byte {
	return AppendMembers(b, (*solver.Sample)(&m), func(metric *solver.Metric, value float64) bool {
		return metric.Always || !math.IsNaN(value)
	})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Metrics) UnmarshalJSON(text []byte) error {
	s, err := SampleFromJSON(text)
	*m = Metrics(s)
	return err
}

// AppendMembers appends the iteration of a sample as a member of a JSON object, and then each metric for
// which keep is true.
func AppendMembers(b []byte, s *solver.Sample, keep func(m *solver.Metric, value float64) bool) []byte {
	b = strconv.AppendInt(append(b, `"iteration":`...), int64(s.Iteration), 10)
	for _, m := range solver.Metrics() {
		value := m.Of(s)
		if !keep(m, value) {
			continue
		}
		number, _ := Number(value).MarshalJSON() // a number or null, without an error
		b = append(append(append(b, `,"`...), m.Name...), `":`...)
		b = append(b, number...)
	}
	return b
}

// SampleFromJSON reads a JSON object with an iteration and metrics. A metric that is null or missing is
// unknown; other members are ignored.
func SampleFromJSON(text []byte) (solver.Sample, error) {
	s := solver.NewSample(0)
	members := map[string]json.Number{}
	if err := json.Unmarshal(text, &members); err != nil {
		return s, err
	}
	iteration, err := strconv.Atoi(string(members["iteration"]))
	if err != nil {
		return s, fmt.Errorf("%q is not an iteration", members["iteration"])
	}
	s.Iteration = iteration
	for _, m := range solver.Metrics() {
		word := members[m.Name]
		if word == "" { // missing or null
			continue
		}
		value, err := word.Float64()
		if err != nil {
			return s, err
		}
		m.Set(&s, value)
	}
	return s, nil
}
