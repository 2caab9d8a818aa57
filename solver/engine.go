package solver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// ErrUnsupported is wrapped by the error of a backend that cannot run an ensemble, a parametrization or a
// method. Another backend may be able to.
var ErrUnsupported = errors.New("the device does not support this run")

// Unsupported is an [ErrUnsupported] in one sentence. It names the device and what is not supported there.
type Unsupported struct {
	What    string // what the device cannot do, and why
	Instead string // what the user should do; empty for taking another device
}

// Unsupportedf returns an [Unsupported] without advice.
func Unsupportedf(format string, args ...any) error {
	return &Unsupported{What: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Unsupported) Error() string {
	if e.Instead == "" {
		return e.What
	}
	return e.What + ": " + e.Instead
}

// Unwrap makes the error an [ErrUnsupported].
func (*Unsupported) Unwrap() error { return ErrUnsupported }

// Storage says where an ensemble's measurements are kept. Results have the same bits with either.
type Storage string

// The storages.
const (
	Memory    Storage = "memory"    // all measurements lie in the device's memory
	Generated Storage = "generated" // each measurement is made from its counter when it is needed
)

// Precision is the arithmetic of the gradient: lift, contract and pullback. Iterates, observations and
// products with the measurement operator are f64 in each.
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
	// Offers says which optional interfaces its engines implement. Slots and Vectors are not counted.
	Offers() Needs
	// Memory returns how many bytes an engine would take for a problem and a batch, or an error if this
	// backend cannot run it. The error wraps [ErrUnsupported] if another backend may. Memory only estimates.
	// Call [MemoryFor] instead, which first compares the batch's needs with Offers.
	Memory(p *sensing.Problem, batch Batch) (bytes float64, err error)
	// Open makes an engine, and the observations of a problem that has none. Making measurements may take a
	// while; Open returns ctx's error early if ctx is done.
	Open(ctx context.Context, p *sensing.Problem, batch Batch) (Engine, error)
}

// Batch says which factors an engine holds. Its members share one parametrization and the measurements.
type Batch struct {
	Parametrization Parametrization
	// Losses has the losses that members may have; empty is [Squared] alone. All members begin with the
	// first, and a [LossEngine] gives them another.
	Losses []Loss
	// FactorRanks has the largest factor rank r of each member.
	FactorRanks []int
	// Needs is what the members' methods need, taken together.
	Needs Needs
	// Metrics is what the members' metrics take of an [AlgebraEngine] ([MetricsOf]).
	Metrics MetricSize
	// Interrupted is what the engine asks between the parts of an operation that may take long: a pass over
	// the measurements, or products of matrices. If it returns an error, the operation ends early with that
	// error. What the operation was to write is then undefined, and the other slots are as before. Operations
	// on slots alone, such as Get and Combine, do not ask. The function is called from several goroutines at
	// one time. Nil interrupts nothing.
	Interrupted func() error
}

// SquaredAlone says whether all members have the squared loss.
func (b Batch) SquaredAlone() bool {
	return !slices.ContainsFunc(b.Losses, func(l Loss) bool { return !IsSquared(l) })
}

// EachLoss returns the losses that members may have, without nil and at least one. Members begin with the
// first.
func (b Batch) EachLoss() []Loss {
	losses := []Loss{Squared{}}
	for i, l := range b.Losses {
		losses = append(losses[:i], lossOf(l))
	}
	return losses
}

// Slot names one of the arrays that an engine holds for each member.
type Slot int

// The slots of a member. After Iterate, Gradient and Good come the slots of its method, which have the
// factor's shapes: a momentum, for example. Slots from VectorSlot on are vectors with one number for each
// measurement, stored as a factor of one m × 1 matrix. Slots from HostSlot on have the factor's shapes and
// lie in the host's memory, whatever the engine: [Member.Set] and [Member.Get] alone reach them. They are for
// methods that compute on the host. All these slots start as zeros.
const (
	Iterate    Slot = iota    // U
	Gradient                  // ∇f(U)
	Good                      // the last iterate whose measurement was due and found no divergence
	MethodSlot                // the first of the method's slots
	VectorSlot Slot = 1 << 16 // the first of the method's vectors of m numbers
	HostSlot   Slot = 1 << 17 // the first of the method's slots in the host's memory
)

// Engine holds a problem's measurements and a batch of factors on one device. Members are numbered from 0. An
// operation may return before the device has done it. Get, Dot, Losses and Wait do wait, and may return the
// error of an earlier operation. An engine is used from one goroutine at a time. Engines do not check the
// sizes of arguments; [Member] does.
//
// The same operations in the same order give the same bits, whatever else the batch holds and, on the host,
// for any number of workers.
//
// An engine may also implement [DrawEngine], [ValueEngine], [RandomEngine], [InverseEngine],
// [EntrywiseEngine], [ProductEngine], [ProjectionEngine], [AlgebraEngine] and [AnchorEngine].
type Engine interface {
	// Reset gives a member's place to another run. The factor rank is at most the one that the batch was
	// opened with. The slots become zeros of that rank.
	Reset(member, factorRank int) error
	// Set copies f into a member's slot.
	Set(member int, slot Slot, f Factor) error
	// Get copies a member's slot into f.
	Get(member int, slot Slot, f Factor) error
	// Gradient fills the Gradient slot of each listed member, in one pass over the measurements. A member
	// whose iterate has not changed since its last gradient costs nothing; a member that is listed twice
	// costs as much as once.
	Gradient(members ...int) error
	// Losses writes f(U) of each listed member to dst, with its [Loss]. It computes missing gradients first.
	Losses(dst []float64, members ...int) error
	// Combine does dst ← a·x + b·y on a member's slots of one shape, which may be the same slot. A term with
	// the coefficient 0 is not read: Combine(m, dst, 1, x, 0, x) copies.
	Combine(member int, dst Slot, a float64, x Slot, b float64, y Slot) error
	// Dot returns ⟨x, y⟩ of a member's slots of one shape: the sum of the products of their numbers.
	Dot(member int, x, y Slot) (float64, error)
	// Observations returns y, m numbers, which the caller must not change.
	Observations() []float64
	// Wait returns when the device has finished all operations.
	Wait() error
	// Close frees what the engine holds.
	Close() error
}

// DrawEngine is an engine that computes gradients of draws of the measurements.
type DrawEngine interface {
	Engine
	// DrawGradient fills a member's Gradient slot with the gradient of a [Draw]'s objective at the member's
	// iterate.
	DrawGradient(member int, d Draw) error
}

// ValueEngine is an engine that computes residuals and values of f without a gradient.
type ValueEngine interface {
	Engine
	// Residuals fills a member's vector slot with res_i = ⟨A_i, Z⟩ − y_i at the member's iterate.
	Residuals(member int, dst Slot) error
	// Evaluate writes f of each point to dst, in as few passes over the measurements as memory allows, and
	// waits. Points are slots of the member with the factor's shapes.
	Evaluate(dst []float64, member int, points ...Slot) error
}

// RandomEngine is an engine that makes random numbers where its slots are. The numbers follow from counters
// ([sensing.Stream]) and have the same bits on every engine.
type RandomEngine interface {
	Engine
	// Normals fills a member's slot with the first normal deviates of a row of a stream, matrix by matrix and
	// row by row.
	Normals(member int, dst Slot, stream sensing.Stream, row uint64) error
	// Signs fills a member's slot with ±1, in the same order. Number i is bit i of the words of the stream's
	// row, the least significant bit of the first word first: 0 is +1, 1 is −1.
	Signs(member int, dst Slot, stream sensing.Stream, row uint64) error
}

// InverseEngine is an engine that multiplies by inverses of Gram matrices. Methods set [Needs].Inverses.
type InverseEngine interface {
	Engine
	// Precondition does dst ← X·(PᵀP + λI)⁻¹ for each matrix of a member's factor. X is the matrix of slot x,
	// and P is the partner of that matrix in the iterate ([Paired]). For UUᵀ the partner is U, and dst =
	// X·(UᵀU + λI)⁻¹. dst is not x. If there is no inverse, dst becomes NaN.
	Precondition(member int, dst, x Slot, lambda float64) error
	// Project does dst ← W·(WᵀW)⁻¹·(WᵀX) for each matrix X of a member's slot x, with the same matrix W of
	// the iterate: it projects X onto the span of W's columns. dst is not x. If there is no inverse, dst
	// becomes NaN.
	Project(member int, dst, x Slot) error
	// Fit does dst ← Y·(XᵀP)·(PᵀP)⁻¹ for each matrix Y of a member's slot y, with the partner P of that
	// matrix in the iterate, and the same partner X in slot x: the D with the least ‖D·Pᵀ − Y·Xᵀ‖_F. dst is
	// neither x nor y. If there is no inverse, dst becomes NaN.
	Fit(member int, dst, y, x Slot) error
}

// LossEngine is an engine whose members have losses of their own. A backend that offers [Needs].AnyLoss opens
// such engines.
type LossEngine interface {
	Engine
	// SetLoss gives a member one of the batch's losses. Its gradient is then not computed yet. Reset leaves
	// the loss as it is.
	SetLoss(member int, l Loss) error
}

// EntrywiseEngine is an engine that multiplies and divides slots number by number. Methods set
// [Needs].Entrywise. All slots have the shape of dst, which may be any of them.
type EntrywiseEngine interface {
	Engine
	// MultiplyEntries does dst ← a·x·y + b·z for each number of a member's slots.
	MultiplyEntries(member int, dst Slot, a float64, x, y Slot, b float64, z Slot) error
	// DivideEntries does dst ← z + a·x/(√y + ε) for each number of a member's slots, with y ≥ 0 and ε > 0.
	DivideEntries(member int, dst, z Slot, a float64, x, y Slot, epsilon float64) error
}

// ProductEngine is an engine that multiplies by the measurement operator and by its adjoint. The spectral
// estimate needs both, and [MirrorDescent] the adjoint.
type ProductEngine interface {
	Engine
	// Apply does p_i = ⟨A_i, L·Rᵀ⟩, for L of n1 × d and R of n2 × d. In a symmetric space L·Rᵀ must be
	// symmetric.
	Apply(p []float64, l, r *mat.Dense) error
	// AdjointMul does dst = S·X, n1 × d from X of n2 × d, or dst = Sᵀ·X, n2 × d from n1 × d, with S = Σ_i w_i
	// A_i.
	AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error
}

// AnchorEngine is an engine that may compute gradients as differences from an anchor: a point at which the
// gradient is known more exactly. Later bits depend on the anchor, so a state that is to be resumed holds it
// too.
type AnchorEngine interface {
	Engine
	// Anchor returns the factor at which a member's anchor was put last; nil if it is still the engine's
	// first choice.
	Anchor(member int) Factor
	// SetAnchor puts a member's anchor at a factor.
	SetAnchor(member int, f Factor) error
}

// Needs says what a method needs of an engine beyond the operations that every engine has, or what an engine
// offers.
type Needs struct {
	// Slots is the number of the method's slots with the factor's shapes, from [MethodSlot] on.
	Slots int
	// Vectors is the number of the method's vectors of m numbers, from [VectorSlot] on.
	Vectors int
	// HostSlots is the number of the method's slots in the host's memory, from [HostSlot] on. An engine knows
	// nothing of them.
	HostSlots int
	// Scratch is how many of the Slots, the last ones, and ScratchVectors how many of the Vectors, the last
	// ones, hold nothing from one step to the next. The state of a run leaves them out. A step that has
	// written the iterate or a slot or vector that is not scratch is not interrupted: a method that goes over
	// the measurements several times in a step should write these last.
	Scratch, ScratchVectors int
	// Gradient: each step begins with ∇f at the iterate. The loop computes it for all members in one pass.
	Gradient bool
	// Draws: the method uses gradients of draws of the measurements ([DrawEngine]).
	Draws bool
	// Values: the method uses residuals or values of f ([ValueEngine]).
	Values bool
	// Points: the method uses gradients at points other than the iterate ([Member.GradientAt]). Every engine
	// has them.
	Points bool
	// Random: the method makes random numbers in slots ([RandomEngine]).
	Random bool
	// Products: the method multiplies by the measurement operator ([ProductEngine]).
	Products bool
	// Inverses: the method uses inverses of Gram matrices ([InverseEngine]).
	Inverses bool
	// Entrywise: the method multiplies and divides number by number ([EntrywiseEngine]).
	Entrywise bool
	// AnyLoss: f has another [Loss] than [Squared]. [Supports] finds this in the batch; methods leave it out.
	AnyLoss bool
	// SquaredLoss: the method is defined for [Squared] alone. Engines know nothing of it.
	SquaredLoss bool
}

// keeps says whether a slot is part of the state of a run.
func (n Needs) keeps(slot Slot) bool {
	switch {
	case slot >= HostSlot:
		return slot < HostSlot+Slot(n.HostSlots)
	case slot >= VectorSlot:
		return slot < VectorSlot+Slot(n.Vectors-n.ScratchVectors)
	}
	return slot == Iterate || slot >= MethodSlot && slot < MethodSlot+Slot(n.Slots-n.Scratch)
}

// Partial says whether a method does not step along the full gradient at the iterate alone. Its steps are in
// f64: mixed precision is for that gradient.
func (n Needs) Partial() bool { return n.Draws || n.Values || n.Points }

// And returns the union of two needs, in which no slot is scratch.
func (n Needs) And(other Needs) Needs {
	return Needs{
		Slots:     max(n.Slots, other.Slots),
		Vectors:   max(n.Vectors, other.Vectors),
		HostSlots: max(n.HostSlots, other.HostSlots),
		Gradient:  n.Gradient || other.Gradient,
		Draws:     n.Draws || other.Draws,
		Values:    n.Values || other.Values,
		Points:    n.Points || other.Points,
		Random:    n.Random || other.Random,
		Products:  n.Products || other.Products,
		Inverses:  n.Inverses || other.Inverses,
		Entrywise: n.Entrywise || other.Entrywise,
		AnyLoss:   n.AnyLoss || other.AnyLoss,
	}
}

// Missing names what n needs and offers lacks.
func (n Needs) Missing(offers Needs) (names []string) {
	for _, c := range []struct {
		needed, offered bool
		name            string
	}{
		{n.Gradient, offers.Gradient, "gradients"},
		{n.Draws, offers.Draws, "gradients of draws of the measurements"},
		{n.Values, offers.Values, "values of f without a gradient"},
		{n.Random, offers.Random, "random numbers in slots"},
		{n.Products, offers.Products, "products with the measurements"},
		{n.Inverses, offers.Inverses, "inverses of Gram matrices"},
		{n.Entrywise, offers.Entrywise, "entrywise products and quotients"},
		{n.AnyLoss, offers.AnyLoss, "losses other than the squared one"},
	} {
		if c.needed && !c.offered {
			names = append(names, c.name)
		}
	}
	return names
}

// Supports returns an error that names what a backend lacks for a batch and wraps [ErrUnsupported], or nil.
func Supports(b Backend, batch Batch) error {
	needs := batch.Needs
	needs.AnyLoss = !batch.SquaredAlone()
	if missing := needs.Missing(b.Offers()); len(missing) > 0 {
		return Unsupportedf("%s has no kernels for %s", b.Name(), strings.Join(missing, ", "))
	}
	return nil
}

// MemoryFor returns how many bytes an engine of a backend would take for a problem and a batch, or an error
// if the backend cannot run it. The error wraps [ErrUnsupported] if another backend may.
func MemoryFor(b Backend, p *sensing.Problem, batch Batch) (bytes float64, err error) {
	if err := Supports(b, batch); err != nil {
		return 0, err
	}
	return b.Memory(p, batch)
}
