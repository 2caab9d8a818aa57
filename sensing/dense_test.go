package sensing

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/numtest"
)

// stack is m matrices of n × n numbers in C order.
type stack struct {
	m, n int
	data []float64
}

// shortStack returns random matrices of numbers with 11 significant bits, so that float32 holds them and the
// sum of two of them is exact.
func shortStack(m, n int, symmetric bool) stack {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(n)))
	s := stack{m, n, make([]float64, m*n*n)}
	for i := range m {
		for j := range n {
			for k := range n {
				v := float64(rng.IntN(1<<11)-1<<10) / 64
				if symmetric && k < j {
					v = s.at(i, k, j)
				}
				s.data[(i*n+j)*n+k] = v
			}
		}
	}
	return s
}

func (s stack) at(i, j, k int) float64 { return s.data[(i*s.n+j)*s.n+k] }

// columns returns the numbers in Fortran order.
func (s stack) columns() []float64 {
	var out []float64
	for k := range s.n {
		for j := range s.n {
			for i := range s.m {
				out = append(out, s.at(i, j, k))
			}
		}
	}
	return out
}

// rows returns svec((A + Aᵀ)/2) of each matrix.
func (s stack) rows() []float64 {
	space := Sym{s.n}
	out := make([]float64, s.m*space.K())
	a := mat.NewDense(s.n, s.n, nil)
	for i := range s.m {
		a.Apply(func(j, k int, _ float64) float64 { return (s.at(i, j, k) + s.at(i, k, j)) / 2 }, a)
		space.Coordinates(out[i*space.K():(i+1)*space.K()], a)
	}
	return out
}

// asymmetry returns max |A_jk − A_kj| / max |A_jk|.
func (s stack) asymmetry() float64 {
	var skew, top float64
	for i := range s.m {
		for j := range s.n {
			for k := range s.n {
				skew = max(skew, math.Abs(s.at(i, j, k)-s.at(i, k, j)))
				top = max(top, math.Abs(s.at(i, j, k)))
			}
		}
	}
	if skew == 0 {
		return 0
	}
	return skew / top
}

// file returns a .npy file with numbers in the order given.
func file(descr string, fortran bool, shape []int, data []float64) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n",
		descr, order, npy.ShapeString(shape))
	out := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	out = append(out, text...)
	return append(out, numtest.Encode(descr, data)...)
}

func fromFile(t *testing.T, file []byte) (*Dense, error) {
	t.Helper()
	r, err := npy.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return readDense(r, true)
}

func singles(data []float64) []float32 {
	out := make([]float32, len(data))
	for i, v := range data {
		out[i] = float32(v)
	}
	return out
}

// route is a way to make a Dense of a stack.
type route struct {
	name  string
	bring func() (*Dense, error)
}

func routes(t *testing.T, s stack) []route {
	t.Helper()
	shape := tensor.WithShape(s.m, s.n, s.n)
	out := []route{
		{"tensor f64 C", func() (*Dense, error) {
			return NewDense(tensor.New(shape, tensor.WithBacking(s.data)))
		}},
		{"tensor f32 C", func() (*Dense, error) {
			return NewDense(tensor.New(shape, tensor.WithBacking(singles(s.data))))
		}},
		{"tensor f64 Fortran", func() (*Dense, error) {
			return NewDense(tensor.New(shape, tensor.WithBacking(s.columns()), tensor.AsFortran(nil)))
		}},
		{"tensor f32 Fortran", func() (*Dense, error) {
			backing := tensor.WithBacking(singles(s.columns()))
			return NewDense(tensor.New(shape, backing, tensor.AsFortran(nil)))
		}},
		{"tensor f64 turned to Fortran", func() (*Dense, error) {
			return NewDense(tensor.New(shape, tensor.AsFortran(append([]float64{}, s.data...))))
		}},
		{"tensor f64 transposed view", func() (*Dense, error) {
			// The measurement's index is last in the backing, and brought to the front by the view.
			var turned []float64
			for j := range s.n {
				for k := range s.n {
					for i := range s.m {
						turned = append(turned, s.at(i, j, k))
					}
				}
			}
			a := tensor.New(tensor.WithShape(s.n, s.n, s.m), tensor.WithBacking(turned))
			if err := a.T(2, 0, 1); err != nil {
				return nil, err
			}
			return NewDense(a)
		}},
		{"tensor f64 window", func() (*Dense, error) {
			// The stack is a window into a larger one of NaN.
			m, n := s.m+2, s.n+3
			frame := make([]float64, m*n*n)
			for i := range frame {
				frame[i] = math.NaN()
			}
			for i := range s.m {
				for j := range s.n {
					for k := range s.n {
						frame[((i+1)*n+j+1)*n+k+2] = s.at(i, j, k)
					}
				}
			}
			a := tensor.New(tensor.WithShape(m, n, n), tensor.WithBacking(frame))
			v, err := a.Slice(tensor.S(1, 1+s.m), tensor.S(1, 1+s.n), tensor.S(2, 2+s.n))
			if err != nil {
				return nil, err
			}
			return NewDense(v.(*tensor.Dense))
		}},
	}
	if s.m == 1 || s.n == 1 {
		// The tensor package drops a window's dimensions of size 1.
		out = slices.DeleteFunc(out, func(r route) bool { return strings.HasSuffix(r.name, "window") })
	}
	for _, descr := range []string{"<f8", ">f8", "<f4", ">f4"} {
		out = append(out,
			route{"npy " + descr + " C", func() (*Dense, error) {
				return fromFile(t, file(descr, false, []int{s.m, s.n, s.n}, s.data))
			}},
			route{"npy " + descr + " Fortran", func() (*Dense, error) {
				return fromFile(t, file(descr, true, []int{s.m, s.n, s.n}, s.columns()))
			}})
	}
	return out
}

func TestDenseRoutes(t *testing.T) {
	for _, shape := range [][2]int{{1, 2}, {2, 1}, {3, 2}, {2, 3}, {5, 5}, {4, 31}, {3, 32}, {2, 33}} {
		for _, symmetric := range []bool{true, false} {
			s := shortStack(shape[0], shape[1], symmetric)
			want := s.rows()
			for _, r := range routes(t, s) {
				name := fmt.Sprintf("m=%d n=%d symmetric=%t/%s", s.m, s.n, symmetric, r.name)
				t.Run(name, func(t *testing.T) {
					d, err := r.bring()
					if err != nil {
						t.Fatal(err)
					}
					checkDense(t, d, s, want)
				})
			}
		}
	}
}

// TestRectDense: a rectangular stack keeps its numbers, whichever way it comes in. Numbers that cannot be
// used are an error.
func TestRectDense(t *testing.T) {
	shape := []int{2, 3, 4}
	data := make([]float64, 24)
	columns := make([]float64, 24) // in Fortran's order: the measurement's index runs fastest
	for at := range data {
		i, j, k := at/12, at/4%3, at%4
		data[at] = float64(at) - 7.5
		columns[i+2*(j+3*k)] = data[at]
	}
	fromFile := func(text []byte) (*Dense, error) {
		r, err := npy.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		return readDense(r, false)
	}
	for name, bring := range map[string]func() (*Dense, error){
		"tensor C": func() (*Dense, error) {
			return NewRectDense(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)))
		},
		"tensor Fortran": func() (*Dense, error) {
			return NewRectDense(tensor.New(
				tensor.WithShape(shape...), tensor.WithBacking(columns), tensor.AsFortran(nil)))
		},
		"npy C":       func() (*Dense, error) { return fromFile(file("<f8", false, shape, data)) },
		"npy Fortran": func() (*Dense, error) { return fromFile(file("<f4", true, shape, columns)) },
	} {
		d, err := bring()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Space() != (Rect{3, 4}) || d.Measurements() != 2 || d.Asymmetry != 0 ||
			!slices.Equal(d.Rows(), data) {
			t.Errorf("%s: %v of %d measurements, asymmetry %v:\n%v",
				name, d.Space(), d.Measurements(), d.Asymmetry, d.Rows())
		}
	}
	bad := slices.Clone(data)
	bad[17] = math.NaN()
	_, err := fromFile(file("<f8", false, shape, bad))
	if err == nil || !strings.Contains(err.Error(), "measurement matrix 1, element (1, 1) is NaN") {
		t.Errorf("of NaN it says %v", err)
	}
	if _, err := fromFile(file("<f8", false, []int{6, 4}, data)); err == nil {
		t.Error("a shape of two numbers was taken")
	}
}

func checkDense(t *testing.T, d *Dense, s stack, want []float64) {
	t.Helper()
	if d.Name() != "dense" || d.Entries() != F64 || d.Measurements() != s.m || d.Space() != (Sym{s.n}) {
		t.Fatalf("%s of %d %s rows in %v, want dense of %d f64 rows in Sym{%d}",
			d.Name(), d.Measurements(), d.Entries(), d.Space(), s.m, s.n)
	}
	if !numtest.SameBits(d.Rows(), want) {
		t.Fatalf("rows %v, want %v", d.Rows(), want)
	}
	k := d.Space().K()
	for i := range s.m {
		if got := rowValues(t, d, i); !numtest.SameBits(got, want[i*k:(i+1)*k]) {
			t.Fatalf("row %d is %v, want %v", i, got, want[i*k:(i+1)*k])
		}
	}
	// Differences and magnitudes of short numbers are exact, so that the only rounding is the division's.
	if got, want := d.Asymmetry, s.asymmetry(); got != want {
		t.Errorf("asymmetry %v, want %v", got, want)
	}
}

// The tensor package gives no strides for one 1 × 1 measurement in Fortran order. It must be read like any
// other.
func TestDenseOneNumber(t *testing.T) {
	s := stack{1, 1, []float64{3}}
	for _, r := range routes(t, s) {
		t.Run(r.name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			d, err := r.bring()
			if err != nil {
				t.Fatal(err)
			}
			checkDense(t, d, s, []float64{3})
		})
	}
}

// Taking the symmetric part changes no ⟨A_i, Z⟩ with a symmetric Z.
func TestDenseKeepsInnerProducts(t *testing.T) {
	const m, n = 5, 9
	rng := rand.New(rand.NewPCG(5, 6))
	s := stack{m, n, make([]float64, m*n*n)}
	for i := range s.data {
		s.data[i] = rng.NormFloat64()
	}
	z := mat.NewDense(n, n, nil)
	fill(rng, z, Sym{n})
	vz := make([]float64, Sym{n}.K())
	Sym{n}.Coordinates(vz, z)
	d, err := NewDense(tensor.New(tensor.WithShape(m, n, n), tensor.WithBacking(s.data)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m {
		a := mat.NewDense(n, n, s.data[i*n*n:(i+1)*n*n])
		var got, size float64
		for j, v := range rowValues(t, d, i) {
			got += v * vz[j]
			size += math.Abs(v * vz[j])
		}
		for j := range n {
			for k := range n {
				size += math.Abs(a.At(j, k) * z.At(j, k))
			}
		}
		// Two sums of at most n² products with a few roundings each, relative to their terms' sizes.
		if want := inner(a, z); !(math.Abs(got-want) <= (n*n+8)*0x1p-53*size) {
			t.Errorf("measurement %d: a·z = %v, ⟨A, Z⟩ = %v", i, got, want)
		}
	}
	if d.Asymmetry != s.asymmetry() {
		t.Errorf("asymmetry %v, want %v", d.Asymmetry, s.asymmetry())
	}
}

func TestDenseCopies(t *testing.T) {
	s := shortStack(2, 3, true)
	want := s.rows()
	d, err := NewDense(tensor.New(tensor.WithShape(2, 3, 3), tensor.WithBacking(s.data)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.data {
		s.data[i] = -99
	}
	if !numtest.SameBits(d.Rows(), want) {
		t.Error("a change to the given tensor changes the ensemble")
	}
}

func TestDenseRefusesWhatIsNotFinite(t *testing.T) {
	const m, n = 3, 4
	tests := []struct {
		name string
		bad  float64
		at   [3]int // measurement, row, column: on the diagonal, above it and below
	}{
		{"NaN", math.NaN(), [3]int{0, 0, 0}},
		{"NaN", math.NaN(), [3]int{2, 0, 3}},
		{"NaN", math.NaN(), [3]int{1, 3, 1}},
		{"+Inf", math.Inf(1), [3]int{1, 2, 2}},
		{"+Inf", math.Inf(1), [3]int{1, 1, 2}},
		{"+Inf", math.Inf(1), [3]int{2, 3, 2}},
		{"-Inf", math.Inf(-1), [3]int{2, 3, 3}},
	}
	for _, tt := range tests {
		s := shortStack(m, n, false)
		s.data[(tt.at[0]*n+tt.at[1])*n+tt.at[2]] = tt.bad
		for _, r := range routes(t, s) {
			t.Run(fmt.Sprintf("%s at %v/%s", tt.name, tt.at, r.name), func(t *testing.T) {
				d, err := r.bring()
				element := fmt.Sprintf("matrix %d, element (%d, %d)", tt.at[0], tt.at[1], tt.at[2])
				checkError(t, err, element, tt.name)
				if d != nil {
					t.Error("an ensemble is returned with the error")
				}
			})
		}
	}
}

// Numbers near the largest double: (A + Aᵀ)/2 of finite matrices is finite, and so is |A_jk − A_kj| / max
// |A|. NewDense either takes the numbers unchanged or names the element that it refuses; a row never has an
// infinity that was not given.
func TestDenseLargeNumbers(t *testing.T) {
	const big = 1.7e308
	tests := []struct {
		name string
		stack
	}{
		{"symmetric", stack{1, 2, []float64{1, 1e308, 1e308, 1}}}, // √2·10³⁰⁸ is finite
		{"symmetric, √2 beyond", stack{1, 2, []float64{1, big, big, 1}}},
		{"skew", stack{1, 2, []float64{1, big, -big, 1}}},
	}
	for _, s := range tests {
		t.Run(s.name, func(t *testing.T) {
			d, err := NewDense(tensor.New(tensor.WithShape(s.m, s.n, s.n), tensor.WithBacking(s.data)))
			if err != nil {
				checkError(t, err, "matrix 0", "(0, 1)")
				return
			}
			for j, v := range d.Rows() {
				if math.IsInf(v, 0) || math.IsNaN(v) {
					t.Errorf("coordinate %d of finite matrices is %v", j, v)
				}
			}
			if !(d.Asymmetry <= 2) {
				t.Errorf("asymmetry %v; |a − b| is at most twice the larger", d.Asymmetry)
			}
		})
	}
}

func TestDenseWrongShapes(t *testing.T) {
	tests := []struct {
		shape []int
		want  []string
	}{
		{[]int{}, []string{"(m, n, n)", "()"}},
		{[]int{8}, []string{"(m, n, n)", "(8,)"}},
		{[]int{4, 4}, []string{"(m, n, n)", "(4, 4)"}},
		{[]int{2, 3, 4}, []string{"(m, n, n)", "(2, 3, 4)"}},
		{[]int{2, 2, 4}, []string{"(m, n, n)", "(2, 2, 4)"}},
		{[]int{2, 2, 2, 2}, []string{"(m, n, n)", "(2, 2, 2, 2)"}},
		{[]int{0, 3, 3}, []string{"measurements", "0"}},
		{[]int{3, 0, 0}, []string{"0 × 0"}},
	}
	for _, tt := range tests {
		size := 1
		for _, d := range tt.shape {
			size *= d
		}
		data := make([]float64, size)
		t.Run("npy "+npy.ShapeString(tt.shape), func(t *testing.T) {
			_, err := fromFile(t, file("<f8", false, tt.shape, data))
			checkError(t, err, tt.want...)
		})
		if size == 0 || len(tt.shape) == 0 {
			continue // no tensor has a backing of no numbers
		}
		t.Run("tensor "+npy.ShapeString(tt.shape), func(t *testing.T) {
			_, err := NewDense(tensor.New(tensor.WithShape(tt.shape...), tensor.WithBacking(data)))
			checkError(t, err, tt.want...)
		})
	}
	t.Run("side too large", func(t *testing.T) {
		// The header states a size that the file does not have: the reader must refuse it before it allocates
		// memory.
		head := file("<f8", false, []int{1, 65537, 65537}, nil)
		r, err := npy.NewReader(bytes.NewReader(head), int64(len(head))+8*65537*65537)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readDense(r, true)
		checkError(t, err, "65537 × 65537", "65536")
	})
}

func TestDenseWrongNumbers(t *testing.T) {
	t.Run("whole numbers", func(t *testing.T) {
		_, err := NewDense(tensor.New(tensor.WithShape(1, 2, 2), tensor.WithBacking([]int{1, 2, 3, 4})))
		checkError(t, err, "float64", "int")
	})
	for _, fortran := range []bool{false, true} {
		t.Run(fmt.Sprintf("file cut short, fortran=%t", fortran), func(t *testing.T) {
			f := file("<f8", fortran, []int{2, 3, 3}, make([]float64, 18))
			r, err := npy.NewReader(bytes.NewReader(f[:len(f)-1]), int64(len(f)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readDense(r, true); err == nil {
				t.Error("no error")
			}
		})
	}
}
