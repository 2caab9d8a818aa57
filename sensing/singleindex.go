package sensing

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
)

// SingleIndex is the single-index observation model: m samples of a covariate X with a known law, and of
//
//	y_i = h(⟨X_i, M*⟩/‖M*‖_F) + noise·w_i
//
// with a link h. The covariates have independent coordinates of mean 0 and variance 1, and the score function
// S(X)_c = −(ln p)′(X_c) of their density p: X itself if they are Gaussian. By Stein's identity
//
//	E[y·S(X)] = η·M*/‖M*‖_F,   η = E h′(g),   g = ⟨X, M*⟩/‖M*‖_F,
//
// for every h. For Gaussian covariates η = E g·h(g), g ~ N(0, 1); for others it depends on M* as well. So the
// average T = 1/m Σ ỹ_i S(X_i) estimates M* up to a factor, with ỹ the observations y clipped to
// ±Truncation. The loss ‖Z‖² − 2⟨Z, T⟩ = ‖Z − T‖² − ‖T‖² is minimized over factors. (Fan, Yang and
// Yu, Understanding Implicit Regularization in Over-Parameterized Single Index Model, arXiv 2007.08322, after
// Plan and Vershynin, The Generalized Lasso With Non-Linear Observations, IEEE Transactions on Information
// Theory 62 (2016).)
//
// An engine minimizes this loss as f(U) = ¼‖Z − T‖_F², the objective of a [Completion] that observes each of
// the K coordinates of T once, as √K·T_c.
type SingleIndex struct {
	Space Space
	// Samples is m.
	Samples int
	// Link is h, one of [SingleIndexLinks].
	Link string
	// Covariates is the law of X, one of [SingleIndexCovariates]; "" for gaussian.
	Covariates string
	// Unknown says that h is not known, and neither is η. If h is known, T is multiplied by ‖M*‖_F/η and
	// estimates M* itself.
	Unknown bool
	// Truncation is the bound to which y is clipped, for heavy tails; 0 means no clipping.
	Truncation float64
	// Noise is the standard deviation of the noise.
	Noise float64
	// Seed keys the covariates, sample i in row i of the stream of entries, and the noise.
	Seed uint64
}

// link is h with η = E g·h(g) for a Gaussian g.
type link struct {
	name string
	of   func(g float64) float64
	eta  float64
	// spectrum is w of E h′(g) = ∫ w(t)·E cos(tg) dt over t > 0: 1/π times the Fourier transform of h′. It is
	// nil if E h′(g) is η for every g of mean 0 and variance 1.
	spectrum func(t float64) float64
}

// links returns all links of the model. The last digits of tanh are those of Go's library, which may differ
// between architectures.
func links() []link {
	return []link{
		{"identity", func(g float64) float64 { return g }, 1, nil},
		{"tanh", math.Tanh, 0.6057055096021593, // h′ = 1/cosh²
			func(t float64) float64 { return t / math.Sinh(math.Pi*t/2) }},
		{"sign", func(g float64) float64 { return math.Copysign(1, g) }, math.Sqrt(2 / math.Pi), // h′ = 2·δ
			func(float64) float64 { return 2 / math.Pi }},
		{"square-root", func(g float64) float64 { return math.Copysign(math.Sqrt(math.Abs(g)), g) },
			0.86003998732451954, // E|g|^{3/2} = 2^{3/4}·Γ(5/4)/√π; h′ = 1/(2√|g|)
			func(t float64) float64 { return 1 / math.Sqrt(2*math.Pi*t) }},
		{"cubic", func(g float64) float64 { return float64(g*g) * g }, 3, nil},
	}
}

// SingleIndexLinks returns the names of the links: the identity, tanh, the sign, sign(g)·√|g| and g³. All are
// odd and increasing.
func SingleIndexLinks() (names []string) {
	for _, l := range links() {
		names = append(names, l.name)
	}
	return names
}

// check returns the model's link, or an error if the model is not valid.
func (s SingleIndex) check() (link, error) {
	all := links()
	at := slices.IndexFunc(all, func(l link) bool { return l.name == s.Link })
	switch {
	case at < 0:
		return link{}, fmt.Errorf("sensing: a link is %s, got %q",
			strings.Join(SingleIndexLinks(), ", "), s.Link)
	case s.Samples < 1:
		return link{}, fmt.Errorf("sensing: the number of samples must be positive, got %d", s.Samples)
	case !slices.Contains(SingleIndexCovariates(), s.Covariates) && s.Covariates != "":
		return link{}, fmt.Errorf("sensing: covariates are %s, got %q",
			strings.Join(SingleIndexCovariates(), ", "), s.Covariates)
	case !(s.Truncation >= 0):
		return link{}, fmt.Errorf("sensing: the truncation must be positive, or 0 for none, got %v",
			s.Truncation)
	case !(s.Noise >= 0 && s.Noise <= Largest/10):
		return link{}, fmt.Errorf("sensing: the noise's standard deviation goes from 0 to %g, got %v",
			Largest/10, s.Noise)
	}
	return all[at], nil
}

// ScaleDepends says whether η depends on M*, so that nobody knows it who does not know M*.
func (s SingleIndex) ScaleDepends() bool {
	gaussian := s.Covariates == gaussianCovariates || s.Covariates == ""
	return !gaussian && slices.ContainsFunc(links(), func(l link) bool {
		return l.name == s.Link && l.spectrum != nil
	})
}

// law returns the law of the covariates of a valid model.
func (s SingleIndex) law() covariates {
	for _, c := range allCovariates() {
		if c.name == s.Covariates {
			return c
		}
	}
	return allCovariates()[0]
}

// Ensemble returns the measurements of T that an engine works with: a [Completion] that observes each of T's
// coordinates once.
func (s SingleIndex) Ensemble() (*Completion, error) {
	if _, err := s.check(); err != nil {
		return nil, err
	}
	b, err := newBase(s.Space, s.Space.K())
	if err == nil {
		_, err = newCompletionBase(s.Space, b.m)
	}
	if err != nil {
		return nil, err
	}
	all := func() (rows, cols []int32) { return positions(s.Space, complement(nil, uint64(b.m))) }
	return &Completion{b, "single-index", sync.OnceValues(all)}, nil
}

// Target returns the matrix that T estimates: M*, or η·M*/‖M*‖_F if the link is not known.
func (s SingleIndex) Target(t *Truth) (*Truth, error) {
	h, err := s.check()
	if err != nil {
		return nil, err
	}
	if !s.Unknown {
		return t, nil
	}
	index := t.coordinates(s.Space)
	for c := range index {
		index[c] /= t.Norm()
	}
	return t.Scaled(s.law().eta(h, index) / t.Norm()), nil
}

// Observe draws the samples of a truth, on all processors, and returns the observations of T, √K·T_c for each
// coordinate c.
func (s SingleIndex) Observe(t *Truth) ([]float64, error) {
	h, err := s.check()
	if err != nil {
		return nil, err
	}
	n1, n2 := s.Space.Dims()
	if t1, t2 := t.Dims(); t1 != n1 || t2 != n2 {
		return nil, fmt.Errorf("sensing: the truth is %d × %d and the covariates are %d × %d", t1, t2, n1, n2)
	}
	k := s.Space.K()
	index, norm := t.coordinates(s.Space), t.Norm()
	for c := range index {
		index[c] /= norm
	}
	law := s.law()
	noise := make([]float64, s.Samples)
	(&Problem{Noise: s.Noise, NoiseSeed: s.Seed}).AddNoise(noise)
	sum := make([]float64, k)
	s.eachBatch(k, func(first int, x [][]float64) {
		y := make([]float64, len(x))
		inParallel(len(x), func(i int) {
			law.row(NewStream(s.Seed, EntriesStream), uint64(first+i), x[i])
			y[i] = h.of(dot(x[i], index)) + noise[first+i]
			if s.Truncation > 0 {
				y[i] = max(-s.Truncation, min(y[i], s.Truncation))
			}
			law.toScores(x[i])
		})
		// Each coordinate is summed in the order of samples, whatever processor does it.
		const part = 1 << 10
		inParallel((k+part-1)/part, func(p int) {
			from, to := p*part, min((p+1)*part, k)
			for i, row := range x {
				for c, v := range row[from:to] {
					sum[from+c] += float64(y[i] * v)
				}
			}
		})
	})
	scale := math.Sqrt(float64(k)) / float64(s.Samples)
	if !s.Unknown {
		scale *= norm / law.eta(h, index)
	}
	for c := range sum {
		sum[c] *= scale
	}
	return sum, nil
}

// eachBatch calls use with memory for the k coordinates of a batch of samples, and the number of the first.
func (s SingleIndex) eachBatch(k int, use func(first int, x [][]float64)) {
	const numbers = 1 << 20 // in a batch, so that it stays in cache
	x := make([][]float64, min(max(numbers/k, 1), s.Samples))
	for i := range x {
		x[i] = make([]float64, k)
	}
	for first := 0; first < s.Samples; first += len(x) {
		use(first, x[:min(len(x), s.Samples-first)])
	}
}

// coordinates returns the coordinates of M* in a space, each summed in a fixed order.
func (t *Truth) coordinates(s Space) []float64 {
	_, symmetric := s.(Sym)
	z := make([]float64, 0, s.K())
	t.eachEntry(s, func(i, j int, v float64) {
		if symmetric && j != i {
			v *= math.Sqrt2
		}
		z = append(z, v)
	})
	return z
}
