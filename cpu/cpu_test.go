package cpu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/simd"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestBackend runs the suite with every instruction set, storage and precision. In short mode, for a race
// detector or an emulator, sizes are small.
func TestBackend(t *testing.T) {
	for at, simd := range available() {
		for _, b := range []Backend{
			{Storage: solver.Memory, Workers: 3, SIMD: simd},
			{Storage: solver.Generated, Workers: 2, SIMD: simd},
		} {
			name := fmt.Sprintf("%s/%s", simd, b.Storage)
			// Generated rows go through the loops of rows in memory, with the same bits (TestSameBits).
			generated := b.Storage == solver.Generated
			t.Run(name, func(t *testing.T) {
				backendtest.Suite{Small: testing.Short(), Brief: generated && at > 0}.Run(t, b)
			})
			single := backendtest.Suite{Single: true, Small: testing.Short(), Brief: generated}
			b.Precision = solver.F32
			t.Run(name+"/f32", func(t *testing.T) { single.Run(t, b) })
			b.Precision = solver.Mixed
			t.Run(name+"/mixed", func(t *testing.T) { single.Run(t, b) })
		}
	}
}

// TestChoices: instruction sets that the machine lacks, and unknown choices, are refused before anything is
// made.
func TestChoices(t *testing.T) {
	e, err := sensing.NewRademacher(sensing.Sym{N: 3}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Observations: make([]float64, 2)}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	for _, simd := range []SIMD{"", Auto, AVX512, AVX2, NEON, Off, "sse"} {
		want := simd == "" || simd == Auto || slices.Contains(available(), simd)
		_, err := Backend{SIMD: simd}.Memory(p, batch)
		if (err == nil) != want {
			t.Errorf("simd %q: Memory says %v", simd, err)
		}
		engine, err := Backend{SIMD: simd}.Open(context.Background(), p, batch)
		if (err == nil) != want {
			t.Errorf("simd %q: Open says %v", simd, err)
		}
		if err == nil {
			engine.Close()
		}
	}
	if _, err := (Backend{Precision: "f16"}).Memory(p, batch); err == nil {
		t.Error("precision f16 was taken")
	}
	t.Setenv(simd.Variable, "off")
	for _, s := range []SIMD{"", Auto} {
		if got, err := s.resolve(); got != Off || err != nil {
			t.Errorf("with %s=off, %q is %q, %v", simd.Variable, s, got, err)
		}
	}
	t.Setenv(simd.Variable, "mmx")
	if _, err := Auto.resolve(); err == nil {
		t.Errorf("%s=mmx was taken", simd.Variable)
	}
}

// TestSameBits: the storage of rows, the number of workers and the instruction set change no bit. The m rows
// make several chunks and a remainder.
func TestSameBits(t *testing.T) {
	const n, m, r = 23, 331, 9
	for name, e := range backendtest.Ensembles(t, n, m) {
		t.Run(name, func(t *testing.T) { sameBitsIn(t, solver.F64, e, n, r) })
		t.Run(name+"/f32", func(t *testing.T) { sameBitsIn(t, solver.F32, e, n, r) })
		t.Run(name+"/mixed", func(t *testing.T) { sameBitsIn(t, solver.Mixed, e, n, r) })
	}
}

func sameBitsIn(t *testing.T, precision solver.Precision, e sensing.Ensemble, n, r int) {
	var want solver.Factor
	var wantLoss float64
	for _, workers := range []int{1, 2, 5, 64} {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			for _, simd := range available() {
				b := Backend{Storage: storage, Workers: workers, SIMD: simd, Precision: precision}
				u, loss := steps(t, b, e, n, r)
				if want == nil {
					want, wantLoss = u, loss
				}
				if !mat.Equal(u[0], want[0]) || loss != wantLoss {
					t.Errorf("%d workers with rows in %s and simd %s differ from the first", workers, storage,
						simd)
				}
			}
		}
	}
}

// TestNoAllocations: a step allocates nothing, in any format, precision and storage, for one member and for
// two. The factors are so large that several workers share a multiplication.
func TestNoAllocations(t *testing.T) {
	const n, m, r = 80, 70, 170
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range backendtest.Ensembles(t, n, m) {
		for _, precision := range []solver.Precision{solver.F64, solver.F32, solver.Mixed} {
			for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
				for _, workers := range []int{1, 2} {
					b := Backend{Storage: storage, Workers: workers, Precision: precision}
					engine, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
						solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r, 3}})
					if err != nil {
						t.Fatal(err)
					}
					for _, members := range [][]int{{0}, {0, 1}} {
						got := testing.AllocsPerRun(20, func() {
							if err := engine.Gradient(members...); err != nil {
								t.Fatal(err)
							}
							for _, i := range members {
								err := engine.Combine(i, solver.Iterate, 1, solver.Iterate, -0.25,
									solver.Gradient)
								if err != nil {
									t.Fatal(err)
								}
							}
						})
						if got != 0 {
							t.Errorf("%s, %s, %s, %d workers, members %v: %v allocations in a step",
								name, precision, storage, workers, members, got)
						}
					}
					engine.Close()
				}
			}
		}
	}
}

// descend takes a step of gradient descent for member 0.
func descend(e solver.Engine, step float64) error {
	if err := e.Gradient(0); err != nil {
		return err
	}
	return e.Combine(0, solver.Iterate, 1, solver.Iterate, -step, solver.Gradient)
}

// steps takes five steps of gradient descent.
func steps(t *testing.T, b Backend, e sensing.Ensemble, n, r int) (solver.Factor, float64) {
	t.Helper()
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	u, err := solver.Random{Alpha: 0.1, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Set(0, solver.Iterate, u); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := descend(engine, 0.25); err != nil {
			t.Fatal(err)
		}
	}
	var loss [1]float64
	if err := engine.Losses(loss[:], 0); err != nil {
		t.Fatal(err)
	}
	if err := engine.Get(0, solver.Iterate, u); err != nil {
		t.Fatal(err)
	}
	return u, loss[0]
}

// TestSignsExactly: sums of signed small integers are exact in any order. So the kernels of signs, which flip
// bits and look up sums, must equal plain arithmetic to the bit, at every remainder of 32.
func TestSignsExactly(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 11, 16, 23} { // K = 1, 3, 28, 36, 66, 136, 276
		space := sensing.Sym{N: n}
		const m = 37
		e, err := sensing.NewRademacher(space, m, 5)
		if err != nil {
			t.Fatal(err)
		}
		o := options{solver.Memory, 2, available()[0], solver.F64, nil}
		op, err := newOperator(context.Background(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		z, w := make([]float64, space.K()), make([]float64, m)
		for k := range z {
			z[k] = float64(k%17 - 8)
		}
		for i := range w {
			w[i] = float64(i%5 - 2)
		}
		p, g := make([]float64, m), make([]float64, space.K())
		rows := op.(*rowOperator[sensing.SignWord, float64])
		rows.exact.dots(p, z)
		rows.exact.combine(g, w)
		for i := range m {
			row := backendtest.Row(e, i)
			var want float64
			for k, v := range row {
				want += v * z[k]
				g[k] -= v * w[i]
			}
			if p[i] != want {
				t.Errorf("n = %d: a_%d·z = %v, want %v", n, i, p[i], want)
			}
		}
		for k, v := range g {
			if v != 0 {
				t.Errorf("n = %d: (Aᵀw)_%d is off by %v", n, k, v)
			}
		}
	}
}

// TestOpenIsCanceled: a canceled context ends the making of rows with its error.
func TestOpenIsCanceled(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 20}, 1000, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Backend{}.Open(ctx, &sensing.Problem{Ensemble: e, Observations: make([]float64, 1000)},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
}

// TestMemory: stored rows dominate the estimate, and generated rows are not in it.
func TestMemory(t *testing.T) {
	const n, m = 200, 10_000
	k := sensing.Sym{N: n}.K()
	for name, e := range backendtest.Ensembles(t, n, m) {
		rows := float64(k) * m * float64(e.Entries().EntryBits()) / 8
		p := &sensing.Problem{Ensemble: e}
		batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{n}}
		stored, err := Backend{Storage: solver.Memory, Workers: 2}.Memory(p, batch)
		if err != nil {
			t.Fatal(err)
		}
		generated, err := Backend{Storage: solver.Generated, Workers: 2}.Memory(p, batch)
		if err != nil {
			t.Fatal(err)
		}
		if !(stored >= rows && stored <= rows+20e6 && generated <= 20e6) {
			t.Errorf("%s: %.3g bytes of rows, estimated %.3g stored and %.3g generated", name, rows, stored,
				generated)
		}
	}
}

// TestGeneratedIsFaster: rows of normal deviates are never faster to generate, nor are rows that no backend
// can make. The other formats are measured, even with few rows.
func TestGeneratedIsFaster(t *testing.T) {
	for name, e := range backendtest.Ensembles(t, 5, 3) {
		faster := Backend{}.GeneratedIsFaster(e)
		if faster && e.Entries() != sensing.Q8 && e.Entries() != sensing.Signs {
			t.Errorf("%s is reported to be faster to generate than to read", name)
		}
	}
	if (Backend{SIMD: "sse"}).GeneratedIsFaster(nil) {
		t.Error("a backend that cannot open anything reports that generating is faster")
	}
}

type strange struct{ sensing.Ensemble }

func (strange) Name() string { return "strange" }

// TestUnknownEnsemble: an ensemble of no known kind is refused by name.
func TestUnknownEnsemble(t *testing.T) {
	e, err := sensing.NewRademacher(sensing.Sym{N: 3}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: strange{e}, Observations: make([]float64, 2)}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	_, err = Backend{}.Open(context.Background(), p, batch)
	want := "the cpu cannot read the rows of the ensemble strange"
	if !errors.Is(err, solver.ErrUnsupported) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Backend{}.Memory(p, batch)
	want = "the cpu has no code for the ensemble strange"
	if !errors.Is(err, solver.ErrUnsupported) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestSameBitsEverywhere: a trajectory has the same bits on every processor that Go runs on. The checksums
// were made on amd64. They guard that arm64, on which Go may fuse multiplications with additions, gives the
// same bits, and that no later change alters results unnoticed.
func TestSameBitsEverywhere(t *testing.T) {
	const n, m, r = 23, 331, 9
	want := map[string]string{
		"gaussian-bf16 f32":   "49fb9ec93fb43cb2",
		"gaussian-bf16 f64":   "733a4f275a56bf7c",
		"gaussian-bf16 mixed": "b800e4d5423574dc",
		"gaussian-f32 f32":    "93c9a36b9f34c607",
		"gaussian-f32 f64":    "b1494d305f7d9b4d",
		"gaussian-f32 mixed":  "c40207071c5cba58",
		"gaussian-f64 f32":    "582e0d4d2ca1e10a",
		"gaussian-f64 f64":    "e2f651941f10fbd1",
		"gaussian-f64 mixed":  "5103747eef84ab2b",
		"gaussian-q8 f32":     "70384b4bc3f30c29",
		"gaussian-q8 f64":     "92609e8bcd509c99",
		"gaussian-q8 mixed":   "9160275858bba46f",
		"rademacher f32":      "224073c453442fb4",
		"rademacher f64":      "ea78fdc863d59e76",
		"rademacher mixed":    "378c721b4cec71ff",
	}
	for name, e := range backendtest.Ensembles(t, n, m) {
		for _, precision := range []solver.Precision{solver.F64, solver.Mixed, solver.F32} {
			u, loss := steps(t, Backend{Precision: precision}, e, n, r)
			key := fmt.Sprintf("%s %s", name, precision)
			if got := checksum(t, append(slices.Clone(u[0].RawMatrix().Data), loss)); got != want[key] {
				t.Errorf("%q: %q, want %q", key, got, want[key])
			}
		}
	}
}

// checksum is a checksum of the bits of numbers.
func checksum(t *testing.T, numbers []float64) string {
	t.Helper()
	h := fnv.New64a()
	if err := binary.Write(h, binary.LittleEndian, numbers); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
