package config

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
)

// Complex vectors a_i measure Hermitian matrices UUᴴ. The unknown that a run finds is WWᵀ with
// W = [Re U; Im U], of twice the side ([sensing.ComplexRankOne]).

// realInPlace says for each file how complex numbers become real ones without loss, for a file that is read
// as it is.
var realInPlace = map[string]string{
	"vectors-right": "only symmetric measurements take complex vectors; bring a_i b_iᴴ as real matrices, " +
		"with matrices",
	"matrices": "for Hermitian A and the factor W = [Re U; Im U], in NumPy: " +
		"np.save(\"lifted.npy\", np.block([[A.real, -A.imag], [A.imag, A.real]]))",
	"observations": "a Hermitian A has real ⟨A, M⟩: y.real, if y.imag is 0; otherwise bring the real and " +
		"the imaginary parts as two measurements",
	"truth": notU,
	"init": "with complex vectors a start is W = [Re U; Im U], in NumPy: " +
		"np.save(\"W.npy\", np.concatenate([U.real, U.imag]))",
}

// notU is why a truth U says nothing about a Hermitian matrix's W, and what to compare instead.
const notU = "measurements of a Hermitian matrix determine UUᴴ, and not U or W = [Re U; Im U]: leave truth " +
	"out, and compare the result, in NumPy: W = np.load(\"factor.npy\"); n = len(W) // 2; " +
	"U = W[:n] + 1j*W[n:]; U @ U.conj().T"

// complexShape is the shape of a file of complex numbers, which only vectors may be. The error of the others
// says how their parts are kept: the usual .astype("float64") drops the imaginary ones.
func (c *Config) complexShape(f DataFile, refused error) ([]int, error) {
	if f.Key != "vectors" {
		cure := realInPlace[f.Key]
		if cure == "" {
			cure = "only vectors may be complex"
		}
		return nil, fmt.Errorf("%w; %s", refused, cure)
	}
	c.complexVectors = true
	return npy.ComplexShape(*f.Path)
}

// complexVectorsSize is the size of the real problem that complex vectors make.
func (c *Config) complexVectorsSize(rectangular bool) (DataSize, error) {
	a, says := c.shapes["vectors"], c.says("vectors")
	says += " of complex numbers"
	switch {
	case len(a) != 2 || slices.Contains(a, 0):
		return DataSize{}, fmt.Errorf("%s; it must be (m, n) with both at least 1", says)
	case rectangular:
		return DataSize{}, fmt.Errorf("complex vectors measure Hermitian matrices UUᴴ: they go with "+
			"parametrization psd or indefinite, not %s", c.Parametrization)
	case 2*a[1] > sensing.MaxRowSide:
		return DataSize{}, fmt.Errorf("%s: complex vectors have at most %d elements", says,
			sensing.MaxRowSide/2)
	case c.Truth != "":
		return DataSize{}, errors.New(notU)
	}
	n := 2 * a[1]
	return DataSize{M: a[0], N1: n, N2: n, Says: says + ", whose real and imaginary parts make n"}, nil
}

// loadComplexVectors reads complex vectors.
func (d *Data) loadComplexVectors(c *Config) error {
	a, err := npy.LoadComplex(c.Vectors)
	if err != nil {
		return err
	}
	m, n := a.Shape[0], a.Shape[1]
	e, err := sensing.ComplexRankOneOf(mat.NewDense(m, n, a.Re), mat.NewDense(m, n, a.Im))
	d.Problem.Ensemble = e
	return err
}

// HasComplexVectors says whether the user's vectors are complex. It is known after [Config.Check].
func (c *Config) HasComplexVectors() bool { return c.complexVectors }

// standInVectors makes vectors of the same size as a configuration's, or rows for complex ones.
func (c *Config) standInVectors() (sensing.Ensemble, error) {
	if c.complexVectors {
		return sensing.NewGaussian(c.Space(), c.Measurements, sensing.F64, c.Seed)
	}
	return sensing.NewRankOne(c.Space(), c.Measurements, c.Seed)
}

// countVectors is how many numbers all vectors have, or the rows of complex ones.
func (c *Config) countVectors() float64 {
	if c.complexVectors {
		return countEntries(c)
	}
	n1, n2 := c.Sides()
	return float64(c.Measurements) * float64(max(n1, n2))
}
