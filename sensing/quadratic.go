package sensing

import "math"

// MaxSpread is the largest ratio of eigenvalues for which the law of the link quadratic is computed.
const MaxSpread = 100

// Weighted returns the link for a truth with given eigenvalues, largest first, of which the least is at least
// a part 1/[MaxSpread] of the largest. Only the link quadratic uses them; without them it has the eigenvalues
// 1 and is the link norm.
func (l Link) Weighted(eigenvalues []float64) Link {
	if !l.IsWeighted() {
		return l
	}
	return quadraticLink(eigenvalues)
}

// IsWeighted says whether the link depends on the eigenvalues of M*.
func (l Link) IsWeighted() bool { return l.name == quadratic }

// quadratic is the name of the link y = Σ_j λ_j z_j² = aᵀ M* a, with the eigenvalues λ_j of M*.
const quadratic = "quadratic"

// quadraticLink returns the link for given eigenvalues.
func quadraticLink(eigenvalues []float64) Link {
	law := newSumOfChiSquares(eigenvalues)
	return Link{
		name: quadratic, indices: len(eigenvalues),
		value: func(z []float64) (y float64) {
			for j, v := range z {
				y += float64(float64(eigenvalues[j]*v) * v)
			}
			return y
		},
		second: func(_ int, y float64) []float64 {
			_, second := law.at(y)
			return second
		},
		each: func(_ int, use func(y, weight float64)) {
			const points = 10_000
			last := math.Sqrt(law.last)
			normalized(points, func(k int) (y, weight float64) {
				root := (float64(k) + 0.5) / points * last
				density, _ := law.at(root * root)
				return root * root, root * density
			}, use)
		},
	}
}

// sumOfChiSquares is the law of y = Σ_j λ_j z_j² for independent z_j ~ N(0, 1). With β = min λ_j its density
// is a mixture of densities of χ² (Ruben, Probability Content of Regions Under Spherical Normal
// Distributions, IV, Annals of Mathematical Statistics 33 (1962)),
//
//	f(y) = Σ_k c_k·χ²_{p+2k}(y/β)/β,   Σ_k c_k s^k = Π_j √(β/λ_j)·(1 − q_j s)^{−1/2},   q_j = 1 − β/λ_j,
//
// with c_k ≥ 0 that sum to 1. A factor z_j² makes the density of z_j that of √χ²_3, so that
// E[z_j² | y]·f(y) is the same mixture for p + 2 degrees of freedom, three of which have the weight λ_j.
type sumOfChiSquares struct {
	p    int
	beta float64
	last float64     // the largest y for which the series have enough terms
	c    []float64   // of f
	of   [][]float64 // of E[z_j² | y]·f(y)
}

func newSumOfChiSquares(lambda []float64) *sumOfChiSquares {
	p := len(lambda)
	l := &sumOfChiSquares{p: p, beta: lambda[0]}
	var most float64
	for _, v := range lambda {
		l.beta, most = math.Min(l.beta, v), math.Max(most, v)
	}
	// Beyond, ‖z‖ would be 10 above √p.
	l.last = most * (math.Sqrt(float64(p)) + 10) * (math.Sqrt(float64(p)) + 10)
	// The term that is largest at y is about k = y/(2β)·(1 − β/most), and those around it are as many as a
	// Poisson law has around its mean.
	peak := l.last / l.beta / 2 * (1 - l.beta/most)
	terms := int(peak+12*math.Sqrt(peak)) + 40
	freedom := make([]float64, p)
	for j := range freedom {
		freedom[j] = 1
	}
	l.c = l.mixture(lambda, freedom, terms)
	for j := range lambda {
		freedom[j] = 3
		l.of = append(l.of, l.mixture(lambda, freedom, terms))
		freedom[j] = 1
	}
	return l
}

// mixture returns the first c_k for some degrees of freedom ν_j of each weight. The logarithmic derivative of
// their generating function gives c_k = 1/(2k)·Σ_j ν_j Σ_{i<k} q_j^{k−i} c_i.
func (l *sumOfChiSquares) mixture(lambda, freedom []float64, terms int) []float64 {
	c := make([]float64, terms)
	c[0] = 1
	for j, v := range lambda {
		c[0] *= math.Pow(l.beta/v, freedom[j]/2)
	}
	sums := make([]float64, len(lambda)) // Σ_{i<k} q_j^{k−i} c_i
	for k := 1; k < terms; k++ {
		for j, v := range lambda {
			sums[j] = (1 - l.beta/v) * (sums[j] + c[k-1])
			c[k] += freedom[j] * sums[j]
		}
		c[k] /= float64(2 * k)
	}
	return c
}

// at returns the density f(y) and E[z_j² | y]. Beyond the last y the expectations are those of the last.
func (l *sumOfChiSquares) at(y float64) (density float64, second []float64) {
	second = make([]float64, l.p)
	if !(y > 0) {
		return 0, second
	}
	const large = 1e200
	x := math.Min(y, l.last) / l.beta / 2
	half := float64(l.p) / 2
	// t is Γ(p/2)·x^k/Γ(p/2 + k) times a power of 1/large, so that the density is the sum times
	// x^(p/2 − 1)·e^(−x)/(2βΓ(p/2)).
	t, powers := 1.0, 0
	var sum float64
	for k, c := range l.c {
		next := t * x / (half + float64(k))
		sum += c * t
		for j, of := range l.of {
			second[j] += of[k] * next
		}
		if float64(k) > x && t < 1e-18*sum {
			break
		}
		if t = next; t > large || sum > large {
			t, sum = t/large, sum/large
			powers++
			for j := range second {
				second[j] /= large
			}
		}
	}
	for j := range second {
		second[j] /= sum
	}
	gamma, _ := math.Lgamma(half)
	logarithm := math.Log(sum) + float64(powers)*math.Log(large) + (half-1)*math.Log(x) - x - gamma
	return math.Exp(logarithm) / (2 * l.beta), second
}
