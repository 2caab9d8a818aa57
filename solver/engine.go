package solver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// ErrUnsupported is wrapped by a backend's refusal of an ensemble, a parametrization or a method that another
// backend may take.
var ErrUnsupported = errors.New("not supported on this device")

// Storage says where an ensemble's measurements are kept. Results do not depend on it, to the bit.
type Storage string

// The storages.
const (
	Memory    Storage = "memory"    // all measurements lie in the device's memory
	Generated Storage = "generated" // each measurement is made from its counter when it is needed
)

// Precision is the arithmetic of the gradient: lift, contract and pullback. Iterates, observations and the
// operator's own products are f64 in each.
type Precision string

// The precisions.
const (
	// F64 is double precision throughout.
	F64 Precision = "f64"
	// F32 is single precision in coordinates, residuals and sums, for comparison: close to a solution
	// ⟨A_i, Z⟩ − y_i cancels, and the gradient's relative error grows like 1e-7 divided by the distance.
	F32 Precision = "f32"
	// Mixed takes the difference from an anchor, a point at which residuals and gradient are known in f64, in
	// single precision. The gradient's relative error stays below 1e-6 (docs/precision.md).
	Mixed Precision = "mixed"
)

// Backend opens engines on one device.
type Backend interface {
	// Name is the backend's name in flags and files: cpu, cuda, emulator.
	Name() string
	// Device describes the device in a few words, for people and for records.
	Device() string
	// Offers says what its engines have beside the operations of every [Engine]: the optional interfaces that they
	// implement. Slots and Vectors are not counted.
	Offers() Needs
	// Memory returns how many bytes an engine would take for a problem and a batch, or why this backend cannot
	// run it: an error that wraps [ErrUnsupported] if another backend may. It does no work. Call [MemoryFor], which
	// compares the batch's needs with Offers first.
	Memory(p *sensing.Problem, batch Batch) (bytes float64, err error)
	// Open makes an engine, and the observations of a problem that has none. Making measurements may take a while;
	// Open ends early with ctx's error if ctx is done.
	Open(ctx context.Context, p *sensing.Problem, batch Batch) (Engine, error)
}

// Batch says which factors an engine is to hold. Its members share one parametrization and the measurements.
type Batch struct {
	Parametrization Parametrization
	// FactorRanks has the largest factor rank r of each member.
	FactorRanks []int
	// Needs is what the members' methods need, all together.
	Needs Needs
}

// Slot names one of the arrays that an engine holds for each member.
type Slot int

// Each member has the slots Iterate and Gradient, then those of its method, which have the factor's shapes and are
// zeros until the method writes to them: a momentum, for example. Slots from VectorSlot on have one number for each
// measurement, as a factor of one m × 1 matrix; these too are zeros at first.
const (
	Iterate    Slot = iota    // U, where the method is
	Gradient                  // ∇f(U)
	MethodSlot                // the first of the method's slots
	VectorSlot Slot = 1 << 16 // the first of the method's vectors of m numbers
)

// Engine holds a problem's measurements and a batch of factors on one device. Members are numbered from 0. An engine
// may return from an operation before the device has done it: Get, Dot, Losses and Wait are the operations that wait,
// and an earlier failure may come to light in them. An engine is used from one goroutine at a time. It relies on its
// caller for the sizes of what it is handed; [Member] checks them.
//
// The same operations in the same order give the same bits, whatever else the batch holds and, on the host, however
// many workers share the measurements.
//
// An engine may implement more: [DrawEngine], [ValueEngine], [ProductEngine], [ProjectionEngine], [AnchorEngine].
type Engine interface {
	// Reset gives a member's place to another run. Its factor rank is at most what the batch was opened with; its
	// slots become zeros of that rank.
	Reset(member, factorRank int) error
	// Set copies f into a member's slot.
	Set(member int, slot Slot, f Factor) error
	// Get copies a member's slot into f.
	Get(member int, slot Slot, f Factor) error
	// Gradient fills the Gradient slot of each member named, in one pass over the measurements. A member whose
	// iterate has not changed since its last gradient costs nothing, and a member that is named twice no more than
	// once.
	Gradient(members ...int) error
	// Losses writes f(U) of each member named to dst. It computes gradients that are not there yet.
	Losses(dst []float64, members ...int) error
	// Combine does dst ← a·x + b·y on a member's slots of one shape, which may be the same slot. A term whose
	// coefficient is 0 is not read: Combine(m, dst, 1, x, 0, x) copies.
	Combine(member int, dst Slot, a float64, x Slot, b float64, y Slot) error
	// Dot returns ⟨x, y⟩ of a member's slots of one shape, the sum of the products of their numbers.
	Dot(member int, x, y Slot) (float64, error)
	// Precondition does dst ← X·(PᵀP + λI)⁻¹ for each matrix of a member's factor. X is the matrix of slot x, and P
	// the matrix of the iterate that the parametrization pairs it with ([Paired]). For UUᵀ that is U, and
	// dst = X·(UᵀU + λI)⁻¹. dst is not x. If there is no inverse, dst becomes NaN.
	Precondition(member int, dst, x Slot, lambda float64) error
	// Project does dst ← W·(WᵀW)⁻¹·(WᵀX) for each matrix X of a member's slot x, with the same matrix W of the
	// iterate: the part of X within the span of W's columns. dst is not x. If there is no inverse, dst becomes NaN.
	Project(member int, dst, x Slot) error
	// Observations returns y, m numbers, which the caller must not change.
	Observations() []float64
	// Wait returns when the device has done all it was asked to do.
	Wait() error
	// Close frees what the engine holds.
	Close() error
}

// DrawEngine is an engine that takes gradients of draws of the measurements.
type DrawEngine interface {
	Engine
	// DrawGradient fills a member's Gradient slot with the gradient, at its iterate, of the objective of a [Draw].
	DrawGradient(member int, d Draw) error
}

// ValueEngine is an engine that finds values of f without a gradient.
type ValueEngine interface {
	Engine
	// Evaluate writes f of each point to dst, in as few passes over the measurements as memory allows. Points have
	// the shapes of the member's factor.
	Evaluate(dst []float64, member int, points ...Factor) error
}

// ProductEngine is an engine that multiplies by the measurement operator and by its adjoint, as the spectral
// estimate needs.
type ProductEngine interface {
	Engine
	// Apply does p_i = ⟨A_i, L·Rᵀ⟩, for L of n1 × d and R of n2 × d. In a symmetric space L·Rᵀ must be symmetric.
	Apply(p []float64, l, r *mat.Dense) error
	// AdjointMul does dst = S·X, n1 × d from X of n2 × d, or dst = Sᵀ·X the other way around, with S = Σ_i w_i A_i.
	AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error
}

// AnchorEngine is an engine that may measure gradients as differences from anchors, points at which it knows them
// better. Later bits depend on where the anchor is, so a state that is to be resumed holds the anchor too.
type AnchorEngine interface {
	Engine
	// Anchor returns the factor at which a member's anchor was put last; nil if it is still the engine's first choice.
	Anchor(member int) Factor
	// SetAnchor puts a member's anchor at a factor.
	SetAnchor(member int, f Factor) error
}

// Needs says what a method needs of an engine beside the operations that every engine has, or what an engine offers.
type Needs struct {
	// Slots is how many slots of the factor's shapes the method has, from [MethodSlot] on.
	Slots int
	// Vectors is how many vectors of m numbers it has, from [VectorSlot] on.
	Vectors int
	// Gradient: each step begins with ∇f at the iterate. The loop computes it for all members in one pass.
	Gradient bool
	// Draws: it takes gradients of draws of the measurements ([DrawEngine]).
	Draws bool
	// Values: it takes values of f ([ValueEngine]).
	Values bool
	// Products: it multiplies by the measurement operator ([ProductEngine]).
	Products bool
}

// And returns what both need together.
func (n Needs) And(other Needs) Needs {
	return Needs{
		Slots: max(n.Slots, other.Slots), Vectors: max(n.Vectors, other.Vectors), Gradient: n.Gradient || other.Gradient,
		Draws: n.Draws || other.Draws, Values: n.Values || other.Values, Products: n.Products || other.Products,
	}
}

// Missing names what is needed and not offered.
func (n Needs) Missing(offers Needs) (names []string) {
	for _, c := range []struct {
		needed, offered bool
		name            string
	}{
		{n.Gradient, offers.Gradient, "gradients"},
		{n.Draws, offers.Draws, "gradients of draws of the measurements"},
		{n.Values, offers.Values, "values of f without a gradient"},
		{n.Products, offers.Products, "products with the measurements"},
	} {
		if c.needed && !c.offered {
			names = append(names, c.name)
		}
	}
	return names
}

// Supports says what a backend lacks for a batch, in an error that wraps [ErrUnsupported], or returns nil.
func Supports(b Backend, batch Batch) error {
	if missing := batch.Needs.Missing(b.Offers()); len(missing) > 0 {
		return fmt.Errorf("%s: there are no kernels for %s: %w", b.Name(), strings.Join(missing, ", "), ErrUnsupported)
	}
	return nil
}

// MemoryFor returns how many bytes an engine of a backend would take for a problem and a batch, or why the backend
// cannot run it: an error that wraps [ErrUnsupported] if another backend may.
func MemoryFor(b Backend, p *sensing.Problem, batch Batch) (bytes float64, err error) {
	if err := Supports(b, batch); err != nil {
		return 0, err
	}
	return b.Memory(p, batch)
}
