//go:build cuda

package gpu

import (
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestCUDAPauliEmulator: with Pauli words the device gives the bits of the emulator, also for 13 qubits.
func TestCUDAPauliEmulator(t *testing.T) {
	device := onGPU(t, solver.Memory, solver.F64, guarded)
	alike := emulated(t, emulator.Config{Memory: 4 << 30}, solver.Memory, solver.F64)
	all, err := sensing.NewPauli(32, 528, 1)
	must(t, err)
	few, err := sensing.NewPauli(256, 20, 1)
	must(t, err)
	for _, e := range []*sensing.Pauli{all, few, longPauli(t)} {
		n, _ := e.Space().Dims()
		ranks := []int{2, 1}
		got, gotLoss := pauliSteps(t, pauliEngine(t, device, e, fewVectors, ranks...), n, 0, 2, ranks...)
		want, wantLoss := pauliSteps(t, pauliEngine(t, alike, e, fewVectors, ranks...), n, 0, 2, ranks...)
		for i := range got {
			if !mat.Equal(got[i], want[i]) || !slices.Equal(gotLoss, wantLoss) {
				t.Errorf("n = %d: losses %v on the device and %v on the emulator", n, gotLoss, wantLoss)
			}
		}
	}
}
