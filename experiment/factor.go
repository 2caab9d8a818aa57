package experiment

import (
	"bytes"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
)

// The files of the last iterate: U alone, or U and V. A deep product has factor-1.npy, factor-2.npy, …
const (
	factorFile = "factor.npy"
	rightFile  = "factor-right.npy"
)

// factorFiles names the files of the last iterate's matrices.
func factorFiles(c *config.Config) []string {
	if c.Depth > 0 {
		return layerFiles(c.Depth)
	}
	return []string{factorFile, rightFile}
}

// layerFiles names the files of a deep product's matrices.
func layerFiles(depth int) []string {
	var names []string
	for j := range depth {
		names = append(names, fmt.Sprintf("factor-%d.npy", j+1))
	}
	return names
}

// encodeMatrix returns a matrix as a .npy file.
func encodeMatrix(u *mat.Dense) ([]byte, error) {
	u = mat.DenseCopyOf(u) // without gaps between rows
	rows, cols := u.Dims()
	var b bytes.Buffer
	err := npy.Write(&b, []int{rows, cols}, u.RawMatrix().Data)
	return b.Bytes(), err
}
