package cpu

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Storage says where an ensemble's rows are. It changes time and space, never a bit of the result.
type Storage string

// The storages.
const (
	Memory    Storage = "memory"    // all rows lie in memory
	Generated Storage = "generated" // each row is made from its counter when it is needed
)

// Precision is the arithmetic of the gradient. Iterates, observations and the operator's own products are f64 in each.
type Precision string

// The precisions.
const (
	// F64 is double precision throughout.
	F64 Precision = "f64"
	// F32 has the coordinates z and g, residuals and every sum of the contraction in single precision, for comparison:
	// close to a solution p_i − y_i cancels, and the gradient's relative error grows like 1e-7 / distance.
	F32 Precision = "f32"
	// Mixed contracts the difference from an anchor, at which residuals and gradient are known in f64, in single precision:
	// the gradient's relative error stays below 1e-6 at every distance from the solution. See [anchor] for the rule by
	// which anchors are renewed, and for its derivation.
	Mixed Precision = "mixed"
)

// Backend opens engines on the host.
type Backend struct {
	// Storage says where rows are; empty is Memory. Rows that a user brought lie in memory whatever it says.
	Storage Storage
	// Workers is how many goroutines share the rows; 0 is one for each available core.
	Workers int
	// SIMD says which instructions to use; empty is Auto. Where it is Auto or empty, the environment variable
	// MATSENSE_SIMD chooses if it is set.
	SIMD SIMD
	// Precision is the arithmetic of the gradient; empty is F64.
	Precision Precision
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
	return fmt.Sprintf("%s, %d workers, simd %s", runtime.GOARCH, workerCount(b.Workers), simd)
}

// Memory implements solver.Backend.
func (b Backend) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	o, err := b.options()
	if err != nil {
		return 0, err
	}
	if err := o.checkPartial(batch); err != nil {
		return 0, err
	}
	e := p.Ensemble
	space := e.Space()
	bytes := 8 * 2 * float64(e.Measurements()) // y and the noise
	if batch.Partial {
		bytes += 8 * 2 * float64(e.Measurements()) // values and weights
	}
	switch e := e.(type) {
	case sensing.Rows:
		bytes += b.rowBytes(e, o, batch)
	case *sensing.Completion:
		bytes += sampledBytes(e)
	case *sensing.Pauli:
		bytes += pauliBytes(e)
	case *sensing.RankOne:
		bytes += vectorBytes(e, o, batch)
	default:
		return 0, fmt.Errorf("cpu: there is no code for the %s ensemble: %w", e.Name(), solver.ErrUnsupported)
	}
	if _, layered := batch.Parametrization.(solver.Layered); layered {
		bytes += projectionBytes(space, o, batch.Members)
	}
	gram, largest := 0.0, 0.0
	for _, member := range batch.Members {
		shapes, err := batch.Parametrization.Shapes(space, member.FactorRank)
		if err != nil {
			return 0, err
		}
		numbers := 0.0
		for _, s := range shapes {
			numbers += float64(s.Rows) * float64(s.Cols)
			const measuring = 9 // copies of the factor that measuring, saving and products need
			slots := float64(int(solver.OwnSlot) + batch.OwnSlots + measuring)
			bytes += 8 * slots * float64(s.Rows) * float64(s.Cols)
			gram = max(gram, float64(s.Cols)*float64(s.Cols))
		}
		largest = max(largest, numbers)
	}
	if batch.Partial {
		bytes += 8 * float64(e.Measurements()) * float64(len(batch.Members)) // shifts
		bytes += evaluateBytes(e, largest)
	}
	return bytes + 8*4*gram, nil // Precondition's: itself, in panels, and twice while it is inverted
}

// rowBytes is what rows take, and all that has a coordinate's number or two for each of them.
func (b Backend) rowBytes(e sensing.Rows, o options, batch solver.Batch) float64 {
	members := float64(len(batch.Members))
	n1, n2 := e.Space().Dims()
	k, m := float64(e.Space().K()), float64(e.Measurements())
	workers := float64(o.workers)
	bytes := 8 * 7 * float64(n1) * float64(n2) // products and their panels, the truth, the spectral estimate
	bytes += 8 * (2 + workers) * k * members   // z, g, accumulators
	if o.precision == Mixed {
		bytes += 8 * ((4+workers)*k + m) // of the pass in f64, and the truth as an anchor
		bytes += 8 * (2*k + m) * members // anchors
	}
	if batch.Partial {
		bytes += 8 * (1 + workers) * k // g and accumulators of a draw
	}
	row := k * float64(e.Entries().EntryBits()) / 8
	if _, brought := e.(sensing.RowsInMemory[float64]); brought || b.Storage != Generated {
		return bytes + row*m
	}
	return bytes + row*blockRows*workers
}

// options are a Backend's choices, made.
type options struct {
	storage   Storage
	workers   int
	simd      SIMD
	precision Precision
}

func (b Backend) options() (options, error) {
	o := options{storage: b.Storage, workers: workerCount(b.Workers), precision: b.Precision}
	switch b.Precision {
	case "":
		o.precision = F64
	case F64, F32, Mixed:
	default:
		return o, fmt.Errorf("cpu: precision must be f64, mixed or f32, got %q", b.Precision)
	}
	var err error
	o.simd, err = b.SIMD.resolve()
	return o, err
}

// checkPartial refuses mixed precision for methods that are [solver.Partial]: their steps have no use for anchors, and with a gradient
// where the loss is measured alone, a resumed run, which measures where it was interrupted, would have others.
func (o options) checkPartial(batch solver.Batch) error {
	if batch.Partial && o.precision == Mixed {
		return errors.New("cpu: methods that step without the full gradient are computed with in f64, not in mixed precision")
	}
	return nil
}

// Open implements solver.Backend.
func (b Backend) Open(ctx context.Context, p *sensing.Problem, batch solver.Batch) (solver.Engine, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	if err := o.checkPartial(batch); err != nil {
		return nil, err
	}
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
	e.anchorAtTruth(p.Truth)
	return e, nil
}
