package sensing

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/matsense/matsense/internal/npy"
)

// Dense is an ensemble of the user's measurement matrices. In a symmetric space an A_i that is not symmetric
// is replaced by (A_i + A_iᵀ)/2, which changes no ⟨A_i, Z⟩ with a symmetric Z.
type Dense struct {
	base
	rows []float64
	// Asymmetry is the largest |A_jk − A_kj| over all measurements, divided by the largest |A_jk|. It is 0 if
	// all given matrices are symmetric, and in a rectangular space.
	Asymmetry float64
}

var _ RowsInMemory[float64] = &Dense{}

// NewDense copies m × n × n float64 or float32 numbers, in any memory order.
func NewDense(a *tensor.Dense) (*Dense, error) { return newDense(a, true) }

// NewRectDense copies m × n1 × n2 float64 or float32 numbers, in any memory order. The matrices stay as they
// are.
func NewRectDense(a *tensor.Dense) (*Dense, error) { return newDense(a, false) }

func newDense(a *tensor.Dense, symmetric bool) (*Dense, error) {
	p, err := newPacker(a.Shape(), symmetric)
	if err != nil {
		return nil, err
	}
	at, err := reader(a)
	if err != nil {
		return nil, err
	}
	s := a.Strides()
	if len(s) == 0 { // a tensor of a single number
		s = []int{0, 0, 0}
	}
	for i := range p.m {
		for j := range p.n {
			for k := range p.n2 {
				p.matrix[j*p.n2+k] = at(i*s[0] + j*s[1] + k*s[2])
			}
		}
		p.pack(i)
	}
	return p.finish()
}

func reader(a *tensor.Dense) (func(at int) float64, error) {
	switch data := a.Data().(type) {
	case []float64:
		return func(at int) float64 { return data[at] }, nil
	case []float32:
		return func(at int) float64 { return float64(data[at]) }, nil
	}
	return nil, fmt.Errorf("sensing: measurement matrices must be float32 or float64, got %v", a.Dtype())
}

// LoadDense reads m × n × n numbers from a .npy file, matrix by matrix or, in Fortran order, element by
// element. So no more than the packed rows is in memory at any time.
func LoadDense(path string) (*Dense, error) { return loadDense(path, true) }

// LoadRectDense reads m × n1 × n2 numbers as [LoadDense] does.
func LoadRectDense(path string) (*Dense, error) { return loadDense(path, false) }

func loadDense(path string, symmetric bool) (*Dense, error) {
	r, err := npy.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d, err := readDense(r, symmetric)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func readDense(r *npy.Reader, symmetric bool) (*Dense, error) {
	p, err := newPacker(r.Shape, symmetric)
	if err != nil {
		return nil, err
	}
	if r.Fortran {
		err = p.readColumns(r)
	} else {
		err = p.readMatrices(r)
	}
	if err != nil {
		return nil, err
	}
	return p.finish()
}

// packer gathers matrices into rows of coordinates.
type packer struct {
	*Dense
	n, n2     int
	symmetric bool
	matrix    []float64 // the matrix being packed, n × n2
	skew, top float64   // largest |A_jk − A_kj| and |A_jk|
	bad       error     // the first entry that is not finite
}

func newPacker(shape []int, symmetric bool) (*packer, error) {
	switch {
	case symmetric && (len(shape) != 3 || shape[1] != shape[2]):
		return nil, fmt.Errorf("sensing: measurement matrices must have the shape (m, n, n), got %s",
			npy.ShapeString(shape))
	case len(shape) != 3:
		return nil, fmt.Errorf("sensing: measurement matrices must have the shape (m, n1, n2), got %s",
			npy.ShapeString(shape))
	}
	m, n, n2 := shape[0], shape[1], shape[2]
	var space Space = Rect{n, n2}
	if symmetric {
		space = Sym{n}
	}
	b, err := newBase(space, m)
	if err != nil {
		return nil, err
	}
	return &packer{
		Dense: &Dense{base: b, rows: make([]float64, m*b.space.K())},
		n:     n, n2: n2, symmetric: symmetric,
		matrix: make([]float64, n*n2),
	}, nil
}

func (p *packer) readMatrices(r *npy.Reader) error {
	for i := range p.m {
		if err := r.Read(p.matrix); err != nil {
			return err
		}
		p.pack(i)
	}
	return nil
}

// pack stores p.matrix as row i.
func (p *packer) pack(i int) {
	k := p.space.K()
	row := p.rows[i*k : (i+1)*k]
	if !p.symmetric {
		for at, v := range p.matrix {
			row[at] = p.checked(i, at/p.n2, at%p.n2, v)
		}
		return
	}
	at := 0
	for a := range p.n {
		row[at] = p.checked(i, a, a, p.matrix[a*p.n+a])
		at++
		for b := a + 1; b < p.n; b++ {
			row[at] = p.offDiagonal(i, a, b, p.matrix[a*p.n+b], p.matrix[b*p.n+a])
			at++
		}
	}
}

// readColumns reads a file in which the index of the measurement runs fastest, then the matrix's row. The
// lower triangle's element (b, a) comes before the upper's (a, b) and is kept in the row until then.
func (p *packer) readColumns(r *npy.Reader) error {
	k := p.space.K()
	column := make([]float64, p.m)
	for b := range p.n2 { // the matrix's column
		for a := range p.n { // its row
			if err := r.Read(column); err != nil {
				return err
			}
			lo, hi := min(a, b), max(a, b)
			at := lo*p.n - lo*(lo-1)/2 + hi - lo
			if !p.symmetric {
				at = a*p.n2 + b
			}
			for i, v := range column {
				entry := &p.rows[i*k+at]
				switch {
				case a == b || !p.symmetric:
					*entry = p.checked(i, a, b, v)
				case a > b:
					*entry = v
				default:
					*entry = p.offDiagonal(i, a, b, v, *entry)
				}
			}
		}
	}
	return nil
}

// checked checks an element and returns it.
func (p *packer) checked(i, a, b int, v float64) float64 {
	p.check(i, a, b, v)
	return v
}

// offDiagonal returns the coordinate that stands for the two elements (a, b) and (b, a).
func (p *packer) offDiagonal(i, a, b int, upper, lower float64) float64 {
	p.check(i, a, b, upper)
	p.check(i, b, a, lower)
	p.skew = max(p.skew, math.Abs(upper-lower))
	return math.Sqrt2 * (0.5 * (upper + lower))
}

func (p *packer) check(i, a, b int, v float64) {
	size := math.Abs(v)
	if size > p.top {
		p.top = size
	}
	if size <= Largest || p.bad != nil {
		return
	}
	p.bad = fmt.Errorf("sensing: measurement matrix %d, element (%d, %d) is %v: "+
		"every element must be finite, and at most %g so that its square is finite", i, a, b, v, Largest)
}

func (p *packer) finish() (*Dense, error) {
	if p.bad != nil {
		return nil, p.bad
	}
	if p.skew > 0 {
		p.Asymmetry = p.skew / p.top
	}
	return p.Dense, nil
}

// Name implements [Ensemble].
func (*Dense) Name() string { return "dense" }

// Entries implements [Ensemble].
func (*Dense) Entries() Entries { return F64 }

// Row implements [RowSource].
func (d *Dense) Row(i int, dst []float64) {
	k := d.space.K()
	copy(dst, d.rows[i*k:(i+1)*k])
}

// Rows implements [RowsInMemory].
func (d *Dense) Rows() []float64 { return d.rows }
