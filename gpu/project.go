package gpu

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/twosided"
	"github.com/matsense/matsense/solver"
)

// projector is an operator that sums ‖BᵀA_iC‖_F² without a pass over the measurements for each pair of
// columns.
type projector interface {
	// projectedSquares returns Σ_i ‖BᵀA_iC‖_F² in f64, and waits for the device. sums has room for
	// projectionSums(B and C) numbers.
	projectedSquares(b, c multiplier, sums driver.Pointer) (float64, error)
}

// multiplier is B or C of a projection: a matrix on the device, or the identity if at is 0.
type multiplier struct {
	at   driver.Pointer
	cols int
}

// ProjectedSquares implements [solver.ProjectionEngine], in f64. ‖BᵀA_iC‖² is the sum of ⟨A_i, b·cᵀ⟩² over
// the columns b of B and c of C. An operator that is no projector takes one pass for each pair of columns.
func (e *engine) ProjectedSquares(b, c *mat.Dense) (sum float64, err error) {
	if err := twosided.Check(e.ensemble.Space(), b, c); err != nil {
		return 0, fmt.Errorf("gpu: %w", err)
	}
	err = e.device.pass(func() error {
		sum, err = e.projectedSquares(b, c)
		return err
	})
	return sum, err
}

// projectedSquares does ProjectedSquares.
func (e *engine) projectedSquares(b, c *mat.Dense) (sum float64, err error) {
	p, whole := e.operator.(projector)
	if !whole {
		return e.projectColumns(twosided.OrIdentity(b, e.n1), twosided.OrIdentity(c, e.n2))
	}
	sides := [2]multiplier{{cols: e.n1}, {cols: e.n2}}
	for i, a := range []*mat.Dense{b, c} {
		if a == nil {
			continue
		}
		_, sides[i].cols = a.Dims()
		if sides[i].at, err = e.device.borrow(a); err != nil {
			return 0, err
		}
		defer e.device.giveBack(sides[i].at, &err)
	}
	sums, err := e.device.Alloc(8 * projectionSums(sides[0].cols, sides[1].cols))
	if err != nil {
		return 0, err
	}
	defer e.device.giveBack(sums, &err)
	return p.projectedSquares(sides[0], sides[1], sums)
}

// projectColumns sums ‖BᵀA_iC‖_F² column by column.
func (e *engine) projectColumns(b, c *mat.Dense) (sum float64, err error) {
	e.solved = nil // the operator writes to the same memory
	var columns [2]driver.Pointer
	for i, a := range []*mat.Dense{b, c} {
		if columns[i], err = e.device.borrow(mat.DenseCopyOf(a.T())); err != nil {
			return 0, err
		}
		defer e.device.giveBack(columns[i], &err)
	}
	parts := make([]float64, blocks(e.m, dotSegment))
	for i := range b.RawMatrix().Cols {
		for j := range c.RawMatrix().Cols {
			left, right := columns[0]+driver.Pointer(8*i*e.n1), columns[1]+driver.Pointer(8*j*e.n2)
			if err := e.operator.apply(e.values, left, right, 1); err != nil {
				return 0, err
			}
			if err := e.device.readDot(parts, e.dots, e.values, e.values, e.m); err != nil {
				return 0, err
			}
			for _, part := range parts {
				sum += part
			}
		}
	}
	return sum, nil
}

// mostSums is the number of sums that one launch of projected_squares makes, if a group of rows has fewer:
// enough blocks for every device.
const mostSums = 1 << 15

// projectionRows is the number of rows of a group of projected_squares, which divides tileQuad.
const projectionRows = 4

// projectionTiles counts the tiles of 16 × 16 numbers of BᵀA_iC.
func projectionTiles(bcols, ccols int) int { return blocks(bcols, 16) * blocks(ccols, 16) }

// projectionSums is the number of sums that a launch makes at most.
func projectionSums(bcols, ccols int) int64 {
	return int64(max(mostSums, projectionTiles(bcols, ccols)))
}

// projectionBytes is the most that a parametrization's projections borrow. B and C have a factor's width, or
// are identities.
func (r request) projectionBytes() float64 {
	if _, layered := r.par.(solver.Layered); !layered {
		return 0
	}
	n1, n2 := r.ensemble.Space().Dims()
	var most float64
	for _, width := range r.ranks {
		b, c := max(width, n1), max(width, n2)
		sides := float64(n1)*float64(b) + float64(n2)*float64(c)
		most = max(most, 8*(sides+float64(projectionSums(b, c))))
	}
	return most
}

// projectedSquares implements projector. The host adds the sums, groups of rows in order and tiles of a group
// in order, so that no bit depends on the number of rows in a launch.
func (o *rowOperator) projectedSquares(b, c multiplier, sums driver.Pointer) (sum float64, err error) {
	err = o.addProjected(&sum, b, c, sums)
	return sum, err
}

// addProjected adds ‖BᵀA_iC‖_F² of each row of this device to sum.
func (o *rowOperator) addProjected(sum *float64, b, c multiplier, sums driver.Pointer) error {
	tiles := projectionTiles(b.cols, c.cols)
	work := float64(o.k) * float64(b.cols+c.cols) * projectionRows // multiply-adds of a group, about
	groups := max(int(min(o.mostWork/work, float64(mostSums/tiles))), 1)
	parts := make([]float64, groups*tiles)
	return o.eachTile(func(t tile) error {
		for first := 0; first < t.count; first += groups * projectionRows {
			piece := tile{first, min(groups*projectionRows, t.count-first), t.rows}
			piece.rows += driver.Pointer(int64(first) * o.stride)
			now := parts[:blocks(piece.count, projectionRows)*tiles]
			if err := o.launchProjection(piece, b, c, sums); err != nil {
				return err
			}
			if err := o.downloadNumbers(now, sums); err != nil {
				return err
			}
			for _, part := range now {
				*sum += part
			}
		}
		return nil
	})
}

// launchProjection computes the sums of a tile's rows.
func (o *rowOperator) launchProjection(t tile, b, c multiplier, sums driver.Pointer) error {
	grid := driver.Dim{projectionTiles(b.cols, c.cols), blocks(t.count, projectionRows), 1}
	return o.launch("projected_squares_"+string(o.entries), grid, driver.Dim{16, 16, 1},
		driver.Ptr(t.rows), driver.Ptr(o.levels), driver.Ptr(b.at), driver.Ptr(c.at), driver.Ptr(sums),
		driver.U32(t.count), driver.U64(uint64(o.stride)), driver.U32(o.n1), driver.U32(o.n2),
		driver.U32(b.cols), driver.U32(c.cols))
}
