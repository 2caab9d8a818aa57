package gpu

import (
	"context"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// operator is what the engine needs of an ensemble's measurements on the device. Ensembles with rows of
// entries share one operator. An ensemble with more structure has its own, which may go directly from thin L
// and R to G·R and Gᵀ·L.
//
// An operator is planned before any device is open: buffers, smaller and kernels need no device. The engine
// then allocates the buffers and loads the kernels, and fill gives the operator the device. The engine also
// frees the buffers.
type operator interface {
	// buffers lists the memory that the operator takes on the device.
	buffers() []buffer
	// listBytes is the memory for the lists that the operator's kernels read. The engine allocates it.
	listBytes() int64
	// smaller lists operators of the same measurements that take less memory, the least change first.
	smaller() []alternative
	// kernels names the kernels that the operator launches.
	kernels() []string
	// fill makes the measurements' data on the device or copies them there. It returns ctx's error early if
	// ctx is done.
	fill(ctx context.Context, d *device) error
	// contract computes the residuals res_i = ⟨A_i, Z⟩ − y_i of each part, and its pulls, with its loss.
	// Parts with one loss are next to each other. y is m numbers on the device, the same each time.
	contract(y driver.Pointer, parts []part) error
	// squares writes Σ 2ρ(res_i), which is Σ res_i² for the squared loss, of each part of the last contract
	// to dst, and waits for the device. There is no apply between the two calls, because apply may write to
	// the same memory.
	squares(dst []float64) error
	// apply does p_i = ⟨A_i, L·Rᵀ⟩ in f64, for L and R with cols columns. All of them are on the device; p
	// has m numbers.
	apply(p, l, r driver.Pointer, cols int) error
	// adjointMul does dst = S·X, or Sᵀ·X if trans, in f64, with S = Σ_i w_i A_i and X with cols columns. All
	// of them are on the device; w has m numbers.
	adjointMul(dst, w driver.Pointer, trans bool, x driver.Pointer, cols int) error
}

// part is the part of one batch member in a contraction. Its matrices are on the device in f64, row-major
// without gaps.
type part struct {
	member int            // its number in the batch
	l, r   driver.Pointer // Z = L·Rᵀ, with L of n1 × cols and R of n2 × cols; the same matrix if Z = LLᵀ
	cols   int
	loss   loss
	pulls  []pull // one for each matrix of the gradient
}

// pull is one matrix of a gradient: dst = scale·G·X, or scale·Gᵀ·X, with G = 1/m · Σ ψ(res_i) A_i. All parts
// of a contraction have one parametrization, so pull number b has the same transposed and scale in each of
// them.
type pull struct {
	transposed bool
	x          driver.Pointer // n2 × cols, or n1 × cols for Gᵀ
	scale      float64
	dst        driver.Pointer // n1 × cols, or n2 × cols for Gᵀ
}

// buffer is an allocation on the device.
type buffer struct {
	name  string
	bytes int64
	at    *driver.Pointer // where the engine writes the address
}

// alternative is an operator that takes less memory, with its name in advice to the user.
type alternative struct {
	name     string
	operator operator
}

// operatorOf returns the function that plans the operator of an ensemble, for gradients in the given
// precision. Only rows have kernels in single precision.
func operatorOf(
	e sensing.Ensemble, p solver.Precision,
) (plan func(r request) (operator, error), err error) {
	if _, rows := e.(sensing.Rows); !rows && p != "" && p != solver.F64 {
		return nil, solver.Unsupportedf("GPUs compute with %s measurements in f64 alone, not in %s",
			e.Name(), p)
	}
	switch e.(type) {
	case sensing.Rows:
		if p == solver.Mixed {
			return planMixed, nil
		}
		return planRows, nil
	case *sensing.Completion:
		return planSampled, nil
	case *sensing.RankOne:
		return planRankOne, nil
	case *sensing.Pauli:
		return planPauli, nil
	}
	return nil, solver.Unsupportedf("GPUs have no kernels for the ensemble %s", e.Name())
}
