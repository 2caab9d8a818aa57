package solver

import (
	"context"
	"errors"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// ErrUnsupported is what a backend's refusal wraps where it has no code for an ensemble, a parametrization or a method that another
// backend may have.
var ErrUnsupported = errors.New("not supported on this device")

// Backend opens engines on one device.
type Backend interface {
	// Name is the backend's name in flags and files: cpu, cuda, emulator.
	Name() string
	// Device describes the device in a few words, for people and for records.
	Device() string
	// Memory returns how many bytes an engine would take for a problem and a batch, or why this backend cannot run
	// it: an error that wraps [ErrUnsupported] where another backend may. It does no work.
	Memory(p *sensing.Problem, batch Batch) (bytes float64, err error)
	// Open makes an engine. It makes the observations of a problem that has none. Making rows may take a while;
	// it ends early with ctx's error when ctx is done.
	Open(ctx context.Context, p *sensing.Problem, batch Batch) (Engine, error)
}

// Batch says which factors an engine is to hold: its members all use one parametrization and share the measurements.
type Batch struct {
	Parametrization Parametrization
	Members         []Member
	// OwnSlots is how many slots of its own each member's method needs.
	OwnSlots int
	// Partial says that a member's method is [Partial].
	Partial bool
}

// Admit makes room for a method of a member's.
func (b *Batch) Admit(m Method) {
	b.OwnSlots = max(b.OwnSlots, m.Slots())
	b.Partial = b.Partial || IsPartial(m)
}

// Member is one run of a batch.
type Member struct {
	// FactorRank is r.
	FactorRank int
}

// Slot names one of the factor-shaped arrays that an engine holds for each member. Slots from [OwnSlot] on belong to
// the method, a momentum, say, and hold zeros until it writes to them.
type Slot int

// The slots that every member has.
const (
	Iterate  Slot = iota // U, where the method is
	Gradient             // ∇f(U)
	OwnSlot              // the first of the method's own
)

// Engine holds a problem's measurements and a batch of factors on one device. Members are numbered from 0. An engine
// may return from an operation before the device has done it: Get, Losses and Wait are the points that wait, and
// where an earlier failure may come to light. An engine is used from one goroutine at a time.
//
// The same operations in the same order give the same bits, whatever else the batch holds and, on the host, however
// many workers share the rows.
type Engine interface {
	// Reset gives a member's place to another run, of a factor rank that is at most what the batch was opened with: its
	// slots become zeros of that rank.
	Reset(member int, m Member) error
	// Set copies f into a member's slot.
	Set(member int, slot Slot, f Factor) error
	// Get copies a member's slot into f.
	Get(member int, slot Slot, f Factor) error
	// Gradient fills the Gradient slot of each member named, in one pass over the rows. A member whose iterate has
	// not changed since its last gradient costs nothing, and one named twice no more than once.
	Gradient(members ...int) error
	// Combine does dst ← a·x + b·y on a member's slots, which may be the same. A term whose coefficient is 0 is not read:
	// Combine(m, dst, 1, x, 0, x) copies.
	Combine(member int, dst Slot, a float64, x Slot, b float64, y Slot) error
	// Precondition does dst ← X·(PᵀP + λI)⁻¹ for each matrix of a member's factor: X is its part of slot x, and P the part of the
	// iterate that its parametrization pairs it with ([Paired]). For UUᵀ that is U, and dst = X·(UᵀU + λI)⁻¹. dst is
	// not x. Where there is no inverse, dst becomes NaN.
	Precondition(member int, dst, x Slot, lambda float64) error
	// Project does dst ← W·(WᵀW)⁻¹·(WᵀX) for each matrix X of a member's slot x, with the same matrix W of the iterate: the part of X
	// within the span of W's columns. dst is not x. Where there is no inverse, dst becomes NaN.
	Project(member int, dst, x Slot) error
	// PartialGradient fills a member's Gradient slot with the gradient of another objective at its iterate, that of a [Draw].
	PartialGradient(member int, d Draw) error
	// Evaluate writes f of each of some points to dst, without a gradient, in as few passes over the rows as memory allows. Points
	// have the shapes of the member's factor.
	Evaluate(dst []float64, member int, points ...Factor) error
	// Losses writes f(U) of each member named to dst. It does what Gradient does where that is not done yet.
	Losses(dst []float64, members ...int) error
	// Wait returns when the device has done all it was asked to do.
	Wait() error

	// Shapes returns the sizes of the matrices of a member's factor.
	Shapes(member int) []Shape
	// Shift returns m numbers of a member that belong to a [Shifting] method: zeros until it writes to them.
	Shift(member int) []float64
	// Observations returns a member's y, m numbers, which the caller must not change.
	Observations(member int) []float64
	// Apply does p_i = ⟨A_i, L·Rᵀ⟩, for L of n1 × d and R of n2 × d. In a symmetric space L·Rᵀ must be symmetric.
	Apply(p []float64, l, r *mat.Dense) error
	// AdjointMul does dst = S·X, n1 × d from X of n2 × d, or dst = Sᵀ·X the other way around, with S = Σ_i w_i A_i.
	AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error

	// Close frees what the engine holds.
	Close() error
}

// Anchored is an engine that measures gradients as differences from anchors, points where it knows them better: what
// comes next then depends on where the anchor is, and a state that is to be resumed holds that too.
type Anchored interface {
	Engine
	// Anchor returns the factor where a member's anchor was put last; nil where it is still the engine's first choice.
	Anchor(member int) Factor
	// SetAnchor puts a member's anchor at a factor.
	SetAnchor(member int, f Factor) error
}
