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

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// uneven observes entries of an n1 × n2 matrix in rows and columns of very different lengths: all of row 1
// and of column 2, every third entry of row 0, and some of the others. Rows 4 and 5 and column 6 have no
// others.
func uneven(t testing.TB, space sensing.Space) *sensing.Problem {
	t.Helper()
	n1, n2 := space.Dims()
	_, symmetric := space.(sensing.Sym)
	var rows, cols []int32
	var values []float64
	for i := range n1 {
		for j := range n2 {
			seen := i == 1 || j == 2 || i == 0 && j%3 == 0 || (7*i+3*j)%11 == 0 && i != 4 && i != 5 && j != 6
			if seen && (!symmetric || j >= i) {
				rows, cols = append(rows, int32(i)), append(cols, int32(j))
				values = append(values, math.Sin(float64(n2*i+j)))
			}
		}
	}
	e, y, err := sensing.CompletionOf(space, rows, cols, values)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: e, Observations: y}
}

// sampledOf returns the operator of an engine with observed entries.
func sampledOf(e solver.Engine) *sampledOperator { return e.(*engine).operator.(*sampledOperator) }

// gradients returns ∇f and f of random factors of all ranks, which make one batch.
func gradients(t *testing.T, b solver.Backend, p *sensing.Problem, steps bool, ranks ...int) (
	all []solver.Factor, losses []float64,
) {
	t.Helper()
	space := p.Ensemble.Space()
	e, err := b.Open(context.Background(), p, batchOf(parametrizationOf(space), ranks...))
	must(t, err)
	defer func() { must(t, e.Close()) }()
	if steps {
		sampledOf(e).cols = 0 // no kernel is wide enough
	}
	var members []int
	for i, r := range ranks {
		members = append(members, i)
		must(t, e.Set(i, solver.Iterate, factorOf(t, space, r, uint64(r))))
	}
	losses = make([]float64, len(ranks))
	must(t, e.Gradient(members...))
	must(t, e.Losses(losses, members...))
	for i, r := range ranks {
		g := factorOf(t, space, r, 0)
		must(t, e.Get(i, solver.Gradient, g))
		all = append(all, g)
	}
	return all, losses
}

// unevenSpaces are spaces in which some rows and columns of uneven have one, two and several segments.
var unevenSpaces = []sensing.Space{
	sensing.Sym{N: 301}, sensing.Rect{N1: 9, N2: 300}, sensing.Rect{N1: 411, N2: 7},
}

// TestSampledAgrees: gradients and losses of uneven rows agree with those of the host, in one pass and in
// steps, for factors of each kernel and wider than any, alone and in a batch to the same bits.
func TestSampledAgrees(t *testing.T) {
	for _, space := range unevenSpaces {
		for _, steps := range []bool{false, true} {
			t.Run(fmt.Sprint(space, "/in steps ", steps), func(t *testing.T) {
				t.Parallel()
				p := uneven(t, space)
				b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
				ranks := []int{3, 1, 33, 2, 3, 65}
				if n1, _ := space.Dims(); n1 == 9 {
					ranks = append(ranks, 300, 129)
					if !steps {
						ranks = append(ranks, 5000)
					}
				}
				got, losses := gradients(t, b, p, steps, ranks...)
				want, wantLosses := gradients(t, cpu.Backend{}, p, false, ranks...)
				// Sums of a thousand products in another order.
				backendtest.Close(t, "f", losses, wantLosses, 1e-13)
				for i, r := range ranks {
					for j := range want[i] {
						backendtest.Close(t, fmt.Sprintf("∇f[%d] at rank %d", j, r),
							got[i][j].RawMatrix().Data, want[i][j].RawMatrix().Data, 1e-13)
					}
				}
				for _, i := range []int{2, len(ranks) - 1} {
					alone, loss := gradients(t, b, p, steps, ranks[i])
					for j := range want[i] {
						if !mat.Equal(alone[0][j], got[i][j]) || loss[0] != losses[i] {
							t.Errorf("∇f[%d] or f at rank %d differs alone", j, ranks[i])
						}
					}
				}
			})
		}
	}
}

// TestSampledProducts: Apply and AdjointMul of uneven rows agree with the host, also with more columns than
// the operator has room for in the segments of long rows.
func TestSampledProducts(t *testing.T) {
	for _, space := range unevenSpaces {
		t.Run(fmt.Sprint(space), func(t *testing.T) {
			t.Parallel()
			p := uneven(t, space)
			n1, n2 := space.Dims()
			open := func(b solver.Backend) solver.ProductEngine {
				e, err := b.Open(context.Background(), p, batchOf(parametrizationOf(space), 2))
				must(t, err)
				t.Cleanup(func() { must(t, e.Close()) })
				return e.(solver.ProductEngine)
			}
			device := open(emulated(t, emulator.Config{}, solver.Memory, solver.F64))
			host := open(cpu.Backend{})
			m := p.Ensemble.Measurements()
			for _, cols := range []int{1, 7, 45} {
				u := factorOf(t, sensing.Rect{N1: n1, N2: n2}, cols, 3)
				l, r := u[0], u[1]
				if n1 == n2 { // symmetric, and indefinite if there is a second column
					for i := range n1 {
						for j := range cols {
							r.Set(i, j, l.At(i, j)*math.Copysign(1, 0.5-float64(j)))
						}
					}
				}
				got, want := make([]float64, m), make([]float64, m)
				must(t, device.Apply(got, l, r))
				must(t, host.Apply(want, l, r))
				backendtest.Close(t, "A(LRᵀ)", got, want, 1e-14)
				for _, trans := range []bool{false, true} {
					rows, x := n1, r
					if trans {
						rows, x = n2, l
					}
					a, b := mat.NewDense(rows, cols, nil), mat.NewDense(rows, cols, nil)
					must(t, device.AdjointMul(a, want, trans, x))
					must(t, host.AdjointMul(b, want, trans, x))
					backendtest.Close(t, "(A*w)·X", a.RawMatrix().Data, b.RawMatrix().Data, 1e-13)
				}
			}
		})
	}
}

// TestSampledTrajectories: whole runs agree with the host for the kinds of ensemble that share this operator.
func TestSampledTrajectories(t *testing.T) {
	truth, err := sensing.NewTruth(20, 2, 1.5, 3)
	must(t, err)
	relu, err := sensing.NewReLUCompletion(sensing.Sym{N: 20}, truth, 0)
	must(t, err)
	p := &sensing.Problem{Ensemble: relu, Truth: truth, Noise: 0.01, NoiseSeed: 4}
	for _, m := range []solver.Method{
		solver.GD{StepSize: 0.25}, solver.Nesterov{StepSize: 0.1, Momentum: 0.5},
		solver.PolyakGD{StepSize: 0.5}, solver.ScaledGD{StepSize: 0.2},
	} {
		t.Run(m.Name(), func(t *testing.T) {
			t.Parallel()
			run := func(b solver.Backend) (solver.Trajectory, []float64) {
				var samples solver.Trajectory
				res, err := solver.Solve(context.Background(), p, b, m, solver.Settings{
					Start: solver.Spectral{Skip: 1}, Iterations: 40, FactorRank: 2, MeasureEvery: 10,
					Recorder: &samples,
				})
				must(t, err)
				return samples, res.Factor[0].RawMatrix().Data
			}
			got, end := run(emulated(t, emulator.Config{}, solver.Memory, solver.F64))
			want, wantEnd := run(cpu.Backend{})
			for i, w := range want {
				backendtest.Close(t, fmt.Sprintf("loss, test error and angle of sample %d", i),
					[]float64{got[i].TrainLoss, got[i].TestError, got[i].Angle},
					[]float64{w.TrainLoss, w.TestError, w.Angle}, 1e-10)
			}
			backendtest.Close(t, "the last factor", end, wantEnd, 1e-10)
		})
	}
}

// TestSampledSameBits: the number of multiprocessors changes no bit, and two runs give the same bits.
func TestSampledSameBits(t *testing.T) {
	p := uneven(t, sensing.Rect{N1: 9, N2: 300})
	var want []solver.Factor
	for _, config := range []emulator.Config{
		{}, {Multiprocessors: 132, L2: 50 << 20}, {Capability: [2]int{7, 0}}, {},
	} {
		got, _ := gradients(t, emulated(t, config, solver.Memory, solver.F64), p, false, 10)
		if want == nil {
			want = got
		}
		for i := range want[0] {
			if !mat.Equal(got[0][i], want[0][i]) {
				t.Errorf("∇f[%d] differs on %+v", i, config)
			}
		}
	}
}

// TestSegments: a layout has each entry once, in the row, column and order that positions give, in segments
// of the most entries that are allowed, and stays within the bounds that follow from sizes.
func TestSegments(t *testing.T) {
	const most = kernels.SampledSegment
	var ensembles []*sensing.Completion
	for _, space := range unevenSpaces {
		ensembles = append(ensembles, uneven(t, space).Ensemble.(*sensing.Completion))
	}
	for _, space := range []sensing.Space{
		sensing.Sym{N: 1}, sensing.Sym{N: most}, sensing.Sym{N: most + 1},
		sensing.Rect{N1: 1, N2: most*3 + 1}, sensing.Rect{N1: most * 3, N2: 1},
		sensing.Rect{N1: 40, N2: 2 * most},
	} {
		full, err := sensing.NewCompletion(space, space.K(), 1) // all entries
		must(t, err)
		ensembles = append(ensembles, full)
	}
	for _, e := range ensembles {
		space := e.Space()
		rows, cols := e.Positions()
		n1, n2 := space.Dims()
		_, symmetric := space.(sensing.Sym)
		lists, other, entries := [][2][]int32{{rows, cols}}, [][2][]int32{{cols, rows}}, len(rows)
		if symmetric {
			lists = append(lists, other...)
			other, entries = lists, 2*len(rows)
		}
		for at, s := range []*segmented{segment(n1, lists...), segment(n2, other...)} {
			n := []int{n1, n2}[at]
			name := fmt.Sprintf("%v, side %d", space, at)
			b := boundSegments(n, entries)
			parts, long := len(s.rows)-s.whole, len(s.firsts)-1
			if len(s.columns) > b.entries || len(s.rows) > b.segments || parts > b.parts || long > b.long {
				t.Errorf("%s: %d entries, %d segments, %d of them of %d long rows; the bounds are %+v",
					name, len(s.columns), len(s.rows), parts, long, b)
			}
			seen := map[[2]uint32]uint32{}
			lengths := make([]int, n)
			for i, row := range s.rows {
				size := int(s.begin[i+1]) - int(s.begin[i])
				whole := i < s.whole
				if size > most || !whole && size == 0 || whole && lengths[row] > 0 {
					t.Errorf("%s: segment %d has %d entries", name, i, size)
				}
				for q := s.begin[i]; q < s.begin[i+1]; q++ {
					if lengths[row]++; q > s.begin[i] && s.columns[q] <= s.columns[q-1] {
						t.Errorf("%s: entry %d of row %d is in column %d", name, q, row, s.columns[q])
					}
					seen[[2]uint32{row, s.columns[q]}] = s.entries[q]
				}
			}
			for i := range long {
				first := s.whole + int(s.firsts[i])
				row := s.rows[first]
				if got := int(s.firsts[i+1] - s.firsts[i]); got != blocks(lengths[row], most) || got < 2 ||
					slices.Index(s.rows, row) != first {
					t.Errorf("%s: row %d has %d segments for %d entries", name, row, got, lengths[row])
				}
			}
			count := 0
			for k := range rows {
				i, j, entry := uint32(rows[k]), uint32(cols[k]), uint32(k)
				if symmetric && i == j {
					entry |= 1 << 31
				}
				places := map[[2]uint32]bool{{i, j}: at == 0 || symmetric, {j, i}: at == 1 || symmetric}
				if i == j {
					places = map[[2]uint32]bool{{i, j}: true}
				}
				for place, in := range places {
					if !in {
						continue
					}
					if count++; seen[place] != entry {
						t.Errorf("%s: entry %v is of measurement %d, want %d", name, place, seen[place], entry)
					}
				}
			}
			if count != len(seen) || count != len(s.columns) {
				t.Errorf("%s: %d entries, %d different ones, want %d", name, len(s.columns), len(seen), count)
			}
		}
	}
}

// TestSampledPlan: 3·10⁸ entries of 8·10⁶ rows, with factors of 10 columns, fit 80 GB, symmetric or not. The
// plan draws no position.
func TestSampledPlan(t *testing.T) {
	const n, m, r = 8_000_000, 300_000_000, 10
	b := Backend{Info: driver.Info{Capability: [2]int{9, 0}}}
	for _, space := range []sensing.Space{
		sensing.Sym{N: n}, sensing.Rect{N1: n, N2: n}, sensing.Rect{N1: n, N2: 20_000},
	} {
		e, err := sensing.NewCompletion(space, m, 1)
		must(t, err)
		par := parametrizationOf(space)
		got, err := b.Memory(&sensing.Problem{Ensemble: e}, solver.Batch{
			Parametrization: par, FactorRanks: []int{r}, Needs: solver.Needs{Slots: 1},
			Metrics: solver.MetricsOf(space, par, true, solver.Measured{FactorRank: r, Rank: r}),
		})
		must(t, err)
		// Each entry is in two rows, or in a row and a column: a column, a measurement and a value. Three
		// slots of factors; observations, values and residuals.
		n1, n2 := space.Dims()
		if space == (sensing.Sym{N: n}) {
			n2 = 0 // one matrix
		}
		least := 2*m*(4+4+8) + 3*8*r*float64(n1+n2) + 3*8*m
		t.Logf("%v: %.3g GB, of which %.3g for entries and factors", space, got/1e9, least/1e9)
		if got < least || got > 40e9 {
			t.Errorf("%v: %.3g GB are planned", space, got/1e9)
		}
	}
}

// TestSampledBorrows: a plan counts the columns of a spectral estimate that multiplies blocks of vectors.
func TestSampledBorrows(t *testing.T) {
	const n, r = 520, 2
	e, err := sensing.NewCompletion(sensing.Sym{N: n}, 9000, 1)
	must(t, err)
	truth, err := sensing.NewTruth(n, r, 1, 1)
	must(t, err)
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	device := emulator.New(emulator.Config{})
	var most int64
	var allocs int
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	b.Connect = func() (driver.Device, error) { return counting{device, &most, &allocs}, nil }
	foretold, err := b.Memory(p, batch(r))
	must(t, err)
	opened, err := b.Open(context.Background(), p, batch(r))
	must(t, err)
	defer func() { must(t, opened.Close()) }()
	_, err = solver.NewSpectralEstimate(e, opened.(solver.ProductEngine), r)
	must(t, err)
	const borrowed = 8 * 3 * n * (r + 2)
	if float64(most) > foretold || float64(most) < foretold-borrowed {
		t.Errorf("%d bytes were taken at most, and %.0f foretold", most, foretold)
	}
}

// TestSampledRefused: arithmetic other than f64 is refused, so that another device may take the run.
func TestSampledRefused(t *testing.T) {
	p := uneven(t, sensing.Sym{N: 9})
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F32)
	_, err := b.Memory(p, batch(2))
	if !errors.Is(err, solver.ErrUnsupported) ||
		!strings.HasPrefix(err.Error(), "GPUs compute with completion measurements in f64 alone, ") {
		t.Errorf("f32: %v", err)
	}
}

// TestSampledInterrupted: an interrupt stops the layout of entries.
func TestSampledInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	if _, err := b.Open(ctx, uneven(t, sensing.Sym{N: 9}), batch(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// TestSampledTraffic compares a step with the counts of docs/kernels.md, to the byte and to the sector: the
// row of each entry's column is gathered once, all of R in whole sectors, and little else is read.
func TestSampledTraffic(t *testing.T) {
	for _, space := range unevenSpaces {
		for _, c := range []struct {
			r    int
			most float64 // most bytes of sectors for each byte of the gathers
		}{{10, 1.3}, {12, 1.3}, {16, 1}, {20, 1.3}, {32, 1}, {33, 1.3}, {64, 1}, {100, 1.3}, {300, 1.3}} {
			t.Run(fmt.Sprint(space, "/r=", c.r), func(t *testing.T) {
				t.Parallel()
				p := uneven(t, space)
				opened := emulator.New(emulator.Config{})
				b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
				b.Connect = func() (driver.Device, error) { return opened, nil }
				e, err := b.Open(context.Background(), p, batchOf(parametrizationOf(space), c.r))
				must(t, err)
				defer func() { must(t, e.Close()) }()
				must(t, e.Set(0, solver.Iterate, factorOf(t, space, c.r, 1)))
				must(t, descend(e, 0, 0.01)) // which makes the values and the list of members
				opened.ResetTraffic()
				must(t, e.Gradient(0))

				o := sampledOf(e)
				rows, cols := o.ensemble.Positions()
				n1, n2 := space.Dims()
				list, other := [2][]int32{rows, cols}, [2][]int32{cols, rows}
				sides := []*segmented{segment(n1, list), segment(n2, other)}
				if o.symmetric {
					sides = []*segmented{segment(n1, list, other)}
				}
				var want counted
				launches, long := 0, 0
				ends, err := e.(*engine).part(0)
				must(t, err)
				for i, s := range sides {
					l, r := ends.l, ends.r
					if i == 1 {
						l, r = r, l
					}
					want.add(s, c.r, int(l%32), int(r%32))
					if launches++; len(s.firsts) > 1 {
						long++
					}
				}
				at, _ := slices.BinarySearch(kernels.SampledWidths, c.r)
				got := opened.Traffic(fmt.Sprint("sampled_", kernels.SampledWidths[at]))
				added := opened.Traffic("sampled_segments")
				if int(got.Launches) != launches || int(added.Launches) != long {
					t.Errorf("%d and %d launches, want %d and %d",
						got.Launches, added.Launches, launches, long)
				}
				if entries := int64(2*len(rows) - o.onTheDiagonal()); want.gathered != entries*int64(8*c.r) {
					t.Errorf("%d bytes are gathered for %d entries", want.gathered, entries)
				}
				if got.GlobalLoaded != want.gathered+want.rest {
					t.Errorf("%d bytes were loaded, want %d gathered and %d of the rest",
						got.GlobalLoaded, want.gathered, want.rest)
				}
				if got.LoadSectors != want.gatheredSectors+want.restSectors {
					t.Errorf("%d sectors were loaded, want %d for gathers and %d for the rest",
						got.LoadSectors, want.gatheredSectors, want.restSectors)
				}
				ratio := float64(32*want.gatheredSectors) / float64(want.gathered)
				t.Logf("%d entries, %d instructions, %.3f bytes of sectors for a byte gathered",
					len(rows), got.Instructions, ratio)
				if ratio > c.most {
					t.Errorf("%.3f bytes of sectors are read for each byte of the gathers, more than %v", ratio, c.most)
				}
			})
		}
	}
}

// onTheDiagonal counts the entries that are in one row only.
func (o *sampledOperator) onTheDiagonal() (count int) {
	rows, cols := o.ensemble.Positions()
	for k := range rows {
		if o.symmetric && rows[k] == cols[k] {
			count++
		}
	}
	return count
}

// counted are the bytes and sectors that sampled_… should load.
type counted struct{ gathered, rest, gatheredSectors, restSectors int64 }

// add counts a launch of one member, whose L and R begin so many bytes after the beginning of a sector.
func (n *counted) add(s *segmented, r, left, right int) {
	sectors := func(from, to int) int64 { return int64((to-1)/32 - from/32 + 1) }
	warps, width := 1, blocks(r, 32)*32 // of a segment, and columns in requests
	if r <= 16 {
		width = 1
		for width < r {
			width *= 2
		}
	}
	if r > 256 {
		warps = blocks(r, 256)
	}
	each := max(32/width, 1) // entries of a request
	for at, row := range s.rows {
		// All lanes of a warp ask for the same four words about the member, two ends and a row.
		n.rest += int64(warps*32*(8+8+4+8+4+4+4)) + int64(8*r*each) // each entry's lanes have L_i
		n.restSectors += int64(warps * 7)
		for c := 0; c < r; c += 32 {
			n.restSectors += sectors(left+8*(r*int(row)+c), left+8*(r*int(row)+min(c+32, r)))
		}
		for first := int(s.begin[at]); first < int(s.begin[at+1]); first += 32 {
			end := min(first+32, int(s.begin[at+1]))
			n.rest += int64(warps * 12 * (end - first))
			n.restSectors += int64(warps) * (sectors(4*first, 4*end) + sectors(8*first, 8*end))
			for q := first; q < end; q += each {
				for c := 0; c < r; c += 32 {
					seen := map[int]bool{}
					for _, j := range s.columns[q:min(q+each, end)] {
						from, to := right+8*(r*int(j)+c), right+8*(r*int(j)+min(c+32, r))
						n.gathered += int64(to - from)
						for sector := from / 32; sector <= (to-1)/32; sector++ {
							seen[sector] = true
						}
					}
					n.gatheredSectors += int64(len(seen))
				}
			}
		}
	}
}

// TestSampledInstructions counts the instructions of a warp for each entry, in rows of 75 entries: the
// numbers of docs/kernels.md, rounded up.
func TestSampledInstructions(t *testing.T) {
	space := sensing.Sym{N: 75}
	for _, c := range []struct{ r, most int }{{1, 4}, {5, 11}, {10, 22}, {32, 45}, {256, 83}} {
		e, err := sensing.NewCompletion(space, space.K(), 1)
		must(t, err)
		opened := emulator.New(emulator.Config{})
		b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
		b.Connect = func() (driver.Device, error) { return opened, nil }
		p := &sensing.Problem{Ensemble: e, Observations: make([]float64, space.K())}
		engine, err := b.Open(context.Background(), p, batch(c.r))
		must(t, err)
		must(t, engine.Set(0, solver.Iterate, factorOf(t, space, c.r, 1)))
		must(t, engine.Gradient(0))
		at, _ := slices.BinarySearch(kernels.SampledWidths, c.r)
		got := opened.Traffic(fmt.Sprint("sampled_", kernels.SampledWidths[at])).Instructions
		each := float64(got) / float64(space.N*space.N)
		if each > float64(c.most) || each < float64(c.most-1) {
			t.Errorf("r = %d: %.2f instructions for each entry, want nearly %d", c.r, each, c.most)
		}
		must(t, engine.Close())
	}
}
