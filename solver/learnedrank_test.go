package solver

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// TestLearnedRank: the metrics are those of the definition, by the singular value decomposition of M* and the
// differences written out, for symmetric, rectangular and indefinite truths, on the host.
func TestLearnedRank(t *testing.T) {
	singular := []float64{4, 2, 2, 0.5} // M*_2 is not unique
	for name, c := range map[string]struct {
		space    sensing.Space
		par      Parametrization
		negative int
	}{
		"psd": {sensing.Sym{N: 7}, PSD{}, 0}, "uv": {sensing.Rect{N1: 7, N2: 6}, UV{}, 0},
		"indefinite": {sensing.Sym{N: 7}, Indefinite{}, 2},
	} {
		truth, err := sensing.DrawTruth(c.space, singular, c.negative, sensing.UniformVectors, 3)
		if err != nil {
			t.Fatal(err)
		}
		var m mat.Dense
		m.Mul(truth.X(), truth.Right().T())
		var svd mat.SVD
		svd.Factorize(&m, mat.SVDThin)
		var u, v mat.Dense
		svd.UTo(&u)
		svd.VTo(&v)
		shapes, err := c.par.Shapes(c.space, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []float64{1e-3, 0.3, 0.6, 1} {
			f, err := Random{Alpha: size, Seed: 5}.Factor(shapes, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := NewSample(0)
			meter := newMeter(c.par, &sensing.Problem{Truth: truth}, nil, 1)
			if err := meter.measureFactor(&s, f); err != nil {
				t.Fatal(err)
			}
			l, r := c.par.Thin(f)
			var z mat.Dense
			z.Mul(l, r.T())
			rank, least := 0, math.Inf(1)
			for _, k := range []int{0, 1, 3, 4} {
				var best, difference mat.Dense
				if best.CloneFrom(&m); k < 4 {
					best.Zero()
				}
				for j := range k {
					if k < 4 {
						best.RankOne(&best, singular[j], u.ColView(j), v.ColView(j))
					}
				}
				difference.Sub(&z, &best)
				if d := mat.Norm(&difference, 2) / mat.Norm(&m, 2); d < least {
					rank, least = k, d
				}
			}
			if got := s.Value("learned_rank"); got != float64(rank) {
				t.Errorf("%s, size %g: learned_rank %v, want %d", name, size, got, rank)
			}
			if got := s.Value("learned_rank_error"); math.Abs(got-least) > 1e-7 {
				t.Errorf("%s, size %g: learned_rank_error %v, want %v", name, size, got, least)
			}
		}
	}
	// With equal singular values there is no order in which to learn.
	even, err := sensing.NewTruth(7, 3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSample(0)
	if err := newMeter(PSD{}, &sensing.Problem{Truth: even}, nil, 1).measureFactor(&s,
		Factor{mat.NewDense(7, 2, make([]float64, 14))}); err != nil {
		t.Fatal(err)
	}
	if v := s.Value("learned_rank"); !math.IsNaN(v) {
		t.Errorf("κ = 1: learned_rank is %v", v)
	}
}

// TestLearnedRankAt: at M*_k itself the distance is next to nothing, for every k.
func TestLearnedRankAt(t *testing.T) {
	truth, err := sensing.DrawTruth(sensing.Sym{N: 6}, []float64{1, 0.4, 0.1}, 0, sensing.UniformVectors, 2)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 4 {
		u := mat.NewDense(6, 3, nil)
		for j := range k {
			for i := range 6 {
				u.Set(i, j, truth.X().At(i, j))
			}
		}
		s := NewSample(0)
		if err := newMeter(PSD{}, &sensing.Problem{Truth: truth}, nil, 1).measureFactor(&s,
			Factor{u}); err != nil {
			t.Fatal(err)
		}
		rank, distance := s.Value("learned_rank"), s.Value("learned_rank_error")
		if rank != float64(k) || !(distance < 3e-8) {
			t.Errorf("at M*_%d: rank %v, distance %v", k, rank, distance)
		}
	}
}

// TestGapAbove: the distance between neighbouring best approximations is the norm of the singular values that
// one has and the other has not, of which equal ones come together.
func TestGapAbove(t *testing.T) {
	for _, c := range []struct {
		singular []float64
		gaps     map[int]float64 // by rank
	}{
		{[]float64{4, 2, 2, 0.5}, map[int]float64{0: 4, 1: math.Sqrt(8), 3: 0.5, 4: 0.5}},
		{[]float64{3, 1, 1}, map[int]float64{0: 3, 1: math.Sqrt2, 3: math.Sqrt2}},
		{[]float64{2, 2}, map[int]float64{0: math.Sqrt(8), 2: math.Sqrt(8)}},
	} {
		truth, err := sensing.DrawTruth(sensing.Sym{N: 6}, c.singular, 0, sensing.UniformVectors, 2)
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range c.gaps {
			if got := gapAbove(truth, k); !(math.Abs(got-want) < 1e-14*want) {
				t.Errorf("%v: the gap at rank %d is %v, want %v", c.singular, k, got, want)
			}
		}
	}
}

// TestPlateaus: gradient descent from a small start learns M* = diag(1, 0.4, 0.1) rank by rank. With all
// measurements of an isometry each direction grows by itself: component j follows
// u ← u·(1 + μ(σ_j − u²)), and the plateaus are those of these three numbers.
func TestPlateaus(t *testing.T) {
	truth, err := sensing.DrawTruth(sensing.Sym{N: 3}, []float64{1, 0.4, 0.1}, 0, sensing.UniformVectors, 2)
	if err != nil {
		t.Fatal(err)
	}
	values := []float64{1, 0.4, 0.1}
	norm := math.Sqrt(1 + 0.16 + 0.01)
	component := []float64{1e-6, 1e-6, 1e-6}
	var trajectory Trajectory
	wantRank := map[int]bool{}
	for i := range 1500 {
		u := mat.NewDense(3, 3, nil)
		for j := range values {
			for row := range 3 {
				u.Set(row, j, truth.Basis().At(row, j)*component[j])
			}
		}
		s := NewSample(i)
		if err := newMeter(PSD{}, &sensing.Problem{Truth: truth}, nil, 1).measureFactor(&s,
			Factor{u}); err != nil {
			t.Fatal(err)
		}
		best, least := 0, math.Inf(1)
		for k := range 4 {
			var d float64
			for j, v := range values {
				target := 0.0
				if j < k {
					target = v
				}
				off := component[j]*component[j] - target
				d += off * off
			}
			if d < least {
				best, least = k, d
			}
		}
		wantRank[best] = true
		if got := int(s.Value("learned_rank")); got != best || math.Abs(
			s.Value("learned_rank_error")-math.Sqrt(least)/norm) > 1e-7 {
			t.Fatalf("step %d: rank %d at %v, want %d at %v", i, got, s.Value("learned_rank_error"), best,
				math.Sqrt(least)/norm)
		}
		trajectory = append(trajectory, s)
		for j, v := range values {
			component[j] *= 1 + 0.25*(v-component[j]*component[j])
		}
	}
	plateaus := trajectory.Plateaus(truth)
	if len(plateaus) != 4 || len(wantRank) != 4 {
		t.Fatalf("the plateaus are %+v", plateaus)
	}
	for k, p := range plateaus {
		if p.Rank != k || p.Closest < p.First || p.Closest > p.Last ||
			k > 0 && p.First != plateaus[k-1].Last+1 {
			t.Errorf("plateau %d is %+v", k, p)
		}
	}
	if got := (Trajectory{}).Plateaus(nil); got != nil {
		t.Errorf("without a truth: %+v", got)
	}
}
