package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// vectorProblem returns a problem with rank-one measurements.
func vectorProblem(t *testing.T, space sensing.Space, m int) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewRankOne(space, m, 7)
	must(t, err)
	n1, n2 := space.Dims()
	truth, err := sensing.NewTruth(n1, 1, 1, 1)
	if _, rect := space.(sensing.Rect); rect {
		truth, err = sensing.NewRectTruth(n1, n2, 1, 1, 1)
	}
	must(t, err)
	return &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01}
}

// userVectors returns the measurements of an ensemble as user data.
func userVectors(t *testing.T, e *sensing.RankOne) *sensing.RankOne {
	t.Helper()
	n1, n2 := e.Space().Dims()
	a, b := mat.NewDense(e.Measurements(), n1, nil), mat.NewDense(e.Measurements(), n2, nil)
	v := make([]float64, e.VectorLen())
	for i := range e.Measurements() {
		e.Vector(i, v)
		a.SetRow(i, v[:n1])
		b.SetRow(i, v[len(v)-n2:])
	}
	if e.VectorLen() == n1 {
		b = nil
	}
	user, err := sensing.RankOneOf(e.Space(), a, b)
	must(t, err)
	return user
}

// startOn opens an engine with members of some ranks, and gives them random factors.
func startOn(t *testing.T, b solver.Backend, p *sensing.Problem, ranks ...int) (
	solver.Engine, []solver.Factor,
) {
	t.Helper()
	par := parametrizationOf(p.Ensemble.Space())
	e, err := b.Open(context.Background(), p, batchOf(par, ranks...))
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	var all []solver.Factor
	for i, r := range ranks {
		shapes, err := par.Shapes(p.Ensemble.Space(), r)
		must(t, err)
		u, err := solver.Random{Alpha: 0.3, Seed: uint64(r)}.Factor(shapes, nil)
		must(t, err)
		must(t, e.Set(i, solver.Iterate, u))
		all = append(all, u)
	}
	return e, all
}

// vectorSteps takes three steps of each member, and returns the factors, the losses and products with the
// operator.
func vectorSteps(t *testing.T, b solver.Backend, p *sensing.Problem, ranks ...int) []float64 {
	t.Helper()
	e, all := startOn(t, b, p, ranks...)
	members := make([]int, len(ranks))
	for i := range members {
		members[i] = i
	}
	for range 3 {
		must(t, e.Gradient(members...))
		for i := range members {
			must(t, descend(e, i, 0.01))
		}
	}
	losses := make([]float64, len(ranks))
	must(t, e.Losses(losses, members...))
	for i, u := range all {
		must(t, e.Get(i, solver.Iterate, u))
		for _, a := range u {
			losses = append(losses, a.RawMatrix().Data...)
		}
	}
	_, n2 := p.Ensemble.Space().Dims()
	few := min(n2, 21)
	identity := mat.NewDense(n2, few, nil) // more columns than most members have
	for i := range few {
		identity.Set(i, i, 1)
	}
	n1, _ := p.Ensemble.Space().Dims()
	s := mat.NewDense(n1, few, nil)
	must(t, e.(solver.ProductEngine).AdjointMul(s, e.Observations(), false, identity))
	values := make([]float64, p.Ensemble.Measurements())
	must(t, e.(solver.ProductEngine).Apply(values, s, identity))
	return append(append(losses, s.RawMatrix().Data...), values...)
}

// TestRankOneSameBits: vectors in memory, generated and of the user give the same bits, in tiles of any size
// and on every device; and nearly the numbers of the host. Some members read the vectors once, others twice.
func TestRankOneSameBits(t *testing.T) {
	on := func(config emulator.Config, storage solver.Storage, rows int) Backend {
		return inTiles(emulated(t, config, storage, solver.F64), rows)
	}
	small, large := emulator.Config{Multiprocessors: 16}, emulator.Config{Multiprocessors: 132, L2: 50 << 20}
	for _, c := range []struct {
		space sensing.Space
		m     int
		ranks []int
	}{
		{sensing.Sym{N: 21}, 100, []int{1, 25, 4, 2, 5}},
		{sensing.Sym{N: 258}, 37, []int{1, 3}},
		{sensing.Rect{N1: 9, N2: 14}, 100, []int{3, 17, 1, 4}},
		{sensing.Rect{N1: 259, N2: 3}, 37, []int{1, 2}},
	} {
		n1, n2 := c.space.Dims()
		t.Run(fmt.Sprintf("%s/%d×%d", c.space.Name(), n1, n2), func(t *testing.T) {
			t.Parallel()
			p := vectorProblem(t, c.space, c.m)
			user := *p
			user.Ensemble = userVectors(t, p.Ensemble.(*sensing.RankOne))
			want := vectorSteps(t, on(small, solver.Memory, 0), p, c.ranks...)
			for _, way := range []struct {
				name    string
				backend Backend
				problem *sensing.Problem
			}{
				{"generated", on(small, solver.Generated, 0), p},
				{"in tiles", on(large, solver.Memory, 37), p},
				{"generated in small tiles", on(large, solver.Generated, 5), p},
				{"the user's", on(old, solver.Generated, 64), &user},
			} {
				got := vectorSteps(t, way.backend, way.problem, c.ranks...)
				for i, w := range want {
					if got[i] != w {
						t.Fatalf("%s: number %d is %v, and %v from memory", way.name, i, got[i], w)
					}
				}
			}
			// Sums of some hundred products in two orders, after three steps.
			host := vectorSteps(t, cpu.Backend{}, p, c.ranks...)
			for i, w := range want {
				if d := host[i] - w; !(d*d <= 1e-22*(1+w*w)) {
					t.Fatalf("number %d is %v on the host and %v on the device", i, host[i], w)
				}
			}
			// A member has the bits that it has alone.
			alone := vectorSteps(t, on(small, solver.Memory, 0), p, c.ranks[0])
			if alone[0] != want[0] || alone[1] != want[len(c.ranks)] {
				t.Errorf("alone the loss is %v and U₁₁ %v, in a batch %v and %v",
					alone[0], alone[1], want[0], want[len(c.ranks)])
			}
		})
	}
}

// TestRankOneTraffic compares what a step reads with the counts of docs/kernels.md, to the byte. The vectors
// are read once if L and the sums fit into a block's registers. Otherwise they are read twice, for all
// members of a batch with up to 64 columns together. A step moves nothing between host and device.
func TestRankOneTraffic(t *testing.T) {
	const words, starts = 32, 8 // bytes that each thread reads of the lists and of the chunks
	for _, c := range []struct {
		space    sensing.Space
		m        int
		ranks    []int
		launches int
		loaded   map[string]int64 // bytes, by kernel
	}{
		{sensing.Sym{N: 300}, 203, []int{3}, 2, map[string]int64{
			// Seven chunks; of the list each thread reads L, cols and the member, and twice the first column.
			"rank_one_contract_4x4": 203*300*8 + 7*(300*3*8+256*(words+starts)) + 203*8,
		}},
		{sensing.Rect{N1: 300, N2: 70}, 203, []int{1}, 3, map[string]int64{
			"rank_one_contract_rect_4x1": 203*370*8 + 7*(370*8+256*(words+3*8+starts)) + 203*8,
		}},
		{sensing.Sym{N: 70}, 203, []int{9}, 4, map[string]int64{
			// Four blocks of 64 vectors, each of which reads L and three words a column in each of 16 rows.
			"rank_one_times_16": 203*70*8 + 4*(70*9*8+16*9*24),
			// Two blocks of 64 numbers in each of four chunks. Each reads a product and a weight for each
			// vector of the chunk and column, and two words a column.
			"rank_one_accumulate_16": 203*70*8 + 2*203*9*16 + 8*(16*9*16+256*starts),
		}},
		{sensing.Sym{N: 70}, 203, []int{9, 5, 40, 10}, 4, map[string]int64{ // 64 columns
			"rank_one_times_64":      203*70*8 + 4*(70*64*8+16*64*24),
			"rank_one_accumulate_64": 203*70*8 + 2*203*64*16 + 8*(16*64*16+256*starts),
		}},
	} {
		t.Run(fmt.Sprint(c.space.Name(), c.ranks), func(t *testing.T) {
			t.Parallel()
			p := vectorProblem(t, c.space, c.m)
			device := emulator.New(emulator.Config{})
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			b.Connect = func() (driver.Device, error) { return device, nil }
			bus := through(&b)
			e, _ := startOn(t, b, p, c.ranks...)
			members := make([]int, len(c.ranks))
			for i := range members {
				members[i] = i
			}
			must(t, e.Gradient(members...)) // the lists go to the device
			for i := range members {
				must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -0.01, solver.Gradient))
			}
			must(t, e.Wait()) // combinations are done when something needs them
			device.ResetTraffic()
			bus.Reset()
			must(t, e.Gradient(members...))
			if moved := bus.Up + bus.Down; moved != 0 || bus.Launches != c.launches {
				t.Errorf("a gradient moves %d bytes between host and device, in %d launches, not 0 in %d",
					moved, bus.Launches, c.launches)
			}
			for kernel, want := range c.loaded {
				if got := device.Traffic(kernel).GlobalLoaded; got != want {
					t.Errorf("%s loads %d bytes, want %d", kernel, got, want)
				}
			}
		})
	}
}

// TestRankOneRefused: there are no kernels in single precision; and if the vectors do not fit into memory,
// the error says that generated ones do.
func TestRankOneRefused(t *testing.T) {
	p := vectorProblem(t, sensing.Sym{N: 20}, 30)
	_, err := emulated(t, emulator.Config{}, solver.Memory, solver.F32).Memory(p, batch(1))
	if !errors.Is(err, solver.ErrUnsupported) ||
		!strings.Contains(err.Error(), "GPUs compute with rank-one measurements in f64 alone") {
		t.Errorf("in single precision the error is %v", err)
	}
	p = vectorProblem(t, sensing.Sym{N: 200}, 20000) // 32 MB
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	b.Connect = func() (driver.Device, error) { return emulator.New(emulator.Config{Memory: 30 << 20}), nil }
	_, err = b.Open(context.Background(), p, batch(1))
	if !errors.Is(err, driver.ErrMemory) || !strings.Contains(err.Error(), "generated vectors fit") {
		t.Errorf("without room the error is %v", err)
	}
}

// TestVectorChunks: chunks begin at multiples of 16, cover all measurements and are not empty, for few and
// many measurements and all sides.
func TestVectorChunks(t *testing.T) {
	for _, m := range []int{1, 15, 16, 17, 63, 64, 65, 1000, 16897, 1 << 20} {
		for _, n := range []int{1, 64, 65, 5000, 1e6} {
			e, err := sensing.NewRankOne(sensing.Sym{N: n}, m, 1)
			must(t, err)
			r, err := newRequest(emulated(t, emulator.Config{}, solver.Generated, solver.F64), e, batch(1))
			must(t, err)
			o, err := planRankOne(r)
			must(t, err)
			for _, table := range []chunkTable{o.(*rankOneOperator).chunks, o.(*rankOneOperator).onceChunks} {
				s := table.starts
				if s[0] != 0 || s[len(s)-1] != m || table.count() > referenceBlocks {
					t.Fatalf("m = %d, n = %d: the chunks are %v", m, n, s)
				}
				for i := range table.count() {
					if s[i] >= s[i+1] || s[i]%16 != 0 {
						t.Fatalf("m = %d, n = %d: chunk %d has %d to %d", m, n, i, s[i], s[i+1])
					}
				}
			}
		}
	}
}
