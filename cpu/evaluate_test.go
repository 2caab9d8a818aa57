package cpu

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// evaluator opens an engine with a member of factor rank 2, and makes count points in its slots.
func evaluator(t testing.TB, b Backend, e sensing.Ensemble, count int) (*solver.Member, []solver.Slot) {
	t.Helper()
	n, _ := e.Space().Dims()
	truth, err := sensing.NewTruth(n, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{2},
		Needs: solver.Needs{Slots: count, Draws: true, Values: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	member, err := solver.NewMember(engine, 0, e.Space(), solver.PSD{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	points := make([]solver.Slot, count)
	for i := range points {
		points[i] = solver.MethodSlot + solver.Slot(i)
		f, err := solver.Random{Alpha: 1, Seed: uint64(i)}.Factor(member.Shapes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := member.Set(points[i], f); err != nil {
			t.Fatal(err)
		}
	}
	return member, points
}

// TestEvaluate: the value at a point is the loss of its gradient. It has the same bits alone and with other
// points, with every number of workers, instruction set and storage.
func TestEvaluate(t *testing.T) {
	gaussian, err := sensing.NewGaussian(sensing.Sym{N: 9}, 83, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	completion, err := sensing.NewCompletion(sensing.Sym{N: 9}, 30, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []sensing.Ensemble{gaussian, completion} {
		var want []float64
		for _, b := range []Backend{{Workers: 1, SIMD: Off}, {Workers: 3},
			{Workers: 2, Storage: solver.Generated}} {
			member, points := evaluator(t, b, e, 2*pointsAtOnce+3)
			got := make([]float64, len(points))
			if err := member.Evaluate(got, points...); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			for i, point := range points {
				var alone [1]float64
				if err := member.Evaluate(alone[:], point); err != nil {
					t.Fatal(err)
				}
				if err := member.Combine(solver.Iterate, 1, point, 0, point); err != nil {
					t.Fatal(err)
				}
				loss, err := member.Loss()
				if err != nil {
					t.Fatal(err)
				}
				if got[i] != want[i] || got[i] != alone[0] {
					t.Errorf("%s, %+v, point %d: %v together, %v alone, %v with plain Go",
						e.Name(), b, i, got[i], alone[0], want[i])
				}
				if math.Abs(got[i]-loss) > 1e-13*loss { // sums of 83 numbers in another order
					t.Errorf("%s, point %d: %v, and the loss is %v", e.Name(), i, got[i], loss)
				}
			}
		}
	}
}

// TestEvaluateRefuses: too few points and vectors are errors, no points are not.
func TestEvaluateRefuses(t *testing.T) {
	e, err := sensing.NewRademacher(sensing.Sym{N: 4}, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	member, points := evaluator(t, Backend{}, e, 2)
	err = member.Evaluate(make([]float64, 3), points...)
	if err == nil || !strings.Contains(err.Error(), "2 points for 3 numbers") {
		t.Errorf("too few points: %v", err)
	}
	err = member.Evaluate(make([]float64, 2), points[0], solver.VectorSlot+3)
	if err == nil || !strings.Contains(err.Error(), "vector 3") {
		t.Errorf("a vector: %v", err)
	}
	if err := member.Evaluate(nil); err != nil {
		t.Errorf("no points: %v", err)
	}
}

// BenchmarkEvaluate times values of f at one point and at several points together, in µs for each point.
func BenchmarkEvaluate(b *testing.B) {
	for _, size := range []struct{ n, m int }{{10, 200}, {100, 2000}, {200, 10_000}} {
		e, err := sensing.NewGaussian(sensing.Sym{N: size.n}, size.m, sensing.F32, 1)
		if err != nil {
			b.Fatal(err)
		}
		for _, count := range []int{1, 4, pointsAtOnce} {
			b.Run(fmt.Sprintf("n=%d/m=%d/%d", size.n, size.m, count), func(b *testing.B) {
				member, points := evaluator(b, Backend{}, e, count)
				dst := make([]float64, count)
				for b.Loop() {
					if err := member.Evaluate(dst, points...); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(1e6*b.Elapsed().Seconds()/float64(b.N*count), "µs/point")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
