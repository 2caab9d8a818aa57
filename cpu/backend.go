package cpu

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/matsense/matsense/internal/parallel"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Backend opens engines on the host.
type Backend struct {
	// Storage is where measurements are kept; empty is [solver.Memory]. User data always stay in memory.
	Storage solver.Storage
	// Workers is the number of goroutines that share the rows; 0 is one for each available core.
	Workers int
	// SIMD is the instruction set; empty is Auto. If it is Auto or empty, and the environment variable
	// MATSENSE_SIMD is set, the variable chooses.
	SIMD SIMD
	// Precision is the arithmetic of the gradient; empty is [solver.F64].
	Precision solver.Precision
}

var _ solver.Backend = Backend{}

// Name implements solver.Backend.
func (Backend) Name() string { return "cpu" }

// Device implements solver.Backend.
func (b Backend) Device() string {
	simd, err := b.SIMD.resolve()
	if err != nil {
		simd = b.SIMD
	}
	return fmt.Sprintf("%s, %d workers, simd %s", runtime.GOARCH, parallel.Workers(b.Workers), simd)
}

// Offers implements solver.Backend.
func (Backend) Offers() solver.Needs {
	return solver.Needs{
		Gradient: true, Draws: true, Values: true, Random: true, Products: true, Inverses: true,
		AnyLoss: true, Entrywise: true,
	}
}

// MixedIsFaster reports whether steps over the rows of an ensemble take less time in [solver.Mixed] than in
// f64. Steps over entries of 32 bits and more wait for memory in either precision. In plain Go steps take
// longer in mixed precision, because it emulates fused multiply-adds of singles.
func (b Backend) MixedIsFaster(e sensing.Ensemble) bool {
	rows, is := e.(sensing.Rows)
	simd, err := b.SIMD.resolve()
	return is && err == nil && simd != Off && rows.Entries().EntryBits() < 32
}

// Memory implements solver.Backend.
func (b Backend) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	o, err := b.options()
	if err != nil {
		return 0, err
	}
	if err := o.checkMixed(batch); err != nil {
		return 0, err
	}
	e := p.Ensemble
	space := e.Space()
	bytes := 8 * 2 * float64(e.Measurements()) // y and the noise
	if batch.Needs.Draws {
		bytes += 8 * 2 * float64(e.Measurements()) // values and weights
	}
	bytes += batch.Metrics.Bytes(len(batch.FactorRanks))
	k, err := kindOf(e)
	if err != nil {
		return 0, solver.Unsupportedf("the cpu has no code for the ensemble %s", e.Name())
	}
	bytes += k.bytes(o, batch)
	if _, layered := batch.Parametrization.(solver.Layered); layered {
		bytes += projectionBytes(space, o, batch.FactorRanks)
	}
	gram, largest := 0.0, 0.0
	for _, r := range batch.FactorRanks {
		shapes, err := batch.Parametrization.Shapes(space, r)
		if err != nil {
			return 0, err
		}
		numbers := 0.0
		for _, s := range shapes {
			numbers += float64(s.Rows) * float64(s.Cols)
			const measuring = 9 // copies of the factor for measuring, saving and preconditioning
			slots := float64(int(solver.MethodSlot) + batch.Needs.Slots + measuring)
			bytes += 8 * slots * float64(s.Rows) * float64(s.Cols)
			gram = max(gram, float64(s.Cols)*float64(s.Cols))
		}
		largest = max(largest, numbers)
	}
	bytes += 8 * float64(e.Measurements()) * float64(batch.Needs.Vectors) * float64(len(batch.FactorRanks))
	if batch.Needs.Values {
		bytes += evaluateBytes(e, largest)
	}
	return bytes + 8*4*gram, nil // the Gram matrix: itself, its panels, and two copies while it is inverted
}

// options are the settings of a Backend with all defaults resolved.
type options struct {
	storage   solver.Storage
	workers   int
	simd      SIMD
	precision solver.Precision
	stop      *interruption // of an engine's passes; nil outside an engine
}

func (b Backend) options() (options, error) {
	o := options{storage: b.Storage, workers: parallel.Workers(b.Workers), precision: b.Precision}
	switch b.Precision {
	case "":
		o.precision = solver.F64
	case solver.F64, solver.F32, solver.Mixed:
	default:
		return o, fmt.Errorf("cpu: precision must be f64, mixed or f32, got %q", b.Precision)
	}
	var err error
	o.simd, err = b.SIMD.resolve()
	return o, err
}

// checkMixed refuses mixed precision for methods that step without the full gradient, and for losses other
// than the squared one. Steps of the former do not use anchors: only measuring the loss computes full
// gradients and may renew an anchor. A resumed run measures at the step of its interruption too, so its
// anchors would differ. Of the latter the gradient is not affine in Z, as anchors need it to be.
func (o options) checkMixed(batch solver.Batch) error {
	switch {
	case o.precision != solver.Mixed:
	case batch.Needs.Partial():
		return errors.New("cpu: methods that step without the full gradient compute in f64, " +
			"not in mixed precision")
	case !batch.SquaredAlone():
		return errors.New("cpu: gradients of other losses than the squared one are computed in f64 or f32, " +
			"not in mixed precision")
	}
	return nil
}

// Open implements solver.Backend.
func (b Backend) Open(ctx context.Context, p *sensing.Problem, batch solver.Batch) (solver.Engine, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	if err := o.checkMixed(batch); err != nil {
		return nil, err
	}
	o.stop = &interruption{ctx.Err}
	e, err := newEngine(p, batch, o)
	if err != nil {
		return nil, err
	}
	e.operator, err = newOperator(ctx, p.Ensemble, o)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.observe(p); err != nil {
		return nil, err
	}
	if err := e.anchorAtTruth(p.Truth); err != nil {
		return nil, err
	}
	o.stop.ask = batch.Interrupted
	return e, nil
}
