//go:build !amd64 && !arm64

package cpu

// sparseOf returns the loops over observed entries in plain Go.
func sparseOf(SIMD) sparse { return plainSparse }
