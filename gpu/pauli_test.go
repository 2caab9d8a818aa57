package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// pauliEngine opens an engine of Pauli words whose plan may be changed.
func pauliEngine(
	t *testing.T, b Backend, e *sensing.Pauli, change func(o *pauliOperator), ranks ...int,
) *engine {
	t.Helper()
	r, err := newRequest(b, e, batch(ranks...))
	must(t, err)
	r.plan = func(r request) (operator, error) {
		o, err := planPauli(r)
		if err == nil && change != nil {
			change(o.(*pauliOperator))
		}
		return o, err
	}
	return openPlanned(t, r, pauliProblem(t, e))
}

// pauliProblem is a problem with a truth of rank 2.
func pauliProblem(t *testing.T, e *sensing.Pauli) *sensing.Problem {
	t.Helper()
	n, _ := e.Space().Dims()
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	must(t, err)
	return &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01}
}

// pauliSteps takes steps of gradient descent of all members, and returns the factors and the losses. number
// is that of the first member's start.
func pauliSteps(t *testing.T, e solver.Engine, n, number, steps int, ranks ...int) ([]*mat.Dense, []float64) {
	t.Helper()
	var members []int
	for i, r := range ranks {
		u, err := solver.Random{Alpha: 0.5, Seed: uint64(number + i)}.Factor(
			[]solver.Shape{{Rows: n, Cols: r}}, nil)
		must(t, err)
		must(t, e.Set(i, solver.Iterate, u))
		members = append(members, i)
	}
	for range steps {
		must(t, e.Gradient(members...))
		for _, i := range members {
			must(t, descend(e, i, 0.2))
		}
	}
	losses := make([]float64, len(ranks))
	must(t, e.Losses(losses, members...))
	var factors []*mat.Dense
	for i, r := range ranks {
		u := solver.Factor{mat.NewDense(n, r, nil)}
		must(t, e.Get(i, solver.Iterate, u))
		factors = append(factors, u[0])
	}
	return factors, losses
}

// TestPauliSameBits: neither the number of vectors for which there is room, nor a watchdog, nor other members
// change a bit. There are words of every x, and some of a few.
func TestPauliSameBits(t *testing.T) {
	ranks := []int{3, 1, 2}
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	for _, size := range []struct{ n, m int }{{32, 528}, {64, 20}} {
		e, err := sensing.NewPauli(size.n, size.m, 1)
		must(t, err)
		whole := pauliEngine(t, b, e, nil, ranks...)
		want, wantLoss := pauliSteps(t, whole, size.n, 0, 2, ranks...)
		if o := whole.operator.(*pauliOperator); o.together() < len(ranks) {
			t.Fatalf("there is room for %d members at a time", o.together())
		}
		compare := func(what string, got []*mat.Dense, loss []float64, first int) {
			t.Helper()
			for i := range got {
				if !mat.Equal(got[i], want[first+i]) || loss[i] != wantLoss[first+i] {
					t.Errorf("n = %d: member %d differs with %s", size.n, first+i, what)
				}
			}
		}
		for what, change := range map[string]func(o *pauliOperator){
			"room for one vector":          func(o *pauliOperator) { o.room = 1 },
			"room for five vectors":        func(o *pauliOperator) { o.room = 5 },
			"room for two members, nearly": func(o *pauliOperator) { o.room = 2*o.mostGroups - 1 },
			"room for two members":         func(o *pauliOperator) { o.room = 2 * o.mostGroups },
			"short launches":               func(o *pauliOperator) { o.mostWork = 5000 },
			"a watchdog":                   nil,
		} {
			watched := b
			watched.Info.Watchdog = change == nil
			got, loss := pauliSteps(t, pauliEngine(t, watched, e, change, ranks...), size.n, 0, 2, ranks...)
			compare(what, got, loss, 0)
		}
		for i, r := range ranks {
			got, loss := pauliSteps(t, pauliEngine(t, b, e, nil, r), size.n, i, 2, r)
			compare("no other member", got, loss, i)
		}
	}
}

// TestPauliTwoSides: if L and R differ, each pull is scale·S·X with S = 1/m · Σ res_i A_i, also if the groups
// take several bundles. Apply and AdjointMul, which the suite of backends compares with dense matrices, say
// what the residuals and the pulls are.
func TestPauliTwoSides(t *testing.T) {
	const n, m = 16, 70
	e, err := sensing.NewPauli(n, m, 1)
	must(t, err)
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	engine := pauliEngine(t, b, e, func(o *pauliOperator) { o.room, o.matrices = 3, 2 }, 2, 3)
	var matrices []*mat.Dense
	var parts []part
	var sums []*mat.Dense
	for i, cols := range []int{5, 2} {
		p := part{cols: cols}
		var sides [2]*mat.Dense
		for side := range sides {
			u, err := solver.Random{Alpha: 1, Seed: uint64(2*i + side)}.Factor(
				[]solver.Shape{{Rows: n, Cols: cols}}, nil)
			must(t, err)
			sides[side] = u[0]
		}
		matrices = append(matrices, sides[:]...)
		borrow := func(a *mat.Dense) driver.Pointer {
			at, err := engine.device.borrow(a)
			must(t, err)
			engine.taken = append(engine.taken, at)
			return at
		}
		p.l, p.r = borrow(sides[0]), borrow(sides[1])
		for b, x := range []driver.Pointer{p.r, p.l} {
			dst := mat.NewDense(n, cols, nil)
			sums = append(sums, dst)
			p.pulls = append(p.pulls, pull{b == 1, x, []float64{0.5, -0.75}[b], borrow(dst)})
		}
		parts = append(parts, p)
	}
	must(t, engine.operator.contract(engine.y, parts))
	squares := make([]float64, len(parts))
	must(t, engine.operator.squares(squares))
	for i, p := range parts {
		for b, to := range p.pulls {
			must(t, engine.device.download(to.dst, sums[2*i+b]))
		}
	}
	for i := range parts {
		l, r := matrices[2*i], matrices[2*i+1]
		res := make([]float64, m)
		must(t, engine.Apply(res, l, r))
		want := 0.0
		for k, y := range engine.Observations() {
			res[k] -= y
			want += res[k] * res[k]
			res[k] /= m
		}
		backendtest.Close(t, "Σ res²", squares[i:i+1], []float64{want}, 1e-13)
		for b, x := range []*mat.Dense{r, l} {
			var sum mat.Dense
			sum.CloneFrom(x)
			must(t, engine.AdjointMul(&sum, res, b == 1, x))
			sum.Scale([]float64{0.5, -0.75}[b], &sum)
			backendtest.Close(t, fmt.Sprintf("pull %d of part %d", b, i), sums[2*i+b].RawMatrix().Data,
				sum.RawMatrix().Data, 1e-13)
		}
	}
}

// longPauli has vectors of two blocks.
func longPauli(t *testing.T) *sensing.Pauli {
	t.Helper()
	e, err := sensing.NewPauli(2*pauliTile, 8, 1)
	must(t, err)
	return e
}

// fewVectors leaves room for three vectors.
func fewVectors(o *pauliOperator) { o.room = 3 }

// TestPauliLong: words of 13 qubits, whose transforms go through global memory, give a step of the host.
func TestPauliLong(t *testing.T) {
	t.Parallel()
	e := longPauli(t)
	n, _ := e.Space().Dims()
	b := emulated(t, emulator.Config{Memory: 4 << 30}, solver.Memory, solver.F64)
	device := pauliEngine(t, b, e, fewVectors, 2, 1)
	if o := device.operator.(*pauliOperator); o.groups <= o.room {
		t.Fatalf("%d groups have room at one time", o.groups)
	}
	host, err := cpu.Backend{}.Open(context.Background(), pauliProblem(t, e), batch(2, 1))
	must(t, err)
	defer func() { must(t, host.Close()) }()
	// The tolerances are those of sums of 8192 products, in two orders.
	backendtest.Close(t, "y", device.Observations(), host.Observations(), 1e-12)
	got, gotLoss := pauliSteps(t, device, n, 0, 1, 2, 1)
	want, wantLoss := pauliSteps(t, host, n, 0, 1, 2, 1)
	backendtest.Close(t, "f(U)", gotLoss, wantLoss, 1e-12)
	for i := range got {
		backendtest.Close(t, "U", got[i].RawMatrix().Data, want[i].RawMatrix().Data, 1e-12)
	}
	w := make([]float64, e.Measurements())
	sensing.NewStream(1, sensing.StartStream).Normals(0, w)
	var sum, hostSum mat.Dense
	sum.CloneFrom(want[0])
	hostSum.CloneFrom(want[0])
	must(t, device.AdjointMul(&sum, w, true, want[0]))
	must(t, host.(solver.ProductEngine).AdjointMul(&hostSum, w, true, want[0]))
	backendtest.Close(t, "S·X", sum.RawMatrix().Data, hostSum.RawMatrix().Data, 1e-12)
}

// TestPauliPrecision: other arithmetic is refused before any device is opened.
func TestPauliPrecision(t *testing.T) {
	e, err := sensing.NewPauli(4, 5, 1)
	must(t, err)
	for _, precision := range []solver.Precision{solver.F32, solver.Mixed} {
		b := Backend{Info: h200, Precision: precision}
		const want = "GPUs compute with pauli measurements in f64 alone, not in "
		_, err := b.Memory(&sensing.Problem{Ensemble: e}, batch(1))
		if !errors.Is(err, solver.ErrUnsupported) || err.Error() != want+string(precision) {
			t.Errorf("%s: %v", precision, err)
		}
	}
}

// TestPauliMemory: the operator takes 8 bytes a word and a group, m residuals a member, and 32 vectors of n
// numbers as the host does, or 1 MB; and a step allocates nothing.
func TestPauliMemory(t *testing.T) {
	for _, c := range []struct{ n, m, members int }{
		{64, 100, 3}, {1024, 10_240, 1}, {4096, 40_960, 40}, {1 << 16, 1 << 20, 2}, {1 << 19, 1 << 22, 1},
	} {
		e, err := sensing.NewPauli(c.n, c.m, 1)
		must(t, err)
		ranks := slices.Repeat([]int{2}, c.members)
		engine, err := newEngine(Backend{Info: h200}, e, batch(ranks...))
		must(t, err)
		var bytes int64
		for _, b := range engine.operator.buffers() {
			bytes += b.bytes
		}
		const squares = 8
		most := 8*c.m + 8*min(c.m, c.n) + 8 + c.members*(8*c.m+squares) + max(32*8*c.n, 1<<20)
		if bytes > int64(most) {
			t.Errorf("n = %d, m = %d, %d members: %d bytes, more than %d", c.n, c.m, c.members, bytes, most)
		}
	}
	e, err := sensing.NewPauli(64, 100, 1)
	must(t, err)
	emulated := emulator.New(emulator.Config{})
	info, err := emulated.Info()
	must(t, err)
	b := Backend{Info: info, Connect: func() (driver.Device, error) { return emulated, nil }}
	engine := pauliEngine(t, b, e, nil, 2, 3)
	var planned int64
	for _, b := range engine.buffers() {
		planned += b.bytes
	}
	pauliSteps(t, engine, 64, 0, 1, 2, 3)
	if live := engine.device.Live(); live != planned {
		t.Errorf("%d bytes are live after a step, and %d were planned", live, planned)
	}
}

// TestPauliTraffic holds a step to the counts of docs/kernels.md, to the byte that threads ask for and to the
// sector of 32 bytes. A row of r = 4 is a sector. Besides words, rows and vectors, threads ask for a member's
// and a group's entry in lists.
func TestPauliTraffic(t *testing.T) {
	const n, r, m = 256, 4, 2560
	const block, entry, list = 256, 12, 28 // threads; bytes of a group's entry; bytes of a member's
	e, err := sensing.NewPauli(n, m, 1)
	must(t, err)
	for _, room := range []int{n, 100} {
		t.Run(fmt.Sprint("room for ", room), func(t *testing.T) {
			emulated := emulator.New(emulator.Config{})
			info, err := emulated.Info()
			must(t, err)
			b := Backend{Info: info, Connect: func() (driver.Device, error) { return emulated, nil }}
			engine := pauliEngine(t, b, e, func(o *pauliOperator) { o.room = room }, r)
			u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
			must(t, err)
			must(t, engine.Set(0, solver.Iterate, u))
			emulated.ResetTraffic()
			must(t, engine.Gradient(0))
			x, z := e.Masks()
			byX := map[uint32][]uint32{}
			for i := range x {
				byX[x[i]] = append(byX[x[i]], z[i])
			}
			groups := int64(len(byX))
			if groups != n {
				t.Fatalf("%d groups", groups)
			}
			bundles := int64(blocks(int(groups), room))
			expect := func(kernel, what string, got, want int64) {
				t.Helper()
				if got != want {
					t.Errorf("%s: %s is %d, want %d", kernel, what, got, want)
				}
			}

			// The pairs of rows j and j⊕x, once each; y and res of each word.
			got := emulated.Traffic("pauli_residuals")
			pairs := (groups-1)*n/2 + n
			expect("pauli_residuals", "launches", got.Launches, 1)
			expect("pauli_residuals", "bytes loaded", got.GlobalLoaded,
				pairs*2*r*8+groups*block*(list+entry)+m*(8+8))
			expect("pauli_residuals", "bytes stored", got.GlobalStored, m*8)
			if got.BankConflicts > m { // only words conflict, whose z lie anywhere
				t.Errorf("pauli_residuals: %d bank conflicts", got.BankConflicts)
			}

			// The words, and the word before all but the first of a group and the one after all but the last;
			// the residuals; the vectors.
			got = emulated.Traffic("pauli_weights")
			expect("pauli_weights", "launches", got.Launches, bundles)
			expect("pauli_weights", "bytes loaded", got.GlobalLoaded,
				groups*block*entry+m*(8+8)+(m-groups)*(4+8))
			expect("pauli_weights", "bytes stored", got.GlobalStored, groups*n*8)
			expect("pauli_weights", "sectors stored", got.StoreSectors, groups*n*8/32)
			if got.BankConflicts > m { // only words conflict, whose z lie anywhere
				t.Errorf("pauli_weights: %d bank conflicts", got.BankConflicts)
			}

			// A thread asks for x, a weight and a number of X for each group. The r threads of a row ask for
			// the same weight. The sums are written for each bundle, and read for each but the first.
			got = emulated.Traffic("pauli_combine")
			threads, warps := int64(n*r), int64(n*r/32)
			expect("pauli_combine", "launches", got.Launches, bundles)
			expect("pauli_combine", "bytes loaded", got.GlobalLoaded,
				threads*(bundles*list+groups*(4+8+8)+(bundles-1)*8))
			expect("pauli_combine", "sectors loaded", got.LoadSectors,
				warps*(bundles*4+groups)+groups*n*(1+r)*8/32+(bundles-1)*n*r*8/32)
			expect("pauli_combine", "bytes stored", got.GlobalStored, bundles*threads*8)
		})
	}
}
