package gpu

import (
	"context"
	"errors"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// traced is the ensemble of one measurement, A₁ = I: the trace of an n × n matrix.
type traced struct{ n int }

func (traced) Name() string           { return "traced" }
func (e traced) Space() sensing.Space { return sensing.Sym{N: e.n} }
func (traced) Measurements() int      { return 1 }
func (e traced) problem() (*sensing.Problem, error) {
	truth, err := sensing.NewTruth(e.n, 2, 1, 1)
	return &sensing.Problem{Ensemble: e, Truth: truth}, err
}

// traceOperator goes directly from U to G·U = res·U, with kernels that do not depend on measurements. It has
// no coordinates and takes one number for each member.
type traceOperator struct {
	*device
	n, members int
	res        driver.Pointer
}

func planTrace(r request) (operator, error) {
	return &traceOperator{n: r.ensemble.(traced).n, members: len(r.shapes)}, nil
}

func (o *traceOperator) buffers() []buffer {
	return []buffer{{"residuals", int64(o.members) * 8, &o.res}}
}

func (*traceOperator) listBytes() int64 { return 0 }

func (*traceOperator) smaller() []alternative { return nil }

func (*traceOperator) kernels() []string { return []string{"sum_squares"} }

func (o *traceOperator) fill(ctx context.Context, d *device) error {
	o.device = d
	return ctx.Err()
}

func (o *traceOperator) contract(y driver.Pointer, parts []part) error {
	for i, p := range parts {
		at, count := o.res+driver.Pointer(8*i), o.n*p.cols
		if err := o.sumSquares(at, p.l, count, 1, squaredLoss); err != nil { // ⟨I, UUᵀ⟩
			return err
		}
		if err := o.combine(at, at, y, 1, -1, 1); err != nil {
			return err
		}
		var res [1]float64
		if err := o.downloadNumbers(res[:], at); err != nil {
			return err
		}
		for _, to := range p.pulls {
			if err := o.combine(to.dst, to.x, to.x, to.scale*res[0], 0, count); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *traceOperator) squares(dst []float64) error {
	err := o.downloadNumbers(dst, o.res)
	for i, res := range dst {
		dst[i] = res * res
	}
	return err
}

func (o *traceOperator) apply(p, l, _ driver.Pointer, cols int) error {
	return o.sumSquares(p, l, o.n*cols, 1, squaredLoss)
}

func (o *traceOperator) adjointMul(
	dst, w driver.Pointer, _ bool, x driver.Pointer, cols int,
) error {
	var weight [1]float64
	if err := o.downloadNumbers(weight[:], w); err != nil {
		return err
	}
	return o.combine(dst, x, x, weight[0], 0, o.n*cols)
}

// TestStructured: the engine works with an operator that has neither rows nor coordinates, and allocates no
// memory for them.
func TestStructured(t *testing.T) {
	const n = 7
	ranks := []int{1, 2, 5}
	ensemble := traced{n}
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	p, err := ensemble.problem()
	must(t, err)
	if _, err := b.Memory(p, batch(ranks...)); !errors.Is(err, solver.ErrUnsupported) {
		t.Errorf("the error of an ensemble that has no operator is %v", err)
	}
	r, err := newRequest(b, ensemble, batch(ranks...))
	must(t, err)
	r.plan = planTrace
	e, err := engineFor(r)
	must(t, err)
	emulated := emulator.New(emulator.Config{})
	e.device = &device{Device: drivertest.Guard(t, emulated)}
	must(t, e.open(context.Background(), p))

	x := p.Truth.X()
	y := mat.Norm(x, 2) * mat.Norm(x, 2)
	backendtest.Close(t, "y", e.Observations(), []float64{y}, 1e-14)
	var losses, want [3]float64
	for i, rank := range ranks {
		start := solver.Random{Alpha: 1, Seed: uint64(i)}
		u, err := start.Factor([]solver.Shape{{Rows: n, Cols: rank}}, nil)
		must(t, err)
		must(t, e.Set(i, solver.Iterate, u))
		must(t, e.Gradient(i)) // so that Losses must compute the others again
		res := mat.Norm(u[0], 2)*mat.Norm(u[0], 2) - y
		want[i] = res * res / 4
		got := solver.Factor{mat.NewDense(n, rank, nil)}
		must(t, e.Get(i, solver.Gradient, got))
		u[0].Scale(res, u[0])
		backendtest.Close(t, "∇f(U)", got[0].RawMatrix().Data, u[0].RawMatrix().Data, 1e-13)
	}
	must(t, e.Losses(losses[:], 0, 1, 2))
	backendtest.Close(t, "f(U)", losses[:], want[:], 1e-13)
	var product, thrice mat.Dense
	product.CloneFrom(x)
	must(t, e.AdjointMul(&product, []float64{-3}, false, x))
	thrice.Scale(-3, x)
	if !mat.Equal(&product, &thrice) {
		t.Errorf("−3·I·X is\n%v", mat.Formatted(&product))
	}
	must(t, e.Close())
	if live := emulated.Live(); live != 0 {
		t.Errorf("%d bytes are live after Close", live)
	}
}
