package sensing

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/numtest"
)

func TestNewTruth(t *testing.T) {
	tests := []struct {
		n, rank int
		kappa   float64
	}{
		{1, 1, 1}, {2, 1, 1}, {2, 2, 3}, {31, 5, 1}, {32, 3, 10}, {33, 33, 2}, {127, 7, 1e6}, {200, 3, 2},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("n=%d rank=%d kappa=%g", tt.n, tt.rank, tt.kappa), func(t *testing.T) {
			truth, err := NewTruth(tt.n, tt.rank, tt.kappa, 3)
			if err != nil {
				t.Fatal(err)
			}
			if rows(truth) != tt.n || truth.Rank() != tt.rank {
				t.Fatalf("n = %d, rank = %d", rows(truth), truth.Rank())
			}
			// σ is evenly spaced from 1 to 1/kappa: three operations on numbers of size 1, each off by at
			// most 2⁻⁵³.
			for j, got := range truth.Sigma() {
				want := 1.0
				if tt.rank > 1 {
					f := float64(j) / float64(tt.rank-1)
					want = (1 - f) + f/tt.kappa
				}
				if !(math.Abs(got-want) <= 4*0x1p-53) {
					t.Errorf("σ_%d = %v, want %v", j+1, got, want)
				}
			}
			checkTruth(t, truth, 1e-14)
		})
	}
}

// checkTruth tests the properties of every truth: a basis that is orthonormal up to a bound and spans X's
// columns, X's true singular values in descending order, and M* = X Xᵀ.
func checkTruth(t *testing.T, truth *Truth, orthonormal float64) {
	t.Helper()
	n, rank := rows(truth), truth.Rank()
	x, v, sigma := truth.X(), truth.Basis(), truth.Sigma()
	if r, c := v.Dims(); r != n || c != rank {
		t.Fatalf("the basis is %d × %d, want %d × %d", r, c, n, rank)
	}
	var gram mat.Dense
	gram.Mul(v.T(), v)
	for i := range rank {
		for j := range rank {
			want := 0.0
			if i == j {
				want = 1
			}
			if got := gram.At(i, j); !(math.Abs(got-want) <= orthonormal) {
				t.Fatalf("basis columns %d and %d have the inner product %v", i, j, got)
			}
		}
	}
	// An SVD is backward stable: its singular values are off by a few n·2⁻⁵³·‖X‖.
	rounding := 20 * float64(n) * 0x1p-53 * sigma[0]
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDNone) {
		t.Fatal("no singular values")
	}
	for j, want := range svd.Values(nil) {
		if got := sigma[j]; !(math.Abs(got-want) <= rounding) || !(got > 0) {
			t.Errorf("σ_%d = %v, and X's is %v", j+1, got, want)
		}
	}
	var inBasis, projected mat.Dense
	inBasis.Mul(v.T(), x)
	projected.Mul(v, &inBasis)
	for i := range n {
		for j := range rank {
			got, want := projected.At(i, j), x.At(i, j)
			if !(math.Abs(got-want) <= rounding+4*orthonormal*sigma[0]) {
				t.Fatalf("X's element (%d, %d) = %v leaves the basis' span: %v", i, j, want, got)
			}
		}
	}
	m := mat.NewDense(n, n, nil)
	truth.Matrix(m)
	for i := range n {
		for j := range n {
			var want, size float64
			for k := range rank {
				want += x.At(i, k) * x.At(j, k)
				size += math.Abs(x.At(i, k) * x.At(j, k))
			}
			// Two sums of rank products in different orders.
			if got := m.At(i, j); !(math.Abs(got-want) <= float64(2*rank+2)*0x1p-53*size) {
				t.Fatalf("M*(%d, %d) = %v, want %v", i, j, got, want)
			}
		}
	}
}

func TestNewTruthIsDeterministic(t *testing.T) {
	one, err := NewTruth(33, 4, 5, 8)
	if err != nil {
		t.Fatal(err)
	}
	same, _ := NewTruth(33, 4, 5, 8)
	if !numtest.SameBits(one.X().RawMatrix().Data, same.X().RawMatrix().Data) ||
		!numtest.SameBits(one.Basis().RawMatrix().Data, same.Basis().RawMatrix().Data) ||
		!numtest.SameBits(one.Sigma(), same.Sigma()) {
		t.Error("the same seed gives another truth")
	}
	other, _ := NewTruth(33, 4, 5, 9)
	if numtest.SameBits(one.X().RawMatrix().Data, other.X().RawMatrix().Data) {
		t.Error("two seeds give one truth")
	}
}

// Gram–Schmidt as documented, in exactly rounded operations: nothing is fused or reordered on any machine.
func TestNewTruthMatchesExactArithmetic(t *testing.T) {
	const n, rank, kappa, seed = 7, 6, 7, 12345
	truth, err := NewTruth(n, rank, kappa, seed)
	if err != nil {
		t.Fatal(err)
	}
	dot := func(a, b []float64) float64 {
		var sum float64
		for i := range a {
			sum = ieeeAdd(sum, ieeeMul(a[i], b[i]))
		}
		return sum
	}
	var columns [][]float64
	for j := range rank {
		v := make([]float64, n)
		for i := range v {
			w := philox([4]uint32{uint32(i / 2), uint32(j), 0, TruthStream}, [2]uint32{seed, 0})
			x, y := refNormalPair(uint64(w[0])|uint64(w[1])<<32, uint64(w[2])|uint64(w[3])<<32)
			v[i] = []float64{x, y}[i%2]
		}
		for range 2 {
			for _, u := range columns {
				d := dot(u, v)
				for i := range v {
					v[i] = ieeeSub(v[i], ieeeMul(d, u[i]))
				}
			}
			norm := ieeeSqrt(dot(v, v))
			for i := range v {
				v[i] = ieeeDiv(v[i], norm)
			}
		}
		columns = append(columns, v)
		sigma := ieeeAdd(ieeeSub(1, ieeeDiv(float64(j), rank-1)), ieeeDiv(ieeeDiv(float64(j), rank-1), kappa))
		if truth.Sigma()[j] != sigma {
			t.Errorf("σ_%d = %x, want %x", j+1, truth.Sigma()[j], sigma)
		}
		for i := range v {
			if got := truth.Basis().At(i, j); got != v[i] {
				t.Errorf("V(%d, %d) = %x, want %x", i, j, got, v[i])
			}
			if got, want := truth.X().At(i, j), ieeeMul(v[i], sigma); got != want {
				t.Errorf("X(%d, %d) = %x, want %x", i, j, got, want)
			}
		}
	}
}

// V is uniformly distributed: each element has mean 0 and variance 1/n over seeds.
func TestNewTruthIsUniform(t *testing.T) {
	const n, rank, seeds = 6, 3, 2000
	mean, square := mat.NewDense(n, rank, nil), mat.NewDense(n, rank, nil)
	for seed := range uint64(seeds) {
		truth, err := NewTruth(n, rank, 1, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range rank {
				v := truth.Basis().At(i, j)
				mean.Set(i, j, mean.At(i, j)+v/seeds)
				square.Set(i, j, square.At(i, j)+v*v/seeds)
			}
		}
	}
	// E v⁴ = 3/(n(n+2)) on the unit sphere.
	boundMean := sigmas * math.Sqrt(1.0/n/seeds)
	boundSquare := sigmas * math.Sqrt((3.0/(n*(n+2))-1.0/(n*n))/seeds)
	for i := range n {
		for j := range rank {
			if got := mean.At(i, j); !(math.Abs(got) <= boundMean) {
				t.Errorf("element (%d, %d) has the mean %.3g, want 0 ± %.2g", i, j, got, boundMean)
			}
			if got := square.At(i, j); !(math.Abs(got-1.0/n) <= boundSquare) {
				t.Errorf("element (%d, %d) has the variance %.3g, want 1/%d ± %.2g",
					i, j, got, n, boundSquare)
			}
		}
	}
}

func TestNewTruthRefusals(t *testing.T) {
	tests := []struct {
		n, rank int
		kappa   float64
		want    []string
	}{
		{0, 1, 1, []string{"n ", "0"}},
		{-4, 1, 1, []string{"n ", "-4"}},
		{5, 0, 1, []string{"rank", "0"}},
		{5, -1, 1, []string{"rank", "-1"}},
		{5, 6, 1, []string{"rank", "6", "5"}},
		{5, 2, 0.5, []string{"kappa", "0.5"}},
		{5, 2, 0, []string{"kappa", "0"}},
		{5, 2, -2, []string{"kappa", "-2"}},
		{5, 2, math.NaN(), []string{"kappa", "NaN"}},
		{5, 2, math.Inf(1), []string{"kappa", "+Inf"}},
		{5, 1, 2.5, []string{"kappa", "rank 1", "2.5"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("n=%d rank=%d kappa=%g", tt.n, tt.rank, tt.kappa), func(t *testing.T) {
			truth, err := NewTruth(tt.n, tt.rank, tt.kappa, 1)
			checkError(t, err, tt.want...)
			if truth != nil {
				t.Error("a truth is returned with the error")
			}
		})
	}
}

// A condition number so large that 1 − (1 − 1/kappa) cancels is reached to 1 %, or refused. σ is never zero.
func TestNewTruthLargeKappa(t *testing.T) {
	for _, kappa := range []float64{1e9, 1e12, 1e15, 1e16, 1e17, 1e300} {
		t.Run(fmt.Sprint(kappa), func(t *testing.T) {
			truth, err := NewTruth(5, 2, kappa, 1)
			if err != nil {
				checkError(t, err, "kappa", fmt.Sprint(kappa))
				return
			}
			if got := truth.Sigma()[1] * kappa; !(math.Abs(got-1) <= 0.01) {
				t.Errorf("σ_2 = %v, want 1/kappa = %v", truth.Sigma()[1], 1/kappa)
			}
		})
	}
}

func TestTruthOf(t *testing.T) {
	t.Run("known", func(t *testing.T) {
		// The columns are along e₂ and e₁, of lengths 3 and 4: the singular values are 4 and 3, the basis
		// ±e₁, ±e₂.
		x := mat.NewDense(3, 2, []float64{0, 4, 3, 0, 0, 0})
		truth, err := TruthOf(x)
		if err != nil {
			t.Fatal(err)
		}
		checkTruth(t, truth, 1e-14)
		if s := truth.Sigma(); len(s) != 2 || math.Abs(s[0]-4) > 1e-14 || math.Abs(s[1]-3) > 1e-14 {
			t.Errorf("singular values %v, want 4, 3", s)
		}
		if v := truth.Basis(); math.Abs(math.Abs(v.At(0, 0))-1) > 1e-14 ||
			math.Abs(math.Abs(v.At(1, 1))-1) > 1e-14 {
			t.Errorf("the basis is %v, want ±e₁, ±e₂", v.RawMatrix().Data)
		}
		// M* = diag(16, 9, 0), from products of small whole numbers.
		m := mat.NewDense(3, 3, nil)
		truth.Matrix(m)
		if !mat.Equal(m, mat.NewDense(3, 3, []float64{16, 0, 0, 0, 9, 0, 0, 0, 0})) {
			t.Errorf("M* = %v, want diag(16, 9, 0)", m.RawMatrix().Data)
		}
	})
	t.Run("copies X", func(t *testing.T) {
		x := mat.NewDense(2, 1, []float64{1, 2})
		truth, err := TruthOf(x)
		if err != nil {
			t.Fatal(err)
		}
		x.Set(0, 0, 100)
		if got := truth.X().At(0, 0); got != 1 {
			t.Errorf("a change to the given X changes the truth: %v", got)
		}
	})
	t.Run("of a drawn X", func(t *testing.T) {
		drawn, err := NewTruth(33, 4, 100, 2)
		if err != nil {
			t.Fatal(err)
		}
		truth, err := TruthOf(drawn.X())
		if err != nil {
			t.Fatal(err)
		}
		checkTruth(t, truth, 1e-13) // LAPACK's basis: a few n·2⁻⁵³
		for j, got := range truth.Sigma() {
			if want := drawn.Sigma()[j]; !(math.Abs(got-want) <= 1e-14) {
				t.Errorf("σ_%d = %v, want %v", j+1, got, want)
			}
		}
	})
	t.Run("square and scaled", func(t *testing.T) {
		// Numbers far from 1 must not be refused.
		for _, scale := range []float64{1e-150, 1, 1e70} {
			truth, err := TruthOf(mat.NewDense(2, 2, []float64{scale, 0, scale, scale}))
			if err != nil {
				t.Fatalf("scale %g: %v", scale, err)
			}
			// ((1, 0), (1, 1)) has the golden ratio and its inverse as singular values.
			for j, want := range []float64{math.Phi * scale, scale / math.Phi} {
				if got := truth.Sigma()[j]; !(math.Abs(got-want) <= 1e-14*want) {
					t.Errorf("scale %g: σ_%d = %v, want %v", scale, j+1, got, want)
				}
			}
		}
	})
}

func TestTruthOfRefusals(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name string
		x    *mat.Dense
		want []string
	}{
		{"more columns than rows", mat.NewDense(2, 3, []float64{1, 0, 0, 0, 1, 0}), []string{"2 × 3"}},
		{"equal columns", mat.NewDense(3, 2, []float64{1, 1, 2, 2, 3, 3}),
			[]string{"2 columns", "dependent"}},
		{"a zero column", mat.NewDense(3, 2, []float64{1, 0, 2, 0, 3, 0}),
			[]string{"2 columns", "dependent"}},
		{"zero", mat.NewDense(3, 1, nil), []string{"1 columns", "dependent"}},
		{
			"the third is the sum of two", mat.NewDense(4, 3, []float64{1, 0, 1, 0, 1, 1, 2, 1, 3, 1, 5, 6}),
			[]string{"3 columns", "dependent"},
		},
		{"empty", new(mat.Dense), []string{"0 × 0"}},
		{"NaN", mat.NewDense(3, 2, []float64{1, 0, 0, 1, 0, nan}), []string{"(2, 1)", "NaN"}},
		{"infinity", mat.NewDense(3, 2, []float64{1, 0, inf, 1, 0, 0}), []string{"(1, 0)", "+Inf"}},
		{"minus infinity", mat.NewDense(3, 2, []float64{1, -inf, 0, 1, 0, 0}), []string{"(0, 1)", "-Inf"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			truth, err := TruthOf(tt.x)
			checkError(t, err, tt.want...)
			if truth != nil {
				t.Error("a truth is returned with the error")
			}
		})
	}
}

// rows returns n of a truth.
func rows(t *Truth) int { n, _ := t.Dims(); return n }

// TestRectTruth: both factors have the properties of every truth's factor, they are balanced, and M* = X Yᵀ
// has the singular values σ². The left factor is NewTruth's for the same seed, and the right factor another
// draw.
func TestRectTruth(t *testing.T) {
	for _, c := range []struct{ n1, n2, rank int }{{7, 4, 2}, {4, 7, 3}, {5, 5, 1}} {
		kappa := float64(c.rank)
		truth, err := NewRectTruth(c.n1, c.n2, c.rank, kappa, 3)
		if err != nil {
			t.Fatal(err)
		}
		left, err := NewTruth(c.n1, c.rank, kappa, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(truth.X(), left.X()) ||
			c.n1 == c.n2 && mat.EqualApprox(truth.X(), truth.Right(), 1e-3) {
			t.Error("a side is not the draw that it should be")
		}
		// The same truth, from factors that are far from balanced.
		var x, y mat.Dense
		mix := mat.NewDense(c.rank, c.rank, nil)
		for i := range c.rank {
			for j := range c.rank {
				mix.Set(i, j, float64(3+i-2*j))
			}
			mix.Set(i, i, 20)
		}
		var inverse mat.Dense
		if err := inverse.Inverse(mix); err != nil {
			t.Fatal(err)
		}
		x.Mul(truth.X(), mix)
		y.Mul(truth.Right(), inverse.T())
		again, err := RectTruthOf(&x, &y)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]*Truth{"drawn": truth, "given": again} {
			checkRect(t, name, got, truth, c.n1, c.n2)
		}
	}
	if _, err := NewRectTruth(3, 5, 4, 1, 1); err == nil {
		t.Error("a rank above the smaller side was taken")
	}
	for _, c := range []struct{ x, y *mat.Dense }{
		{mat.NewDense(3, 1, []float64{1, 2, 3}), mat.NewDense(2, 2, []float64{1, 0, 0, 1})},
		{mat.NewDense(3, 1, nil), mat.NewDense(2, 1, []float64{1, 2})},
		{mat.NewDense(3, 1, []float64{1, 2, 3}), mat.NewDense(2, 1, []float64{math.NaN(), 2})},
		{mat.NewDense(3, 2, []float64{1, 2, 2, 4, 0, 0}), mat.NewDense(2, 2, []float64{1, 0, 0, 1})},
	} {
		if _, err := RectTruthOf(c.x, c.y); err == nil {
			t.Errorf("%v and %v make a truth", mat.Formatted(c.x), mat.Formatted(c.y))
		}
	}
}

func checkRect(t *testing.T, name string, got, want *Truth, n1, n2 int) {
	t.Helper()
	if a, b := got.Dims(); a != n1 || b != n2 {
		t.Fatalf("%s: %d × %d", name, a, b)
	}
	for _, s := range []side{got.left, got.right} {
		var gram, scaled mat.Dense
		gram.Mul(s.basis.T(), s.basis)
		scaled.Mul(s.basis, mat.NewDiagDense(got.Rank(), got.sigma))
		identity := mat.NewDiagDense(got.Rank(), nil)
		for i := range got.Rank() {
			identity.SetDiag(i, 1)
		}
		if !mat.EqualApprox(&gram, identity, 1e-13) || !mat.EqualApprox(&scaled, s.x, 1e-13) {
			t.Errorf("%s: a side is not an orthonormal basis times σ", name)
		}
	}
	a, b := mat.NewDense(n1, n2, nil), mat.NewDense(n1, n2, nil)
	got.Matrix(a)
	want.Matrix(b)
	if !mat.EqualApprox(a, b, 1e-12) {
		t.Errorf("%s: M* differs", name)
	}
	for j, s := range got.Sigma() {
		if math.Abs(s-want.Sigma()[j]) > 1e-12 {
			t.Errorf("%s: σ_%d is %v, want %v", name, j+1, s, want.Sigma()[j])
		}
	}
}

// TestDrawTruth: M* has the singular values that were asked for, and the signs; its X has the directions of
// NewTruth, scaled by their roots.
func TestDrawTruth(t *testing.T) {
	singular := []float64{9, 4, 0.25}
	for name, c := range map[string]struct {
		space    Space
		negative int
	}{"XXᵀ": {Sym{7}, 0}, "XSXᵀ": {Sym{7}, 2}, "XYᵀ": {Rect{7, 5}, 0}} {
		truth, err := DrawTruth(c.space, singular, c.negative, UniformVectors, 3)
		if err != nil {
			t.Fatal(err)
		}
		even, err := NewTruth(7, 3, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 7 {
			for j, s := range []float64{3, 2, 0.5} {
				if got, want := truth.X().At(i, j), even.X().At(i, j)*s; math.Abs(got-want) > 1e-15 {
					t.Errorf("%s: X(%d, %d) is %v, want %v", name, i, j, got, want)
				}
			}
		}
		var m mat.Dense
		var svd mat.SVD
		m.Mul(truth.X(), truth.Right().T())
		svd.Factorize(&m, mat.SVDNone)
		for j, got := range svd.Values(nil)[:3] {
			if math.Abs(got-singular[j]) > 1e-14*singular[0] {
				t.Errorf("%s: singular value %d is %v, want %v", name, j, got, singular[j])
			}
		}
		negative := 0
		for _, s := range truth.Signs() {
			if s < 0 {
				negative++
			}
		}
		if negative != c.negative {
			t.Errorf("%s: %d eigenvalues are negative, want %d", name, negative, c.negative)
		}
	}
	for name, c := range map[string]struct {
		space    Space
		singular []float64
		negative int
	}{
		"none": {Sym{3}, nil, 0}, "too many": {Rect{3, 2}, []float64{3, 2, 1}, 0},
		"ascending": {Sym{3}, []float64{1, 2}, 0}, "zero": {Sym{3}, []float64{1, 0}, 0},
		"as good as zero": {Sym{3}, []float64{1, 1e-12}, 0},
		"not a number":    {Sym{3}, []float64{math.NaN()}, 0}, "infinite": {Sym{3}, []float64{math.Inf(1)}, 0},
		"signs":                {Sym{3}, []float64{1}, 2},
		"signs of a rectangle": {Rect{3, 2}, []float64{1}, 1},
	} {
		if _, err := DrawTruth(c.space, c.singular, c.negative, UniformVectors, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestSignVectors: columns of random signs, made orthonormal, have rows of nearly equal norm, and those of
// Gaussian numbers have not. Where signs depend on earlier ones, the columns are orthonormal nevertheless.
func TestSignVectors(t *testing.T) {
	coherence := func(vectors Vectors) float64 { // the largest squared norm of a row, times n/r: at least 1
		const n, rank = 1000, 10
		singular := slices.Repeat([]float64{1}, rank)
		truth, err := DrawTruth(Sym{n}, singular, 0, vectors, 5)
		if err != nil {
			t.Fatal(err)
		}
		largest := 0.0
		for i := range n {
			norm := mat.Norm(truth.Basis().RowView(i), 2)
			largest = max(largest, norm*norm*n/rank)
		}
		return largest
	}
	if got := coherence(SignVectors); got > 1.5 {
		t.Errorf("with signs a row has %v times the mean squared norm", got)
	}
	if got := coherence(UniformVectors); got < 2 {
		t.Errorf("with uniform vectors no row has more than %v times the mean squared norm", got)
	}
	for seed := range uint64(40) { // of two columns of two signs, a half are dependent
		truth, err := DrawTruth(Sym{2}, []float64{1, 1}, 0, SignVectors, seed)
		if err != nil {
			t.Fatal(err)
		}
		var gram mat.Dense
		gram.Mul(truth.Basis().T(), truth.Basis())
		for i := range 2 {
			for j := range 2 {
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(gram.At(i, j)-want) > 1e-15 {
					t.Errorf("seed %d: ⟨v_%d, v_%d⟩ is %v", seed, i, j, gram.At(i, j))
				}
			}
		}
	}
	if _, err := DrawTruth(Sym{2}, []float64{1}, 0, "cauchy", 1); err == nil {
		t.Error("an unknown law: no error")
	}
}
