package gpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// onCards adds devices to a backend, until there are count. The configurations repeat.
func onCards(t *testing.T, b Backend, count int, configs ...emulator.Config) Backend {
	t.Helper()
	for i := range count - 1 {
		other := emulated(t, configs[i%len(configs)], b.Storage, b.Precision)
		b.Others = append(b.Others, Card{other.Info, other.Connect})
	}
	return b
}

// TestSameBitsOnAnyNumberOfDevices: one, two, three, four and eight devices give the same bits, of whatever
// kind the devices are, with rows in memory and generated. 61 rows are eight chunks, one for each of eight
// devices.
func TestSameBitsOnAnyNumberOfDevices(t *testing.T) {
	t.Parallel()
	small, large := emulator.Config{Multiprocessors: 2}, emulator.Config{Multiprocessors: 132}
	old := emulator.Config{Capability: [2]int{7, 0}}
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		t.Run(string(precision), func(t *testing.T) {
			t.Parallel()
			one := emulated(t, large, solver.Memory, precision)
			generated := emulated(t, large, solver.Generated, precision)
			sameBits(t, []way{
				{"one device", one, true},
				{"2 devices", onCards(t, one, 2, large), true},
				{"2 devices, generated", onCards(t, generated, 2, small), true},
				{"3 devices", onCards(t, one, 3, small, old), true},
				{"3 devices, generated", onCards(t, generated, 3, large), true},
				{"4 devices, of which two have three steps", onCards(t, one, 4, old, small), true},
				{"4 devices, generated in small tiles",
					inTiles(onCards(t, generated, 4, old), 4), false},
				{"8 devices", onCards(t, one, 8, large), true},
			}, []size{{5, 61, 3}})
		})
	}
}

// TestMembersOnSeveralDevices: a batch's gradients, losses and products have the same bits on one device and
// on three, four and eight, in each arithmetic, with rows in memory and generated, and memory is as foretold
// on each. In single precision gradients and products take turns, whose sums have different places.
func TestMembersOnSeveralDevices(t *testing.T) {
	for _, precision := range []solver.Precision{solver.F64, solver.Mixed, solver.F32} {
		for _, count := range []int{3, 4, 8} {
			for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
				t.Run(fmt.Sprintf("%s, %s on %d", precision, storage, count), func(t *testing.T) {
					t.Parallel()
					membersOnSeveralDevices(t, storage, precision, count)
				})
			}
		}
	}
}

// membersOnSeveralDevices compares them with one device that has the rows in memory.
func membersOnSeveralDevices(t *testing.T, storage solver.Storage, precision solver.Precision, count int) {
	p := problem(t, 9, 100)
	ranks := []int{1, 3, 2, 1, 2}
	one := emulated(t, emulator.Config{}, solver.Memory, precision)
	several := onCards(t, emulated(t, emulator.Config{}, storage, precision), count, emulator.Config{})
	most, allocs := make([]int64, count), make([]int, count)
	for i := range several.Others {
		connect := several.Others[i].Connect
		several.Others[i].Connect = func() (driver.Device, error) {
			d, err := connect()
			return counting{d, &most[i+1], &allocs[i+1]}, err
		}
	}
	members := batch(ranks...)
	planned, err := newEngine(several, p.Ensemble, members)
	must(t, err)
	of := func(b Backend) (out []*mat.Dense, numbers []float64) {
		e, err := b.Open(context.Background(), p, members)
		must(t, err)
		defer func() { must(t, e.Close()) }()
		if spread, ok := e.(*engine).operator.(*spreadRows); ok {
			for card, share := range spread.shares {
				if share.batchGroups == 0 {
					t.Errorf("device %d has no room for contract_batch", card)
				}
			}
		}
		all := []int{0, 1, 2, 3, 4}
		for i, r := range ranks {
			must(t, e.Set(i, solver.Iterate, solver.Factor{normal(uint64(i), 9, r)}))
		}
		must(t, e.Gradient(all...))
		numbers = make([]float64, len(ranks), len(ranks)+100)
		must(t, e.Losses(numbers, all...))
		for i, r := range ranks {
			g := solver.Factor{mat.NewDense(9, r, nil)}
			must(t, e.Get(i, solver.Gradient, g))
			out = append(out, g[0])
		}
		products := e.(solver.ProductEngine)
		values := make([]float64, 100)
		must(t, products.Apply(values, normal(7, 9, 2), normal(8, 9, 2)))
		s := mat.NewDense(9, 2, nil)
		must(t, products.AdjointMul(s, values, false, normal(9, 9, 2)))
		out = append(out, s)
		must(t, e.Gradient(1, 3))
		for _, i := range []int{1, 3} {
			g := solver.Factor{mat.NewDense(9, ranks[i], nil)}
			must(t, e.Get(i, solver.Gradient, g))
			out = append(out, g[0])
		}
		return out, append(append(numbers, values...), e.Observations()...)
	}
	want, wantNumbers := of(one)
	got, gotNumbers := of(several)
	for i := range want {
		if !mat.Equal(got[i], want[i]) {
			t.Errorf("matrix %d differs", i)
		}
	}
	for i, v := range wantNumbers {
		if math.Float64bits(v) != math.Float64bits(gotNumbers[i]) {
			t.Errorf("number %d is %v on several devices and %v on one", i, gotNumbers[i], v)
		}
	}
	for card := range several.Others {
		if foretold := planned.cards().bytes(card); float64(most[card+1]) != foretold {
			t.Errorf("device %d: %d bytes were taken, and %.0f foretold", card+1, most[card+1], foretold)
		}
	}
}

// TestRowsTooLargeForOneDevice: the rows of n = 1000, m = 50,000 in f32 are 100 GB. Each of four devices
// needs a quarter of them and little more; of three, two need three eighths and the first a quarter.
func TestRowsTooLargeForOneDevice(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 1000}, 50_000, sensing.F32, 1)
	must(t, err)
	b := Backend{Info: h200}
	p := &sensing.Problem{Ensemble: e}
	alone, err := b.Memory(p, batch(5))
	must(t, err)
	for range 3 {
		b.Others = append(b.Others, Card{Info: h200})
	}
	shared, err := b.Memory(p, batch(5))
	must(t, err)
	rows := 50_000 * 500_500 * 4.
	if alone < rows || shared < rows/4 || shared > 1.02*rows/4 {
		t.Errorf("%.4g bytes on one device, %.4g on each of four; the rows are %.4g", alone, shared, rows)
	}
	b.Others = b.Others[:2]
	each, err := b.MemoryOfEach(p, batch(5))
	must(t, err)
	for i, eighths := range []float64{2, 3, 3} {
		if want := eighths / 8 * rows; each[i] < 0.99*want || each[i] > 1.02*want {
			t.Errorf("device %d of three needs %.4g bytes, and its rows are %.4g", i, each[i], want)
		}
	}
}

// TestLostCard: if a device that is not the first is lost, the run's error says that a device is lost, and
// Close frees the others.
func TestLostCard(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	other := emulator.New(emulator.Config{})
	b.Others = []Card{{b.Info, func() (driver.Device, error) { return other, nil }}}
	opened, err := b.Open(context.Background(), problem(t, 6, 70), batch(2))
	must(t, err)
	u := solver.Factor{normal(1, 6, 2)}
	must(t, opened.Set(0, solver.Iterate, u))
	must(t, descend(opened, 0, 0.1))
	other.Fail(3, driver.ErrLost)
	if err := descend(opened, 0, 0.1); !errors.Is(err, driver.ErrLost) {
		t.Errorf("the error is %v", err)
	}
	if err := opened.Close(); !errors.Is(err, driver.ErrLost) {
		t.Errorf("Close: %v", err)
	}
}

// TestRefusedOnSeveralDevices: what several devices cannot do is refused before any is opened.
func TestRefusedOnSeveralDevices(t *testing.T) {
	of := func(count int) Backend {
		return onCards(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), count, emulator.Config{})
	}
	vectors := vectorProblem(t, sensing.Sym{N: 6}, 70)
	for _, c := range []struct {
		backend Backend
		problem *sensing.Problem
		batch   solver.Batch
		want    string
	}{
		{of(5), problem(t, 6, 70), batch(1), "5 devices share the rows no faster than 4, because each has " +
			"whole eighths of the rows: name 4 devices"},
		{of(7), problem(t, 6, 70), batch(1), "7 devices share the rows no faster than 4, because each has " +
			"whole eighths of the rows: name 4 devices"},
		{of(9), problem(t, 6, 70), batch(1), "9 devices share the rows no faster than 8, because each has " +
			"whole eighths of the rows: name 8 devices"},
		{of(8), problem(t, 6, 20), batch(1),
			"20 rows are too few for 8 devices to share: name fewer devices"},
		{of(3), problem(t, 6, 24), batch(1),
			"24 rows are too few for 3 devices to share: name fewer devices"},
		{of(2), vectors, batch(1), "several devices share rows, and rank-one measurements have none: name " +
			"one device"},
	} {
		_, err := c.backend.Memory(c.problem, c.batch)
		var own *solver.Unsupported
		if !errors.As(err, &own) || !errors.Is(err, solver.ErrUnsupported) || err.Error() != c.want {
			t.Errorf("the error is %v, want %q", err, c.want)
		}
	}
}

// user are rows that a device cannot make, as those of a user's file.
type user struct{ sensing.Gaussian[float32] }

// userRows returns user rows.
func userRows(t *testing.T, space sensing.Space, m int) user {
	t.Helper()
	e, err := sensing.NewGaussian(space, m, sensing.F32, 7)
	must(t, err)
	return user{e.(sensing.Gaussian[float32])}
}

// TestSharing: three devices share rows, each with a smaller share than two have, and five to seven do not.
func TestSharing(t *testing.T) {
	for devices, want := range []int{0, 1, 2, 3, 4, 4, 4, 4, 8, 8, 8} {
		if got := Sharing(devices); got != want {
			t.Errorf("of %d devices %d share rows, not %d", devices, got, want)
		}
	}
}

// TestSubtrees: the devices' parts of the sum follow one another, and each is made of whole subtrees. Three
// devices have five.
func TestSubtrees(t *testing.T) {
	all := chunkTable{starts: chunkStarts(10_000, 5)}
	for cards, want := range map[int]string{
		2: "0+4 4+4", 3: "0+2 2+2 4+1 5+1 6+2", 4: "0+2 2+2 4+2 6+2", 8: "0+1 1+1 2+1 3+1 4+1 5+1 6+1 7+1",
	} {
		var got []string
		next := 0
		for card := range cards {
			mine := all.onCard(card, cards)
			if mine.before != next || mine.all() != all.count() {
				t.Errorf("card %d of %d begins with chunk %d of %d", card, cards, mine.before, mine.all())
			}
			for _, s := range mine.trees {
				got = append(got, fmt.Sprintf("%d+%d", s.part, s.parts))
				if s.first != next || s.first != s.part*all.count()/8 || s.part%s.parts != 0 {
					t.Errorf("card %d of %d has the subtree %+v", card, cards, s)
				}
				next += s.chunks
			}
			if next != mine.before+mine.count() {
				t.Errorf("the subtrees of card %d of %d end with chunk %d", card, cards, next)
			}
		}
		if text := strings.Join(got, " "); text != want || next != all.count() {
			t.Errorf("%d cards have the subtrees %s, not %s", cards, text, want)
		}
	}
}

// TestDrawsOnSeveralDevices: gradients of draws and of shifted observations, residuals and values of f have
// the same bits on one device, two, three, four and eight: of rows in memory, generated ones, and rows that a
// device cannot make, also if a list is longer than the rows of any device but the first, or needs several
// tiles.
func TestDrawsOnSeveralDevices(t *testing.T) {
	const n, m = 11, 97
	gaussian := backendtest.Ensembles(t, n, m)["gaussian-f32"]
	same := make([]int, 40) // one row forty times
	for i := range same {
		same[i] = m - 1
	}
	draws := []solver.Draw{
		{}, {Shift: solver.VectorSlot}, {Rows: []int{3, 3, m - 1}}, {Rows: []int{m - 2}}, {Rows: same},
		{Rows: solver.MiniBatches{Size: 30, Seed: 7}.Rows(0, m), Shift: solver.VectorSlot},
		{Rows: solver.MiniBatches{Size: m / 2, Seed: 8}.Rows(0, m)},
		{Rows: solver.MiniBatches{Size: 3 * m, Seed: 7}.Rows(0, m)},
		{}, // the observations without a shift again
	}
	of := func(b Backend, e sensing.Ensemble) (numbers []float64) {
		truth, err := sensing.NewTruth(n, 1, 1, 1)
		must(t, err)
		needs := solver.RGDA{StepSize: 1}.Needs()
		needs.Values = true
		opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth}, solver.Batch{
			Parametrization: solver.PSD{}, FactorRanks: []int{3}, Needs: needs})
		must(t, err)
		defer func() { must(t, opened.Close()) }()
		member, err := solver.NewMember(opened, 0, e.Space(), solver.PSD{}, 3)
		must(t, err)
		must(t, member.Set(solver.Iterate, solver.Factor{normal(1, n, 3)}))
		shift := solver.NewFactor(member.ShapesOf(solver.VectorSlot))
		sensing.NewStream(1, sensing.NoiseStream).Normals(0, shift[0].RawMatrix().Data)
		must(t, member.Set(solver.VectorSlot, shift))
		for _, d := range draws {
			must(t, member.DrawGradient(d))
			g := solver.NewFactor(member.Shapes())
			must(t, member.Get(solver.Gradient, g))
			numbers = append(numbers, g[0].RawMatrix().Data...)
		}
		var values [2]float64
		must(t, member.Evaluate(values[:], solver.Iterate, solver.Gradient))
		return append(numbers, values[:]...)
	}
	for name, c := range map[string]struct {
		ensemble sensing.Ensemble
		storage  solver.Storage
	}{
		"memory": {gaussian, solver.Memory}, "generated": {gaussian, solver.Generated},
		"user": {userRows(t, sensing.Sym{N: n}, m), solver.Memory},
	} {
		for _, precision := range []solver.Precision{solver.F64, solver.F32} {
			t.Run(name+"/"+string(precision), func(t *testing.T) {
				t.Parallel()
				one := emulated(t, emulator.Config{}, c.storage, precision)
				want := of(one, c.ensemble)
				for way, b := range map[string]Backend{
					"2 devices": onCards(t, one, 2, emulator.Config{}), "4 devices": onCards(t, one, 4, old),
					"3 devices":              onCards(t, one, 3, old, emulator.Config{}),
					"8 devices":              onCards(t, one, 8, emulator.Config{}),
					"4 devices, small tiles": inTiles(onCards(t, one, 4, emulator.Config{}), 12),
				} {
					for i, v := range of(b, c.ensemble) {
						if math.Float64bits(v) != math.Float64bits(want[i]) {
							t.Errorf("%s: number %d is %v, and %v on one device", way, i, v, want[i])
							break
						}
					}
				}
			})
		}
	}
}

// TestDeepOnSeveralDevices: gradients of deep products and the projections of their trace of the Hessian have
// the same bits on one device, two, three, four and eight.
func TestDeepOnSeveralDevices(t *testing.T) {
	t.Parallel()
	const n1, n2, m = 7, 9, 99
	e := backendtest.EnsemblesOn(t, sensing.Rect{N1: n1, N2: n2}, m)["gaussian-bf16"]
	left, right := normal(1, n1, 17), normal(2, n2, 3)
	of := func(b Backend) (numbers []float64) {
		engine := openDeep(t, b, e, 3)
		shapes, err := solver.Deep{Depth: 3}.Shapes(e.Space(), 3)
		must(t, err)
		var f solver.Factor
		for i, s := range shapes {
			f = append(f, normal(uint64(10+i), s.Rows, s.Cols))
		}
		must(t, engine.Set(0, solver.Iterate, f))
		must(t, engine.Gradient(0))
		must(t, engine.Get(0, solver.Gradient, f))
		for _, g := range f {
			numbers = append(numbers, g.RawMatrix().Data...)
		}
		for _, pair := range [][2]*mat.Dense{{left, right}, {nil, right}, {left, nil}, {nil, nil}} {
			sum, err := engine.ProjectedSquares(pair[0], pair[1])
			must(t, err)
			numbers = append(numbers, sum)
		}
		return numbers
	}
	for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		one := emulated(t, emulator.Config{}, storage, solver.F64)
		want := of(one)
		for _, count := range []int{2, 3, 4, 8} {
			for i, v := range of(inTiles(onCards(t, one, count, emulator.Config{}), 12)) {
				if math.Float64bits(v) != math.Float64bits(want[i]) {
					t.Errorf("%s, %d devices: number %d is %v, and %v on one", storage, count, i, v, want[i])
				}
			}
		}
	}
}

// TestMixedOnSeveralDevices: along a trajectory in which anchors are renewed, gradients and losses in mixed
// precision have the same bits on one device, two, three, four and eight. The truth is unknown, so that
// members begin without an anchor.
func TestMixedOnSeveralDevices(t *testing.T) {
	const n, m, iterations = 5, 61, 40
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	ranks := []int{1, 3, 2}
	e, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	must(t, err)
	double := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	known := engineOf(t, double, &sensing.Problem{Ensemble: e, Truth: truth}, solver.PSD{}, 1)
	p := &sensing.Problem{Ensemble: e, Observations: known.Observations()}
	of := func(b Backend) (numbers []float64, renewals int) {
		opened, err := b.Open(context.Background(), p, batch(ranks...))
		must(t, err)
		defer func() { must(t, opened.Close()) }()
		engine := opened.(*engine)
		for i, r := range ranks {
			shapes := []solver.Shape{{Rows: n, Cols: r}}
			u, err := solver.Random{Alpha: 0.1, Seed: uint64(i)}.Factor(shapes, nil)
			must(t, err)
			must(t, engine.Set(i, solver.Iterate, u))
		}
		for step := range iterations {
			must(t, engine.Gradient(0, 1, 2))
			for i, r := range ranks {
				if engine.operator.(anchored).renewed(i) {
					renewals++
				}
				g := solver.NewFactor([]solver.Shape{{Rows: n, Cols: r}})
				must(t, engine.Get(i, solver.Gradient, g))
				numbers = append(numbers, g[0].RawMatrix().Data...)
			}
			if step%7 == 0 {
				var losses [3]float64
				must(t, engine.Losses(losses[:], 0, 1, 2))
				numbers = append(numbers, losses[:]...)
			}
			for i := range ranks {
				must(t, engine.Combine(i, solver.Iterate, 1, solver.Iterate, -0.5, solver.Gradient))
			}
		}
		return numbers, renewals
	}
	one := emulated(t, emulator.Config{}, solver.Memory, solver.Mixed)
	want, renewals := of(one)
	if most := 3 * iterations; renewals < 6 || renewals > most/2 {
		t.Errorf("anchors were renewed %d times in %d gradients", renewals, most)
	}
	generated := one
	generated.Storage = solver.Generated
	for way, b := range map[string]Backend{
		"2 devices":              onCards(t, one, 2, emulator.Config{}),
		"3 devices":              onCards(t, one, 3, old, emulator.Config{}),
		"4 devices, generated":   inTiles(onCards(t, generated, 4, old), 4),
		"8 devices":              onCards(t, one, 8, emulator.Config{}),
		"2 devices, small tiles": inTiles(onCards(t, one, 2, old), 4),
	} {
		got, _ := of(b)
		for i, v := range got {
			if math.Float64bits(v) != math.Float64bits(want[i]) {
				t.Errorf("%s: number %d is %v, and %v on one device", way, i, v, want[i])
				break
			}
		}
	}
}

// TestMixedChunksOnSeveralDevices: in mixed precision the chunks of all devices are those of one, of at most
// 256 rows, and each device has the same rows in both precisions.
func TestMixedChunksOnSeveralDevices(t *testing.T) {
	for _, m := range []int{10_000, 49_999} {
		e, err := sensing.NewGaussian(sensing.Sym{N: 1000}, m, sensing.Q8, 1)
		must(t, err)
		b := Backend{Info: h200, Precision: solver.Mixed}
		planned, err := newEngine(b, e, batch(5))
		must(t, err)
		want := planned.operator.(*mixedOperator).single.chunks.starts
		for _, count := range []int{2, 3, 4, 8} {
			b.Others = slices.Repeat([]Card{{Info: h200}}, count-1)
			planned, err := newEngine(b, e, batch(5))
			must(t, err)
			o := planned.operator.(*mixedOperator)
			got := slices.Clone(o.single.chunks.starts)
			for i, c := range o.cards.others {
				single, double := c.mixed.single, o.cards.shares[i+1]
				if single.begin != double.begin || single.m != double.m || single.begin != got[len(got)-1] {
					t.Errorf("m = %d: device %d of %d has other rows in single precision", m, i+1, count)
				}
				got = append(got, single.chunks.starts[1:]...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("m = %d: %d devices have other chunks than one", m, count)
			}
		}
		for i, start := range want[1:] {
			if start-want[i] > mixedRows {
				t.Errorf("m = %d: chunk %d has %d rows", m, i, start-want[i])
			}
		}
	}
}
