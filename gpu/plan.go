package gpu

import (
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// LeastCapability is the major compute capability that all kernels run on.
const LeastCapability = 7

// mostBlocks is the largest number of blocks of a grid in its second and third dimension.
const mostBlocks = 65535

// request holds everything that an engine and its operator are planned from.
type request struct {
	backend  Backend // with the device's description and the user's choices
	ensemble sensing.Ensemble
	plan     func(r request) (operator, error) // the ensemble's operator
	scheme                                     // of the parametrization
	ranks    []int                             // the largest factor rank of each member
	slots    int                               // of each member, with the factor's shapes
	vectors  int                               // of each member, with m numbers
	needs    solver.Needs                      // of the members' methods, taken together
	shapes   [][]solver.Shape                  // the largest shapes of each member's factor
	metrics  solver.MetricSize                 // what the members' metrics take
	losses   losses                            // that members may have, each once
}

// newRequest checks everything that does not depend on the kind of ensemble.
func newRequest(b Backend, ensemble sensing.Ensemble, batch solver.Batch) (r request, err error) {
	r = request{
		backend: b, ensemble: ensemble,
		slots: int(solver.MethodSlot) + batch.Needs.Slots, vectors: batch.Needs.Vectors,
		ranks: batch.FactorRanks, needs: batch.Needs,
		metrics: batch.Metrics,
	}
	if r.scheme, err = schemeOf(batch.Parametrization); err != nil {
		return r, err
	}
	if r.losses, err = newLosses(batch.EachLoss()); err != nil {
		return r, err
	}
	if members := len(batch.FactorRanks); members > mostBlocks {
		return r, fmt.Errorf("gpu: a batch has at most %d members, got %d", mostBlocks, members)
	}
	for _, rank := range batch.FactorRanks {
		shapes, err := r.par.Shapes(ensemble.Space(), rank)
		if err != nil {
			return r, err
		}
		if solver.Numbers(shapes) > math.MaxInt32 {
			return r, fmt.Errorf("gpu: a factor of %v is too large: it can have 2³¹ − 1 numbers", shapes)
		}
		r.shapes = append(r.shapes, shapes)
	}
	if c := b.Info.Capability; c[0] < LeastCapability {
		return r, fmt.Errorf("gpu: %s has compute capability %d.%d, and the kernels need %d.0",
			b.Info.Name, c[0], c[1], LeastCapability)
	}
	return r, nil
}

// newEngine plans an engine. It opens no device.
func newEngine(b Backend, ensemble sensing.Ensemble, batch solver.Batch) (*engine, error) {
	plan, err := operatorOf(ensemble, b.Precision)
	if err != nil {
		return nil, err
	}
	r, err := newRequest(b, ensemble, batch)
	if err != nil {
		return nil, err
	}
	if _, rows := ensemble.(sensing.Rows); !rows && len(b.Others) > 0 {
		return nil, &solver.Unsupported{
			What: fmt.Sprintf("several devices share rows, and %s measurements have none",
				ensemble.Name()),
			Instead: "name one device",
		}
	}
	r.plan = plan
	return engineFor(r)
}

// engineFor plans the engine of a request.
func engineFor(r request) (*engine, error) {
	o, err := r.plan(r)
	if err != nil {
		return nil, err
	}
	n1, n2 := r.ensemble.Space().Dims()
	e := &engine{
		request: r, operator: o, n1: n1, n2: n2, m: r.ensemble.Measurements(),
		members: make([]member, len(r.shapes)),
	}
	for i, shapes := range r.shapes {
		e.members[i].loss = r.losses[0]
		e.members[i].shapes, e.members[i].before = shapes, e.slotSize
		e.slotSize += solver.Numbers(shapes)
	}
	return e, nil
}

// buffers lists the allocations of an engine and its operator.
func (e *engine) buffers() []buffer {
	numbers := e.m
	for _, shapes := range e.shapes {
		numbers = max(numbers, solver.Numbers(shapes))
	}
	list := append(e.operator.buffers(),
		buffer{"observations", int64(e.m) * 8, &e.y},
		buffer{"values", int64(e.m) * 8, &e.values},
		buffer{"parts of dot products", int64(blocks(numbers, dotSegment)) * 8, &e.dots})
	list = append(list, e.listBuffer(),
		buffer{"factors", int64(e.slots) * int64(e.slotSize) * 8, &e.slotsAt})
	list = append(list, e.algebraBuffers()...)
	for i, shapes := range e.shapes {
		m := &e.members[i]
		list = append(list,
			buffer{"vectors", int64(e.vectors) * int64(e.m) * 8, &m.vectors},
			buffer{"L, R and products", int64(e.ends.room(shapes)) * 8, &m.room})
	}
	optional, _ := e.optional()
	return append(list, optional...)
}

// optional lists the memory that the engine's optional operations take, and the kernels that they launch.
func (e *engine) optional() (memory []buffer, kernels []string) {
	m := int64(e.m)
	if e.needs.Draws {
		memory = append(memory, buffer{"draws", m * 4, &e.drawn},
			buffer{"weights of draws", m * 8, &e.weights})
		kernels = append(kernels, "draw_weights")
	}
	if e.needs.Values {
		memory = append(memory, buffer{"residuals of points", pointsAtOnce * m * 8, &e.points},
			buffer{"values of points", pointsAtOnce * 8, &e.sums})
		kernels = append(kernels, "sum_squares")
	}
	if e.needs.Random {
		kernels = append(kernels, "normals", "signs")
	}
	if e.needs.Entrywise {
		kernels = append(kernels, "multiply_entries", "divide_entries")
	}
	if e.needs.Inverses {
		memory, kernels = append(memory, e.inverseBuffers()...), append(kernels, choleskyKernels...)
	}
	return memory, kernels
}

// total is the number of bytes that an engine allocates, plus the most that it borrows for a while: L and R
// of Apply, or X and the product of AdjointMul, or what projections borrow; and the matrices that metrics
// make.
func (e *engine) total() float64 {
	var sum float64
	for _, b := range e.buffers() {
		sum += float64(b.bytes)
	}
	n1, n2 := float64(e.n1), float64(e.n2)
	return sum + max(8*float64(e.borrowed())*(2*n1+n2), e.projectionBytes()) +
		e.metrics.Bytes(len(e.shapes))
}

// borrowed is the most columns of the matrices that the engine borrows memory for: those of the spectral
// estimate.
func (e *engine) borrowed() int {
	columns := 0
	for _, shapes := range e.shapes {
		columns = max(columns, solver.SpectralColumns(e.ensemble, shapes[0].Cols))
	}
	return columns
}

// fitting says what would fit in so many bytes.
func (e *engine) fitting(free float64) string {
	var fits []string
	for members := len(e.shapes) - 1; members > 0; members-- {
		fewer := e.request
		fewer.shapes = fewer.shapes[:members]
		if other, err := engineFor(fewer); err == nil && other.total() <= free {
			fits = append(fits, fmt.Sprintf("%d of the %d members fit", members, len(e.shapes)))
			break
		}
	}
	for _, smaller := range e.operator.smaller() {
		other := *e
		other.operator = smaller.operator
		if other.total() <= free {
			fits = append(fits, smaller.name+" fit")
		}
	}
	if len(fits) == 0 {
		return "lower n, m or the factor's rank"
	}
	return strings.Join(fits, ", ")
}
