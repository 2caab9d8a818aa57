package solver

import (
	"math"
	"strings"
	"testing"
)

// planted_1 is a metric that only tests set, planted_2 one that is derived.
func init() {
	RegisterMetric(Metric{Name: "planted_1"})
	RegisterMetric(Metric{Name: "planted_2", Derive: func(s *Sample) (sum float64) {
		if math.IsNaN(s.Flatness) {
			return math.NaN()
		}
		for _, sigma := range s.Sigma {
			sum += sigma * sigma
		}
		return sum
	}})
}

func TestMetricTable(t *testing.T) {
	s := NewSample(7)
	for i, m := range Metrics() {
		if m.Field != nil && m.Name != "seconds" && !math.IsNaN(m.Of(&s)) {
			t.Errorf("a new sample knows %s", m.Name)
		}
		m.Set(&s, float64(i))
	}
	for i, m := range Metrics() {
		if m.Of(&s) != float64(i) || s.Value(m.Name) != float64(i) {
			t.Errorf("%s is %v, want %d", m.Name, m.Of(&s), i)
		}
	}
	shown := ShownMetrics()
	if len(shown) != len(Metrics()) || shown[0].Name != "test_error" {
		t.Errorf("%d metrics are shown of %d, %s first", len(shown), len(Metrics()), shown[0].Name)
	}
}

// TestMetricByName: a metric without a field is kept by its name, and copies of a sample do not share it.
func TestMetricByName(t *testing.T) {
	m, found := MetricNamed("planted_1")
	if !found || m.Label != "planted 1" || m.Title != m.Label || m.Axis != m.Label || m.Unit != m.Label {
		t.Fatalf("the entry is %+v", m)
	}
	a := NewSample(1)
	if !math.IsNaN(a.Value("planted_1")) {
		t.Errorf("a new sample has %v", a.Value("planted_1"))
	}
	a.Set("planted_1", 2)
	b := a
	b.Set("planted_1", 3)
	if a.Value("planted_1") != 2 || b.Value("planted_1") != 3 {
		t.Errorf("the samples have %v and %v, want 2 and 3", a.Value("planted_1"), b.Value("planted_1"))
	}
	if rest := a.WithoutSigma(); rest.Value("planted_1") != 2 {
		t.Errorf("without sigma it is %v, want 2", rest.Value("planted_1"))
	}
}

// TestDerivedMetric: a derived metric follows the sample, and stays if the numbers that it comes from are
// left out.
func TestDerivedMetric(t *testing.T) {
	s := NewSample(1)
	s.Sigma = []float64{2, 1}
	if got := s.Value("planted_2"); !math.IsNaN(got) {
		t.Errorf("without a flatness it is %v", got)
	}
	s.Flatness = 1
	rest := s.WithoutSigma()
	if s.Value("planted_2") != 5 || rest.Value("planted_2") != 5 || rest.Sigma != nil {
		t.Errorf("it is %v and %v, want 5", s.Value("planted_2"), rest.Value("planted_2"))
	}
	if s.Sigma[0] = 0; s.Value("planted_2") != 1 {
		t.Errorf("it stays %v", s.Value("planted_2"))
	}
}

func TestRegisterMetricRefuses(t *testing.T) {
	panics := func(what, want string, f func()) {
		t.Helper()
		defer func() {
			text, _ := recover().(string)
			if !strings.HasPrefix(text, "solver: ") || !strings.Contains(text, want) {
				t.Errorf("%s: %q, want solver: … %s", what, text, want)
			}
		}()
		f()
	}
	for name, want := range map[string]string{
		"": "without a name", "train_loss": `"train_loss" already`, "nuclear_norm": "already",
		"iteration": "already", "sigma_1": "already", "Loss": "lower-case", "a-b": "lower-case",
		"a b": "lower-case",
	} {
		panics(name, want, func() { RegisterMetric(Metric{Name: name}) })
	}
	s := NewSample(0)
	panics("Value", `no metric "trian_loss"`, func() { s.Value("trian_loss") })
	panics("Set", `no metric "trian_loss"`, func() { s.Set("trian_loss", 1) })
}
