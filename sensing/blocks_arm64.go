package sensing

import "github.com/matsense/matsense/internal/simd"

// blockWriters are those that the environment allows.
var blockWriters = func() []blockWriter {
	if !simd.Allowed("neon") {
		return nil
	}
	return []blockWriter{{"NEON", 8, philoxNEON}}
}()
