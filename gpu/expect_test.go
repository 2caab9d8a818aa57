package gpu

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestStepCalls compares the calls of a step with those that a step makes on emulated devices.
func TestStepCalls(t *testing.T) {
	rows := backendtest.Ensembles(t, 8, 61)
	ensembles := map[string]sensing.Ensemble{"rows": rows["gaussian-f32"], "signs": rows["rademacher"]}
	made := func(e sensing.Ensemble, err error) sensing.Ensemble {
		must(t, err)
		return e
	}
	symmetric, rect := sensing.Sym{N: 8}, sensing.Rect{N1: 8, N2: 7}
	ensembles["entries"] = made(sensing.NewCompletion(symmetric, 30, 7))
	ensembles["vectors"] = made(sensing.NewRankOne(symmetric, 40, 7))
	ensembles["long vectors"] = made(sensing.NewRankOne(sensing.Sym{N: 2049}, 17, 7)) // read twice
	ensembles["pairs of vectors"] = made(sensing.NewRankOne(rect, 40, 7))
	ensembles["rectangular rows"] = made(sensing.NewGaussian(rect, 40, sensing.F32, 7))
	ensembles["words"] = made(sensing.NewPauli(8, 30, 7))
	compare := func(what string, b Backend, e sensing.Ensemble) {
		t.Helper()
		want, err := b.stepCalls(e, solver.Batch{
			Parametrization: parametrizationOf(e.Space()), FactorRanks: []int{2},
		})
		must(t, err)
		got := 0
		for _, calls := range callsOfAStep(t, b, e, 1, recordStep+2, constant) {
			got += len(slices.DeleteFunc(calls, func(call string) bool { return call == "Wait" }))
		}
		if got != want {
			t.Errorf("%s, graphs: %v: a step makes %d calls, want %d", what, !b.noGraphs, got, want)
		}
	}
	for name, e := range ensembles {
		compare(name+" in memory", emulated(t, emulator.Config{}, solver.Memory, solver.F64), e)
		b := emulated(t, emulator.Config{}, solver.Generated, solver.F64)
		b.noGraphs = true
		compare(name+", generated", b, e)
		b.Info.Cooperative, b.tileRows = false, 16
		compare(name+", generated in three steps", b, e)
	}
	mixed := emulated(t, emulator.Config{}, solver.Memory, solver.Mixed)
	compare("mixed", mixed, rows["gaussian-f32"])
	mixed.noGraphs = true
	compare("mixed", mixed, rows["gaussian-f32"])
	for count := range cardCalls {
		b := onCards(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), count, emulator.Config{})
		compare(fmt.Sprint(count, " devices"), b, rows["gaussian-f32"])
	}
}

// TestExpect: memory bounds rows of f64 (1608 MB), arithmetic rows of signs: 402·10⁶ multiply-adds, and
// 60,100 for a factor with one column. docs/kernels.md has the same floors, 374 µs at 4.3 TB/s and 24 µs.
// Without clocks nothing is known.
func TestExpect(t *testing.T) {
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	f64, err := sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	signs, err := sensing.NewRademacher(sensing.Sym{N: 200}, 10_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what       string
		e          sensing.Ensemble
		precision  solver.Precision
		capability [2]int
		want       float64
	}{
		{"f64 rows", f64, solver.F64, [2]int{9, 0}, 1608e6 / 4.3e12},
		{"signs", signs, solver.F64, [2]int{9, 0}, 402.0601e6 / (132 * 64 * 1.98e9)},
		{"signs with few units for f64", signs, solver.F64, [2]int{8, 9}, 402.0601e6 / (132 * 2 * 1.98e9)},
		{"and in f32", signs, solver.F32, [2]int{8, 9}, 402.0601e6 / (132 * 128 * 1.98e9)},
	} {
		b := Backend{Precision: c.precision, Info: driver.Info{
			Capability: c.capability, Multiprocessors: 132, Clock: 1.98e9, Bandwidth: 4.3e12,
			BlockShared: 227 << 10, Cooperative: true,
		}}
		opening, step := b.Expect(c.e, batch)
		if opening != openSeconds || math.Abs(step-launchTime-c.want) > 1e-9*c.want {
			t.Errorf("%s: %v s and %v s, want %v s and a call", c.what, opening, step, c.want)
		}
		b.Info.Bandwidth = 0
		if opening, step := b.Expect(c.e, batch); opening != 0 || step != 0 {
			t.Errorf("%s: without a clock of memory %v s and %v s", c.what, opening, step)
		}
	}
}

// TestExpectSeveral: four devices take a quarter of the rows each, and the slowest bounds the step. z and
// three sums of K = 20,100 numbers make 10 copies through the host. Of three devices two have two sums each:
// z makes 3 copies, and the sums 8.
func TestExpectSeveral(t *testing.T) {
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	e, err := sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	info := driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, Clock: 1.98e9, Bandwidth: 4.3e12}
	slow := info
	slow.Bandwidth /= 2
	b := Backend{Info: info, Others: []Card{{Info: info}, {Info: slow}, {Info: info}}}
	_, step := b.Expect(e, batch)
	want := 1608e6/4/2.15e12 + 13*launchTime + 10*20_100*8/hostBytes
	if math.Abs(step-want) > 1e-9*want {
		t.Errorf("a step takes %v s, want %v", step, want)
	}
	three := Backend{Info: slow, Others: b.Others[:2]} // two slow ones, of which the second has 3 of 8 parts
	_, step = three.Expect(e, batch)
	want = 1608e6*3/8/2.15e12 + 10*launchTime + 11*20_100*8/hostBytes
	if math.Abs(step-want) > 1e-9*want {
		t.Errorf("a step of three devices takes %v s, want %v", step, want)
	}
	b.Others[1].Info.Clock = 0
	if opening, step := b.Expect(e, batch); opening != 0 || step != 0 {
		t.Errorf("without a clock of one device %v s and %v s", opening, step)
	}
}
