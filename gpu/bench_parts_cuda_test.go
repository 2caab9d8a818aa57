//go:build cuda

package gpu

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// benchPart is a line of the table of parts: what docs/kernels.md counts or estimates besides contractions.
type benchPart struct {
	name    string
	n, m, r int // with -cuda.tiny at most 8, 60 and 3
	// rect says that the matrices are n × n and not symmetric.
	rect  bool
	par   solver.Parametrization // nil is UUᵀ
	needs solver.Needs
	// counts is what docs/kernels.md counts.
	counts func(n, m, r float64) amounts
	// do returns the operation; nil is a step of gradient descent.
	do func(e *engine) func(i int) error
}

// benchParts is the table. All rows have f32 entries, and all arithmetic is f64. To measure another part, add
// a line.
var benchParts = []benchPart{
	{name: "step-bound-by-launches", n: 50, m: 2500, r: 50,
		counts: func(n, m, _ float64) amounts { return amounts{bytes: rowBytes(n, m), launches: 6} }},
	{name: "mini-batch-100", n: 200, m: 10_000, r: 200, needs: solver.Needs{Draws: true},
		counts: func(n, _, _ float64) amounts { return amounts{bytes: rowBytes(n, 100), launches: 9} },
		do:     func(e *engine) func(int) error { return draws(e, 100) }},
	{name: "mini-batch-1000", n: 200, m: 10_000, r: 200, needs: solver.Needs{Draws: true},
		counts: func(n, _, _ float64) amounts { return amounts{bytes: 4 * rowBytes(n, 1000), launches: 9} },
		do:     func(e *engine) func(int) error { return draws(e, 1000) }},
	{name: "values-of-8-points", n: 200, m: 10_000, r: 200, needs: solver.Needs{Values: true, Slots: 1},
		counts: func(n, m, _ float64) amounts { return amounts{bytes: 2 * rowBytes(n, m), launches: 4} },
		do: func(e *engine) func(int) error {
			points, values := slices.Repeat([]solver.Slot{solver.Iterate}, 8), make([]float64, 8)
			return func(int) error { return e.Evaluate(values, 0, points...) }
		}},
	{name: "lift", n: 200, m: 100, r: 200,
		counts: func(n, _, r float64) amounts { return amounts{doubles: n * n * r / 2, launches: 1} },
		do:     lifts},
	{name: "lift", n: 1000, m: 100, r: 1000,
		counts: func(n, _, r float64) amounts { return amounts{doubles: n * n * r / 2, launches: 1} },
		do:     lifts},
	{name: "pullback", n: 200, m: 100, r: 200,
		counts: func(n, _, r float64) amounts { return amounts{doubles: n * n * r, launches: 1} },
		do:     pulls},
	{name: "pullback", n: 1000, m: 100, r: 1000,
		counts: func(n, _, r float64) amounts { return amounts{doubles: n * n * r, launches: 1} },
		do:     pulls},
	{name: "signs", n: 1000, m: 100, r: 1000, needs: solver.Needs{Random: true},
		counts: func(n, _, r float64) amounts {
			return amounts{bytes: 8 * n * r, instructions: 148 * n * r, launches: 1}
		},
		do: func(e *engine) func(int) error {
			stream := sensing.NewStream(1, 1)
			return func(i int) error { return e.Signs(0, solver.Gradient, stream, uint64(i)) }
		}},
	{name: "normals", n: 1000, m: 100, r: 1000, needs: solver.Needs{Random: true},
		counts: func(n, _, r float64) amounts {
			return amounts{bytes: 8 * n * r, instructions: 110 * n * r, launches: 1}
		},
		do: func(e *engine) func(int) error {
			stream := sensing.NewStream(1, 1)
			return func(i int) error { return e.Normals(0, solver.Gradient, stream, uint64(i)) }
		}},
	{name: "precondition", n: 200, m: 100, r: 200, needs: solver.Needs{Inverses: true, Slots: 1},
		counts: func(n, _, r float64) amounts {
			return amounts{doubles: n*r*r + r*r*r/6 + n*r*r, launches: 16}
		},
		do: func(e *engine) func(int) error {
			return func(int) error {
				err := e.Precondition(0, solver.MethodSlot, solver.Gradient, 1e-3)
				return errors.Join(err, e.settle(0)) // members wait for each other
			}
		}},
	{name: "step-uv", n: 200, m: 5000, r: 200, rect: true, par: solver.UV{},
		counts: func(n, m, r float64) amounts {
			return amounts{bytes: 4 * n * n * m, doubles: 2*n*n*m + 3*n*n*r, launches: 8}
		}},
	{name: "step-indefinite", n: 200, m: 10_000, r: 200, par: solver.Indefinite{},
		counts: func(n, m, r float64) amounts {
			return amounts{bytes: rowBytes(n, m), doubles: n*(n+1)*m + 3*n*n*r, launches: 8}
		}},
	{name: "step-deep-3", n: 200, m: 5000, r: 5, rect: true, par: solver.Deep{Depth: 3},
		counts: func(n, m, _ float64) amounts {
			return amounts{bytes: 4 * n * n * m, doubles: 2 * n * n * m, launches: 15}
		}},
	{name: "projected-squares", n: 100, m: 10_000, r: 5, rect: true, par: solver.Deep{Depth: 3},
		counts: func(n, m, r float64) amounts { // of both sides, r ≤ 16
			return amounts{bytes: 4 * n * n * m, doubles: m*n*n*r + m*n*r*r, launches: 1}
		},
		do: func(e *engine) func(int) error {
			b, c := ones(e.n1, e.cols(0)), ones(e.n2, e.cols(0))
			return func(int) error { _, err := e.ProjectedSquares(b, c); return err }
		}},
	{name: "upload", n: 1000, m: 100, r: 1000,
		counts: func(n, _, r float64) amounts { return amounts{exchanged: 8 * n * r} },
		do: func(e *engine) func(int) error {
			data := make([]byte, 8*e.n1*e.cols(0))
			return func(int) error { return e.device.Upload(e.slot(0, solver.Iterate), data) }
		}},
	{name: "download", n: 1000, m: 100, r: 1000,
		counts: func(n, _, r float64) amounts { return amounts{exchanged: 8 * n * r} },
		do: func(e *engine) func(int) error {
			data := make([]byte, 8*e.n1*e.cols(0))
			return func(int) error { return e.device.Download(data, e.slot(0, solver.Iterate)) }
		}},
}

// rowBytes is the size of m rows of f32 entries of symmetric n × n matrices.
func rowBytes(n, m float64) float64 { return 4 * m * n * (n + 1) / 2 }

func ones(rows, cols int) *mat.Dense {
	return mat.NewDense(rows, cols, slices.Repeat([]float64{1}, rows*cols))
}

// draws makes gradients of mini-batches.
func draws(e *engine, size int) func(int) error {
	batches := solver.MiniBatches{Size: min(size, e.m/2), Seed: 1}
	return func(i int) error {
		return e.DrawGradient(0, solver.Draw{Rows: batches.Rows(uint64(i), e.m)})
	}
}

// lifts takes the iterate to coordinates.
func lifts(e *engine) func(int) error {
	u := e.slot(0, solver.Iterate)
	return func(int) error {
		return rowsOf(e).liftAll(solver.F64, []part{{l: u, r: u, cols: e.cols(0)}})
	}
}

// pulls takes coordinates to the gradient.
func pulls(e *engine) func(int) error {
	to := []pull{{false, e.slot(0, solver.Iterate), 1, e.slot(0, solver.Gradient)}}
	return func(int) error {
		return rowsOf(e).pullAll(solver.F64, []part{{cols: e.cols(0), pulls: to}})
	}
}

// BenchmarkCUDAParts times the parts of the table, and steps of several GPUs that share rows.
func BenchmarkCUDAParts(b *testing.B) {
	began := time.Now()
	for _, p := range benchParts {
		if *benchTiny {
			p.n, p.m, p.r = min(p.n, 8), min(p.m, 60), min(p.r, 3)
		}
		b.Run(fmt.Sprintf("%s/n=%d/m=%d/r=%d", p.name, p.n, p.m, p.r), func(b *testing.B) { p.run(b, began) })
	}
	gpus, err := cuda.Devices()
	check(b, err)
	for count := 1; count <= len(gpus) && len(gpus) > 1; count++ {
		if Sharing(count) == count {
			benchCards(b, gpus[:count], began)
		}
	}
}

// run times a part.
func (p benchPart) run(b *testing.B, began time.Time) {
	if time.Since(began) > *benchUntil {
		b.Skip("out of time")
	}
	var space sensing.Space = sensing.Sym{N: p.n}
	if p.rect {
		space = sensing.Rect{N1: p.n, N2: p.n}
	}
	e, err := sensing.NewGaussian(space, p.m, sensing.F32, 1)
	check(b, err)
	batch := solver.Batch{Parametrization: p.par, FactorRanks: []int{p.r}, Needs: p.needs}
	if p.par == nil {
		batch.Parametrization = solver.PSD{}
	}
	backend := onGPU(b, solver.Memory, solver.F64, unguarded)
	problem := &sensing.Problem{Ensemble: e, Observations: make([]float64, p.m)}
	opened, all := openBench(b, backend, problem, batch)
	defer opened.Close()
	r := rates{backend.Info, copyRate(b, opened.device), launchTimeOf(b, opened)}
	if p.do == nil {
		timeSteps(b, opened, all)
	} else {
		repeat(b, opened.device, p.do(opened))
	}
	reportFloors(b, r.floors(p.counts(float64(p.n), float64(p.m), float64(p.r))))
}

// benchCards times steps of GPUs that share the rows.
func benchCards(b *testing.B, gpus []driver.Info, began time.Time) {
	n, m, r := 1000, 10_000, 10
	if *benchTiny {
		n, m, r = 8, 61, 3
	}
	b.Run(fmt.Sprintf("step-of-%d-gpus/n=%d/m=%d/r=%d", len(gpus), n, m, r), func(b *testing.B) {
		if time.Since(began) > *benchUntil {
			b.Skip("out of time")
		}
		backend := onGPU(b, solver.Memory, solver.F64, unguarded)
		for _, g := range gpus[1:] {
			backend.Others = append(backend.Others, Card{g, func() (driver.Device, error) {
				return cuda.Open(g.Index)
			}})
		}
		ensemble, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F32, 1)
		check(b, err)
		problem := &sensing.Problem{Ensemble: ensemble, Observations: make([]float64, m)}
		batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{r}}
		e, all := openBench(b, backend, problem, batch)
		defer e.Close()
		rates := rates{backend.Info, copyRate(b, e.device), launchTimeOf(b, e)}
		timeSteps(b, e, all)
		share := float64(blocks(chunkParts, len(gpus))) / chunkParts
		reportFloors(b, rates.floors(amounts{
			bytes: share * rowBytes(float64(n), float64(m)), exchanged: backend.exchanged(ensemble),
		}))
	})
}
