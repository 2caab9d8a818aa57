package solver

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// TestPhases finds boundaries in trajectories written by hand. The truth has σ_min(X) = 0.5, so phase II ends
// at a signal of 0.5/√10 = 0.158…. The spectral estimate has an angle of 0.2 to the truth, so phase I ends at
// an angle of 0.22.
func TestPhases(t *testing.T) {
	truth, err := sensing.TruthOf(mat.NewDense(3, 2, []float64{1, 0, 0, 0.5, 0, 0}))
	if err != nil {
		t.Fatal(err)
	}
	s := func(angle, spectral, signal, err float64) Sample {
		return Sample{Angle: angle, SpectralAngle: spectral, Signal: signal, TestError: err}
	}
	for name, c := range map[string]struct {
		t      Trajectory
		limits Thresholds
		want   Phases
	}{
		"all three": {
			t: Trajectory{
				s(0.7, 1, 1e-6, 1), s(0.23, 0.1, 1e-5, 1), s(0.22, 0.05, 1e-4, 1), s(0.21, 0.01, 0.15, 0.9),
				s(0.1, 0.1, 0.16, 0.5),
				s(0.05, 0.2, 0.5, 1e-3), s(0.01, 0.2, 0.5, 2e-7), s(0.01, 0.2, 0.5, 1e-7),
				s(0.01, 0.2, 0.5, 1.1e-7), s(0.01, 0.2, 0.5, 1e-7), s(0.01, 0.2, 0.5, 1.2e-7),
				s(0.01, 0.2, 0.5, 1.1e-7),
			},
			want: Phases{AlignmentEnd: 2, SaddleEnd: 4, FloorStart: 6},
		},
		"a start beside a poor estimate has not turned to it": {
			t:    Trajectory{s(0.2, 0.99, 1e-6, 1), s(0.2, 0.51, 1e-6, 1), s(0.2, 0.5, 1e-6, 1)},
			want: Phases{AlignmentEnd: 2, SaddleEnd: Never, FloorStart: Never},
		},
		"the floor begins after the last visit above it": {
			t: Trajectory{
				s(0.2, 0.1, 1, 1e-7), s(0.2, 0.1, 1, 3e-7), s(0.2, 0.1, 1, 1e-7), s(0.2, 0.1, 1, 1.1e-7),
				s(0.2, 0.1, 1, 1e-7), s(0.2, 0.1, 1, 1.1e-7),
			},
			want: Phases{AlignmentEnd: 0, SaddleEnd: 0, FloorStart: 2},
		},
		"the last error is above the floor": {
			t:    Trajectory{s(0.2, 0.1, 1, 1e-7), s(0.2, 0.1, 1, 1e-6)},
			want: Phases{AlignmentEnd: 0, SaddleEnd: 0, FloorStart: Never},
		},
		"still falling is no floor": {
			t: Trajectory{
				s(0.2, 0.1, 1, 1), s(0.2, 0.1, 1, 0.5), s(0.2, 0.1, 1, 0.25), s(0.2, 0.1, 1, 0.13),
				s(0.2, 0.1, 1, 0.07), s(0.2, 0.1, 1, 0.036),
			},
			want: Phases{AlignmentEnd: 0, SaddleEnd: 0, FloorStart: Never},
		},
		"given thresholds": {
			t: Trajectory{s(0.39, 0.9, 1e-6, 1), s(0.39, 0.8, 0.1, 1), s(0.39, 0.8, 0.4, 9e-7),
				s(0.39, 0.8, 0.4, 1e-7), s(0.39, 0.8, 0.4, 8e-7), s(0.39, 0.8, 0.4, 2e-7)},
			limits: Thresholds{AlignmentMargin: 1, AlignmentSine: 0.85, SignalFraction: 0.8, FloorFactor: 10},
			want:   Phases{AlignmentEnd: 1, SaddleEnd: 2, FloorStart: 2},
		},
		"NaN is no boundary": {
			t:    Trajectory{s(math.NaN(), math.NaN(), math.NaN(), math.NaN())},
			want: Phases{Never, Never, Never},
		},
		"nothing": {want: Phases{Never, Never, Never}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.t.Phases(truth, 0.2, c.limits); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	got := Trajectory{s(0, 0, 1, 0)}.Phases(nil, 0.2, Thresholds{})
	if got != (Phases{Never, Never, Never}) {
		t.Errorf("without a truth: %+v", got)
	}
}

// TestNoFloorInAFall: a test error that is still falling has no floor, whatever its law and however long the
// run, if it has fallen by more than FloorFactor. The same fall with a floor below it has one.
func TestNoFloorInAFall(t *testing.T) {
	truth, err := sensing.TruthOf(mat.NewDense(3, 1, []float64{1, 0, 0}))
	if err != nil {
		t.Fatal(err)
	}
	for name, law := range map[string]func(k float64) float64{
		"geometric":               func(k float64) float64 { return math.Pow(0.9, k) },
		"1/k":                     func(k float64) float64 { return 1 / (1 + k) },
		"1/√k":                    func(k float64) float64 { return 1 / math.Sqrt(1+k) },
		"geometric after plateau": func(k float64) float64 { return min(1, math.Exp(1-k/5)) },
	} {
		for _, n := range []int{2, 3, 10, 20, 50, 400} {
			var falling, floored Trajectory
			for k := range n {
				falling = append(falling, Sample{Signal: 1, TestError: law(float64(k))})
				floored = append(floored, Sample{Signal: 1, TestError: law(float64(k)) + 0.2})
			}
			if got := falling.Phases(truth, 1, Thresholds{}).FloorStart; got != Never {
				t.Errorf("%s: a floor from %d of %d", name, got, n)
			}
			if got := floored.Phases(truth, 1, Thresholds{}).FloorStart; n == 400 && got == Never {
				t.Errorf("%s: no floor above a floor", name)
			}
		}
	}
}
