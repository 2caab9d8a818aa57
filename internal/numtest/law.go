package numtest

import "testing"

// Law skips a test of what holds in exact arithmetic, such as a rate of convergence, if tests are to be
// short: it does not depend on the processor's instructions, and takes long in an emulator or with a race
// detector.
func Law(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a law that holds on every machine")
	}
}
