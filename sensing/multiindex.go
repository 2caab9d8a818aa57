package sensing

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Link is the link q of the multi-index observation model
//
//	y_i = q(z_i),   z_i = (⟨a_i, w_1⟩, …, ⟨a_i, w_p⟩),
//
// with the vectors a_i of a [RankOne] of symmetric matrices and orthonormal w_j, so that z ~ N(0, I_p). For
// p = 1 it is a generalized linear model. The span of the w_j is to be found. (Kovačević, Zhang and Mondelli,
// Spectral Estimators for Multi-Index Models: Precise Asymptotics and Optimal Weak Recovery, arXiv
// 2502.01583.)
type Link struct {
	name string
	// indices is p, or 0 if the link takes any p.
	indices int
	value   func(z []float64) float64
	// second returns E[⟨u_j, z⟩² | y] for orthonormal directions u_1 … u_p that diagonalize E[z zᵀ | y] for
	// every y. The direction that is easiest to find comes first.
	second func(p int, y float64) []float64
	// each calls use with points of the distribution of y and their weights.
	each func(p int, use func(y, weight float64))
}

// Links returns all links:
//
//	norm          y = ‖z‖², for any p: phase retrieval if p = 1
//	quadratic     y = Σ_j λ_j z_j² = aᵀ M* a, for any p, with the eigenvalues λ_j of M* ([Link.Weighted])
//	product       y = z_1·z_2
//	sign-product  y = sign(z_1·z_2)
func Links() []Link {
	return []Link{
		{"norm", 0, squared, secondOfNorm, eachNorm},
		{quadratic, 0, squared, secondOfNorm, eachNorm},
		{"product", 2, func(z []float64) float64 { return z[0] * z[1] }, secondOfProduct, eachProduct},
		{"sign-product", 2, func(z []float64) float64 {
			return math.Copysign(1, z[0]) * math.Copysign(1, z[1])
		}, secondOfSign, eachSign},
	}
}

// LinkOf returns the link with a name.
func LinkOf(name string) (Link, error) {
	var names []string
	for _, l := range Links() {
		if l.name == name {
			return l, nil
		}
		names = append(names, l.name)
	}
	return Link{}, fmt.Errorf("sensing: a link is %s, got %q", strings.Join(names, " or "), name)
}

// Name is the link's name in flags and files.
func (l Link) Name() string { return l.name }

// Indices returns p if the link has a fixed number of indices, and 0 if it takes any.
func (l Link) Indices() int { return l.indices }

// Observe returns y_i = q(V_Xᵀ a_i), plus the problem's noise. The link quadratic must have the truth's
// eigenvalues.
func (l Link) Observe(p *Problem, e *RankOne) ([]float64, error) {
	n, rank := p.Truth.Basis().Dims()
	switch {
	case e.VectorLen() != n:
		return nil, fmt.Errorf("sensing: the vectors a_i have %d numbers, and the truth's columns %d",
			e.VectorLen(), n)
	case l.indices != 0 && rank != l.indices:
		return nil, fmt.Errorf("sensing: the link %s has %d indices, and the truth the rank %d",
			l.name, l.indices, rank)
	}
	directions := make([][]float64, rank)
	for j := range directions {
		directions[j] = make([]float64, n)
		for i := range n {
			directions[j][i] = p.Truth.Basis().At(i, j)
		}
	}
	const part = 1 << 8
	y := make([]float64, e.Measurements())
	inParallel((len(y)+part-1)/part, func(p int) {
		a, z := make([]float64, n), make([]float64, rank)
		for i := p * part; i < min((p+1)*part, len(y)); i++ {
			e.Vector(i, a)
			for j, w := range directions {
				z[j] = dot(w, a)
			}
			y[i] = l.value(z)
		}
	})
	p.AddNoise(y)
	return y, nil
}

// Preprocessing names a function T of the observations, which weighs them in S = 1/m Σ T(y_i) a_i a_iᵀ.
type Preprocessing string

// The functions T.
const (
	// Plain is T(y) = y.
	Plain Preprocessing = "none"
	// Trim is T(y) = y if |y| ≤ 9·E|y|, else 0. (Chen and Candès, Solving Random Quadratic Systems of
	// Equations Is Nearly as Easy as Solving Linear Systems, arXiv 1505.05114.)
	Trim Preprocessing = "trim"
	// Optimal is T(y) = max(1 − 1/E[⟨u_1, z⟩² | y], −10). Without the bound −10, which the theory needs, it
	// is the T that needs the fewest measurements. For phase retrieval it is 1 − 1/y. (Mondelli and
	// Montanari, Fundamental Limits of Weak Recovery with Applications to Phase Retrieval, arXiv 1708.05932;
	// Luo, Alghamdi and Lu, Optimal Spectral Initialization for Signal Recovery with Applications to Phase
	// Retrieval, arXiv 1811.04420, for each number of measurements; Kovačević, Zhang and Mondelli for several
	// indices.)
	Optimal Preprocessing = "optimal"
)

// least is the lower bound of Optimal. The weak-recovery threshold of phase retrieval is 0.5003 with the
// bound, and 0.5 without.
const least = -10

// Transform returns T for p indices.
func (l Link) Transform(t Preprocessing, p int) (func(y float64) float64, error) {
	switch t {
	case Plain:
		return func(y float64) float64 { return y }, nil
	case Trim:
		var mean float64
		l.each(p, func(y, weight float64) { mean += weight * math.Abs(y) })
		return func(y float64) float64 {
			if math.Abs(y) > 9*mean {
				return 0
			}
			return y
		}, nil
	case Optimal:
		return func(y float64) float64 {
			return 1 - 1/math.Max(l.second(p, y)[0], 1/(1-float64(least)))
		}, nil
	}
	return nil, fmt.Errorf("sensing: preprocessing is none, trim or optimal, got %q", t)
}

// LawPoint is a point of the distribution of y.
type LawPoint struct {
	Y, Weight float64
	// Second has E[⟨u_j, z⟩² | y] for p orthonormal directions u_j of the indices, the same for every y.
	Second []float64
}

// Law returns points of the distribution of y for p indices, with Gaussian noise of a standard deviation on
// it. Weights sum to 1, and weighted sums over the points are expectations.
func (l Link) Law(p int, noise float64) (law []LawPoint) {
	l.each(p, func(y, weight float64) { law = append(law, LawPoint{y, weight, l.second(p, y)}) })
	if noise > 0 {
		law = blurred(law, noise)
	}
	return law
}

// blurred returns the law of y + noise. It divides the line into bins of an eighth of the noise's standard
// deviation. Each point gives each bin the share of its weight that the noise brings there, up to eight
// deviations away, and a bin's expectations are means over what it was given.
func blurred(law []LawPoint, noise float64) (out []LawPoint) {
	const bins, far = 8, 8 // of one deviation, and deviations
	width := noise / bins
	at := map[int]*LawPoint{}
	for _, point := range law {
		middle := int(math.Floor(point.Y / width))
		below := func(bin int) float64 { // half of the probability that the noise ends below the bin, by erfc
			return math.Erfc((point.Y - float64(bin)*width) / (noise * math.Sqrt2))
		}
		left := below(middle - bins*far)
		for bin := middle - bins*far; bin <= middle+bins*far; bin++ {
			right := below(bin + 1)
			weight := point.Weight * (right - left) / 2
			left = right
			b := at[bin]
			if b == nil {
				b = &LawPoint{Y: (float64(bin) + 0.5) * width, Second: make([]float64, len(point.Second))}
				at[bin] = b
			}
			b.Weight += weight
			for j, s := range point.Second {
				b.Second[j] += weight * s
			}
		}
	}
	for _, bin := range slices.Sorted(maps.Keys(at)) {
		b := at[bin]
		if !(b.Weight > 0) {
			continue
		}
		for j := range b.Second {
			b.Second[j] /= b.Weight
		}
		out = append(out, *b)
	}
	return out
}

func squared(z []float64) float64 { return dot(z, z) }

// secondOfNorm: all directions are alike, and ‖z‖² = y.
func secondOfNorm(p int, y float64) []float64 {
	second := make([]float64, p)
	for j := range second {
		second[j] = y / float64(p)
	}
	return second
}

// eachNorm takes points of ρ = ‖z‖, whose density is ρ^(p−1)·exp(−ρ²/2) times a constant.
func eachNorm(p int, use func(y, weight float64)) {
	const points = 20_000
	last := math.Sqrt(float64(p)) + 10
	normalized(points, func(k int) (y, weight float64) {
		rho := (float64(k) + 0.5) / points * last
		return rho * rho, math.Pow(rho, float64(p-1)) * math.Exp((float64(p)-rho*rho)/2)
	}, use)
}

// secondOfProduct: along u = (e_1 ± e_2)/√2, ⟨u, z⟩² = ‖z‖²/2 ± y. The density of y is K₀(|y|)/π, and
// E[‖z‖²/2 | y] = |y|·K₁(|y|)/K₀(|y|), with the modified Bessel functions of the second kind.
func secondOfProduct(_ int, y float64) []float64 {
	k0, k1 := besselK(math.Abs(y))
	half := math.Abs(y) * k1 / k0
	if y == 0 {
		half = 0
	}
	return []float64{half + y, half - y}
}

// eachProduct takes points of both signs of y = ±exp(t).
func eachProduct(_ int, use func(y, weight float64)) {
	const points, from, to = 40_000, -20, 4 // T may jump between two points
	normalized(2*points, func(k int) (y, weight float64) {
		x := math.Exp(from + (float64(k/2)+0.5)/points*(to-from))
		k0, _ := besselK(x)
		return x * float64(1-2*(k%2)), k0 * math.Exp(-x) * x
	}, use)
}

// secondOfSign: along u = (e_1 ± e_2)/√2, ⟨u, z⟩² = ‖z‖²/2 ± z_1·z_2, and E|z_1·z_2| = 2/π.
func secondOfSign(_ int, y float64) []float64 {
	y = math.Max(-1, math.Min(1, y)) * 2 / math.Pi
	return []float64{1 + y, 1 - y}
}

func eachSign(_ int, use func(y, weight float64)) {
	use(1, 0.5)
	use(-1, 0.5)
}

// normalized calls use with points and their weights, which it scales to sum to 1.
func normalized(count int, point func(k int) (y, weight float64), use func(y, weight float64)) {
	var total float64
	for k := range count {
		_, weight := point(k)
		total += weight
	}
	for k := range count {
		y, weight := point(k)
		use(y, weight/total)
	}
}

// besselK returns exp(x)·K₀(x) and exp(x)·K₁(x) for x > 0. It computes K_ν(x) = ∫ exp(−x·cosh t)·cosh(νt) dt
// over t > 0 by the trapezoidal rule of step h. The error is exp(−π²/h); for large x, when the integrand is
// nearly exp(−xt²/2), it is exp(−2π²/(xh²)). So h shrinks such that xh² is at most 1/2.
func besselK(x float64) (k0, k1 float64) {
	h := 0.25 / math.Sqrt(1+x/8)
	k0, k1 = h/2, h/2
	for t := h; ; t += h {
		c := math.Cosh(t)
		v := h * math.Exp(-x*(c-1))
		k0 += v
		k1 += v * c
		if !(v*c > 1e-18*k1) {
			return k0, k1
		}
	}
}
