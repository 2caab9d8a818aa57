package sensing

import (
	"math"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

func TestProblemValidate(t *testing.T) {
	const n, m = 4, 3
	square := draw(t, Sym{n}, m, F64, 1)
	truth, err := NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	larger, err := NewTruth(n+1, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	y := []float64{1, 2, 3}
	nan, inf := math.NaN(), math.Inf(1)

	valid := map[string]Problem{
		"truth":                           {Ensemble: square, Truth: truth},
		"observations":                    {Ensemble: square, Observations: y},
		"both":                            {Ensemble: square, Observations: y, Truth: truth},
		"noise":                           {Ensemble: square, Truth: truth, Noise: 0.5, NoiseSeed: 7},
		"observations, rectangular":       {Ensemble: draw(t, Rect{2, 5}, m, Q8, 1), Observations: y},
		"truth, square rectangular space": {Ensemble: draw(t, Rect{n, n}, m, Signs, 1), Truth: truth},
	}
	for name, p := range valid {
		t.Run("valid/"+name, func(t *testing.T) {
			if err := p.Validate(); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}

	invalid := []struct {
		name    string
		problem Problem
		want    []string
	}{
		{"no ensemble", Problem{Truth: truth}, []string{"ensemble"}},
		{"nothing to fit", Problem{Ensemble: square}, []string{"observations", "truth"}},
		{
			"too few observations", Problem{Ensemble: square, Observations: y[:2]},
			[]string{"2 observations", "3 measurements"},
		},
		{
			"no observations", Problem{Ensemble: square, Truth: truth, Observations: []float64{}},
			[]string{"0 observations", "3 measurements"},
		},
		{
			"too many observations", Problem{Ensemble: square, Observations: append(y, 4)},
			[]string{"4 observations", "3 measurements"},
		},
		{
			"NaN observed", Problem{Ensemble: square, Observations: []float64{1, nan, 3}},
			[]string{"observation 1", "NaN"},
		},
		{
			"infinity observed", Problem{Ensemble: square, Observations: []float64{1, 2, inf}},
			[]string{"observation 2", "+Inf"},
		},
		{
			"minus infinity observed", Problem{Ensemble: square, Observations: []float64{-inf, 2, 3}},
			[]string{"observation 0", "-Inf"},
		},
		{"truth of another size", Problem{Ensemble: square, Truth: larger}, []string{"5 × 5", "4 × 4"}},
		{
			"truth in a wide space", Problem{Ensemble: draw(t, Rect{n, n + 1}, m, F64, 1), Truth: truth},
			[]string{"4 × 4", "4 × 5"},
		},
		{
			"truth in a tall space", Problem{Ensemble: draw(t, Rect{n + 1, n}, m, F64, 1), Truth: truth},
			[]string{"4 × 4", "5 × 4"},
		},
		{"negative noise", Problem{Ensemble: square, Truth: truth, Noise: -0.25}, []string{"noise", "-0.25"}},
		{"NaN noise", Problem{Ensemble: square, Truth: truth, Noise: nan}, []string{"noise", "NaN"}},
		{"infinite noise", Problem{Ensemble: square, Truth: truth, Noise: inf}, []string{"noise", "+Inf"}},
	}
	for _, tt := range invalid {
		t.Run("invalid/"+tt.name, func(t *testing.T) { checkError(t, tt.problem.Validate(), tt.want...) })
	}
}

func TestAddNoise(t *testing.T) {
	const m = 100_000
	noisy := func(sigma float64, seed uint64) []float64 {
		y := make([]float64, m)
		for i := range y {
			y[i] = float64(i)
		}
		p := Problem{Noise: sigma, NoiseSeed: seed}
		p.AddNoise(y)
		return y
	}
	t.Run("variance", func(t *testing.T) {
		const sigma = 0.3
		var mean, square, neighbours, previous float64
		for i, v := range noisy(sigma, 5) {
			w := (v - float64(i)) / sigma
			mean += w / m
			square += w * w / m
			neighbours += w * previous / m
			previous = w
		}
		// Variances of the means: of w 1/m, of w² 2/m, of a product 1/m.
		if bound := sigmas / math.Sqrt(m); !(math.Abs(mean) <= bound) || !(math.Abs(neighbours) <= bound) {
			t.Errorf("mean %.3g and correlation %.3g, want 0 ± %.2g", mean, neighbours, bound)
		}
		if bound := sigmas * math.Sqrt(2.0/m); !(math.Abs(square-1) <= bound) {
			t.Errorf("the variance is %.5g·σ², want 1 ± %.2g", square, bound)
		}
	})
	t.Run("deterministic", func(t *testing.T) {
		one := noisy(0.3, 5)
		if !numtest.SameBits(one, noisy(0.3, 5)) {
			t.Error("the same seed gives other noise")
		}
		if numtest.SameBits(one, noisy(0.3, 6)) {
			t.Error("two seeds give the same noise")
		}
	})
	t.Run("definition", func(t *testing.T) {
		// y_i + σ·w_i, product and sum each rounded once; w is row 0 of the noise stream.
		const sigma, seed, n = 0.1, 1<<35 | 9, 33
		y, want := make([]float64, n), make([]float64, n)
		for i := range y {
			y[i] = 1 / float64(i+1)
			b := philox([4]uint32{uint32(i / 2), 0, 0, NoiseStream}, [2]uint32{9, 8})
			w0, w1 := refNormalPair(uint64(b[0])|uint64(b[1])<<32, uint64(b[2])|uint64(b[3])<<32)
			want[i] = ieeeAdd(y[i], ieeeMul(sigma, []float64{w0, w1}[i%2]))
		}
		p := Problem{Noise: sigma, NoiseSeed: seed}
		p.AddNoise(y)
		if !numtest.SameBits(y, want) {
			t.Errorf("got %x, want %x", y, want)
		}
	})
	t.Run("none", func(t *testing.T) {
		for i, v := range noisy(0, 5) {
			if v != float64(i) {
				t.Fatalf("without noise, observation %d becomes %v", i, v)
			}
		}
	})
}
