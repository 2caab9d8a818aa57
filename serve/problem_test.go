package serve_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/numtest"
)

// sample is a problem of the test's own, with measurements that nobody but the test has made.
type sample struct {
	n1, n2, m int
	matrices  []float64 // m × n1 × n2
	y         []float64
}

// newSample makes random matrices, symmetric ones if asked for, and random observations.
func newSample(n1, n2, m int, symmetric bool) *sample {
	r := rand.New(rand.NewPCG(1, 2))
	s := &sample{n1: n1, n2: n2, m: m, matrices: normals(r, m*n1*n2), y: normals(r, m)}
	for k := 0; symmetric && k < len(s.matrices); k += n1 * n1 {
		for i := range n1 {
			for j := range i {
				s.matrices[k+i*n1+j] = s.matrices[k+j*n1+i]
			}
		}
	}
	return s
}

// normals are random numbers.
func normals(r *rand.Rand, count int) []float64 {
	list := make([]float64, count)
	for i := range list {
		list[i] = r.NormFloat64()
	}
	return list
}

// files writes the sample as user data and returns the settings.
func (s *sample) files(t testing.TB) object {
	t.Helper()
	return object{
		"matrices":     npyFile(t, s.matrices, s.m, s.n1, s.n2),
		"observations": npyFile(t, s.y, s.m),
		"device":       "cpu",
	}
}

// npyFile writes an array to a file.
func npyFile(t testing.TB, list []float64, shape ...int) string {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, shape, list); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "array.npy")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// products is ⟨A_i, Z⟩, by a plain loop.
func (s *sample) products(z *mat.Dense) []float64 {
	p := make([]float64, s.m)
	for i := range p {
		for a := range s.n1 {
			for b := range s.n2 {
				p[i] += s.matrices[(i*s.n1+a)*s.n2+b] * z.At(a, b)
			}
		}
	}
	return p
}

// f is the objective at Z, by a plain loop.
func (s *sample) f(z *mat.Dense) float64 {
	sum := 0.0
	for i, p := range s.products(z) {
		sum += (p - s.y[i]) * (p - s.y[i])
	}
	return sum / float64(4*s.m)
}

// product is the product of matrices, from left to right.
func product(first mat.Matrix, others ...mat.Matrix) *mat.Dense {
	z := mat.DenseCopyOf(first)
	for _, x := range others {
		next := new(mat.Dense)
		next.Mul(z, x)
		z = next
	}
	return z
}

// kinds are the parametrizations, with what each makes of its matrices.
var kinds = []struct {
	name      string
	n1, n2    int
	symmetric bool
	settings  object
	shapes    [][2]int
	z         func(f []*mat.Dense) *mat.Dense
}{
	{"psd", 5, 5, true, object{}, [][2]int{{5, 3}},
		func(f []*mat.Dense) *mat.Dense { return product(f[0], f[0].T()) }},
	{"uv", 5, 4, false, object{}, [][2]int{{5, 3}, {4, 3}},
		func(f []*mat.Dense) *mat.Dense { return product(f[0], f[1].T()) }},
	{"deep", 5, 4, false, object{"depth": 3}, [][2]int{{3, 4}, {3, 3}, {5, 3}},
		func(f []*mat.Dense) *mat.Dense { return product(f[2], f[1], f[0]) }},
	{"indefinite", 5, 5, true, object{}, [][2]int{{5, 3}, {5, 3}},
		func(f []*mat.Dense) *mat.Dense {
			z := product(f[0], f[0].T())
			z.Sub(z, product(f[1], f[1].T()))
			return z
		}},
	{"polar", 5, 5, true, object{}, [][2]int{{5, 3}, {3, 3}},
		func(f []*mat.Dense) *mat.Dense {
			z := product(f[0], f[1], f[0].T())
			z.Add(z, mat.DenseCopyOf(z.T()))
			z.Scale(0.5, z)
			return z
		}},
	{"sparse", 5, 1, false, object{}, [][2]int{{5, 1}, {5, 1}},
		func(f []*mat.Dense) *mat.Dense {
			z, v := mat.NewDense(5, 1, nil), mat.NewDense(5, 1, nil)
			z.MulElem(f[0], f[0])
			v.MulElem(f[1], f[1])
			z.Sub(z, v)
			return z
		}},
}

// TestValueAndGrad: for every parametrization, f is that of a plain loop, and the gradient that of central
// differences of the plain loop.
func TestValueAndGrad(t *testing.T) {
	c := connect(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := newSample(k.n1, k.n2, 30, k.symmetric)
			settings := s.files(t)
			settings["parametrization"], settings["factor-rank"] = k.name, 3
			if k.name == "sparse" {
				settings["matrices"] = npyFile(t, s.matrices, s.m, s.n1, s.n2)
				delete(settings, "factor-rank")
			}
			for key, v := range k.settings {
				settings[key] = v
			}
			opened := c.ask("open", object{"settings": settings})
			if got := fmt.Sprint(opened["shapes"]); got != strings.ReplaceAll(fmt.Sprint(k.shapes), ",", "") {
				t.Fatalf("the shapes are %v", got)
			}
			r := rand.New(rand.NewPCG(5, 6))
			var f []*mat.Dense
			var given []object
			for _, shape := range k.shapes {
				list := normals(r, shape[0]*shape[1])
				f = append(f, mat.NewDense(shape[0], shape[1], list))
				given = append(given, inline(shape[0], shape[1], list))
			}
			request := object{"problem": opened["problem"], "factor": [][]object{given}}
			a := c.ask("value_and_grad", request)
			want := s.f(k.z(f))
			if got := floats(a["values"])[0]; math.Abs(got-want) > 1e-13*want {
				t.Errorf("f is %v, not %v", got, want)
			}
			if got := floats(c.ask("value", request)["values"])[0]; math.Abs(got-want) > 1e-13*want {
				t.Errorf("the value alone is %v, not %v", got, want)
			}
			const h = 1e-5 // the error of central differences is about h² of the third derivative
			for b, u := range f {
				got := dataOf(a["grad"].([]any)[0].([]any)[b])
				for i, at := range u.RawMatrix().Data {
					u.RawMatrix().Data[i] = at + h
					up := s.f(k.z(f))
					u.RawMatrix().Data[i] = at - h
					down := s.f(k.z(f))
					u.RawMatrix().Data[i] = at
					if want := (up - down) / (2 * h); math.Abs(got[i]-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("the derivative by number %d of matrix %d is %v, not %v", i, b, got[i], want)
					}
				}
			}
			c.ask("close", object{"problem": opened["problem"]})
		})
	}
}

// TestBatch: factors are computed in groups of as many as there are members, of any ranks, and each has the
// bits that it has alone. Some gradients go to shared memory and others come inline.
func TestBatch(t *testing.T) {
	c := connect(t)
	settings := object{"n": 6, "rank": 2, "device": "cpu"}
	alone := c.open(settings)
	a := c.ask("open", object{"settings": settings, "members": 3})
	together := a["problem"]
	if a["members"] != 3.0 {
		t.Fatalf("the problem has %v members", a["members"])
	}
	memory := c.share(7 * 36)
	var factors, grads [][]object
	var want, values []float64
	r := rand.New(rand.NewPCG(3, 4))
	ranks := []int{6, 2, 6, 1, 6, 6, 3}
	for k, rank := range ranks {
		factor := []object{inline(6, rank, normals(r, 6*rank))}
		factors = append(factors, factor)
		place := object{}
		if k != 4 {
			place = memory.at(36*k, 6, rank)
		}
		grads = append(grads, []object{place})
		one := c.ask("value_and_grad", object{"problem": alone, "factor": [][]object{factor}})
		values = append(values, floats(one["values"])...)
		want = append(want, dataOf(one["grad"].([]any)[0].([]any)[0])...)
	}
	a = c.ask("value_and_grad", object{"problem": together, "factor": factors, "grad": grads})
	if got := floats(a["values"]); !numtest.SameBits(got, values) {
		t.Errorf("the values are %v, and alone %v", got, values)
	}
	var got []float64
	for k, rank := range ranks {
		inTheLine := a["grad"].([]any)[k].([]any)[0]
		if (inTheLine != nil) != (k == 4) {
			t.Errorf("gradient %d in the line is %v", k, inTheLine)
		}
		if k == 4 {
			got = append(got, dataOf(inTheLine)...)
		} else {
			got = append(got, memory.data[36*k:][:6*rank]...)
		}
	}
	if !numtest.SameBits(got, want) {
		t.Error("the gradients of a batch are not those of each alone")
	}
	none := c.ask("value_and_grad", object{"problem": together, "factor": [][]object{}})
	if len(none["values"].([]any)) != 0 {
		t.Errorf("no factor has the values %v", none["values"])
	}
}

// TestProducts: apply and adjoint are plain loops, for whole matrices and for factors, with symmetric
// measurements and with others.
func TestProducts(t *testing.T) {
	c := connect(t)
	near := func(t *testing.T, what string, got, want []float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d numbers, not %d", what, len(got), len(want))
		}
		for i := range want { // sums of some 30 products of numbers of size 1
			if math.Abs(got[i]-want[i]) > 1e-12 {
				t.Errorf("%s: number %d is %v, not %v", what, i, got[i], want[i])
			}
		}
	}
	for _, n2 := range []int{5, 4} {
		s := newSample(5, n2, 30, n2 == 5)
		settings := s.files(t)
		if n2 == 4 {
			settings["parametrization"] = "uv"
		}
		number := c.open(settings)
		if y := dataOf(c.ask("observations", object{"problem": number})["out"]); !numtest.SameBits(y, s.y) {
			t.Error("the observations are others")
		}
		r := rand.New(rand.NewPCG(7, 8))
		l, q := mat.NewDense(5, 2, normals(r, 10)), mat.NewDense(n2, 2, normals(r, 2*n2))
		z := product(l, q.T())
		want := s.products(z)
		a := c.ask("apply", object{"problem": number, "left": inline(5, 2, l.RawMatrix().Data),
			"right": inline(n2, 2, q.RawMatrix().Data)})
		near(t, "apply of a factor", dataOf(a["out"]), want)
		a = c.ask("apply", object{"problem": number, "matrix": inline(5, n2, z.RawMatrix().Data)})
		near(t, "apply of a matrix", dataOf(a["out"]), want)
		if n2 == 5 {
			a = c.ask("apply", object{"problem": number, "left": inline(5, 2, l.RawMatrix().Data),
				"right": inline(5, 2, l.RawMatrix().Data)})
			near(t, "apply of LLᵀ", dataOf(a["out"]), s.products(product(l, l.T())))
		}

		a = c.ask("matrices", object{"problem": number, "from": 3, "to": 7})
		near(t, "matrices 3 to 6", dataOf(a["out"]), s.matrices[3*5*n2:7*5*n2])

		w := normals(r, s.m)
		sum := mat.NewDense(5, n2, nil)
		for i, x := range w {
			for a := range 5 {
				for b := range n2 {
					sum.Set(a, b, sum.At(a, b)+x*s.matrices[(i*5+a)*n2+b])
				}
			}
		}
		weights := object{"shape": []int{s.m}, "data": w}
		a = c.ask("adjoint", object{"problem": number, "weights": weights})
		near(t, "the adjoint", dataOf(a["out"]), sum.RawMatrix().Data)
		a = c.ask("adjoint", object{"problem": number, "weights": weights,
			"x": inline(n2, 2, q.RawMatrix().Data)})
		near(t, "S·X", dataOf(a["out"]), product(sum, q).RawMatrix().Data)
		a = c.ask("adjoint", object{"problem": number, "weights": weights, "transpose": true,
			"x": inline(5, 2, l.RawMatrix().Data)})
		near(t, "Sᵀ·X", dataOf(a["out"]), product(sum.T(), l).RawMatrix().Data)
		a = c.ask("adjoint", object{"problem": number, "weights": weights, "transpose": true})
		near(t, "Sᵀ", dataOf(a["out"]), mat.DenseCopyOf(sum.T()).RawMatrix().Data)

		// With all pairs, values and vectors make S = 1/m Σ y_i A_i.
		sum.Zero()
		for i, x := range s.y {
			for a := range 5 {
				for b := range n2 {
					sum.Set(a, b, sum.At(a, b)+x*s.matrices[(i*5+a)*n2+b]/float64(s.m))
				}
			}
		}
		a = c.ask("spectral", object{"problem": number, "k": n2})
		left, right := mat.NewDense(5, n2, dataOf(a["left"])), mat.NewDense(n2, n2, dataOf(a["right"]))
		values := mat.NewDiagDense(n2, floats(a["values"]))
		near(t, "the spectral estimate", product(left, values, right.T()).RawMatrix().Data,
			sum.RawMatrix().Data)
		near(t, "its vectors", product(left.T(), left).RawMatrix().Data,
			product(mat.NewDiagDense(n2, ones(n2))).RawMatrix().Data)
		first := c.ask("spectral", object{"problem": number, "k": 1})
		near(t, "the first vector", dataOf(first["left"]), mat.Col(nil, 0, left))
	}
}

func ones(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

// TestSpectralSigned: for matrices with eigenvalues of both signs the estimate has the largest in magnitude.
func TestSpectralSigned(t *testing.T) {
	c := connect(t)
	s := newSample(5, 5, 30, true)
	settings := s.files(t)
	settings["parametrization"] = "indefinite"
	a := c.ask("spectral", object{"problem": c.open(settings), "k": 5})
	sum := mat.NewDense(5, 5, nil)
	for i, x := range s.y {
		for k, v := range s.matrices[25*i:][:25] {
			sum.RawMatrix().Data[k] += x * v / 30
		}
	}
	left, right := mat.NewDense(5, 5, dataOf(a["left"])), mat.NewDense(5, 5, dataOf(a["right"]))
	if made := product(left, mat.NewDiagDense(5, floats(a["values"])), right.T()); !mat.EqualApprox(made, sum,
		1e-12) {
		t.Errorf("the pairs make\n%v\nand S is\n%v", mat.Formatted(made), mat.Formatted(sum))
	}
	for i, v := range floats(a["values"]) {
		if v < 0 || i > 0 && v > floats(a["values"])[i-1] {
			t.Errorf("the magnitudes are %v", a["values"])
		}
	}
}
