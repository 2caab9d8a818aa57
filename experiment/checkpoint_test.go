package experiment

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

func stateAt(iteration int, values ...float64) solver.State {
	return solver.State{Iteration: iteration, Seconds: 0.1 * float64(iteration), Slots: []solver.Factor{
		{mat.NewDense(len(values)/2, 2, values)}, {mat.NewDense(1, len(values), values)},
	}}
}

// A checkpoint is read as it was written, bit for bit, in every slot.
func TestCheckpointRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := stateAt(7, math.Pi, 0, 5e-324, math.MaxFloat64, 1.0/3, math.Copysign(0, -1))
	samples := solver.Trajectory{
		sampleOf(0, func(j int) float64 { return odd[j%len(odd)] }, 2),
		sampleOf(5, func(j int) float64 { return odd[(j+3)%len(odd)] }, 2),
	}
	if err := writeCheckpoint(dir, identity{"mine", build(), nil}, want, samples); err != nil {
		t.Fatal(err)
	}
	got, read, refused, err := readCheckpoint(dir, identity{"mine", build(), nil})
	if err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	if got.Iteration != want.Iteration || got.Seconds != want.Seconds || len(got.Slots) != len(want.Slots) {
		t.Fatalf("read %+v, want %+v", got, want)
	}
	for i, slot := range want.Slots {
		if !slices.Equal(got.Slots[i].Shapes(), slot.Shapes()) {
			t.Fatalf("slot %d has the shapes %v, want %v", i, got.Slots[i].Shapes(), slot.Shapes())
		}
		a, b := got.Slots[i][0].RawMatrix().Data, slot[0].RawMatrix().Data
		for j := range b {
			if math.Float64bits(a[j]) != math.Float64bits(b[j]) {
				t.Errorf("slot %d, number %d is %v, want %v", i, j, a[j], b[j])
			}
		}
	}
	sameTrajectory(t, read, samples)
}

// after writes checkpoints at the given iterations, and returns the iteration of the one that is read.
func after(t *testing.T, dir string, iterations ...int) int {
	t.Helper()
	for _, i := range iterations {
		if err := writeCheckpoint(dir, identity{"mine", build(), nil}, stateAt(i, 1, 2), nil); err != nil {
			t.Fatal(err)
		}
	}
	state, _, _, err := readCheckpoint(dir, identity{"mine", build(), nil})
	if err != nil {
		t.Fatal(err)
	}
	return state.Iteration
}

func TestLastTwoCheckpointsAreKept(t *testing.T) {
	dir := t.TempDir()
	if got := after(t, dir, 9, 10, 99, 100); got != 100 {
		t.Errorf("read the checkpoint at %d", got)
	}
	names, err := listCheckpoints(filepath.Join(dir, checkpointDir))
	if err != nil || !slices.Equal(names, []string{"000000100", "000000099"}) {
		t.Errorf("kept %v, %v", names, err)
	}
	if got := after(t, dir, 100); got != 100 { // the same again
		t.Errorf("read the checkpoint at %d", got)
	}
}

// Symptom: names were compared as text, so that 1000000000 came before 999999999 and was removed at once.
func TestCheckpointsPastNineDigits(t *testing.T) {
	if got := after(t, t.TempDir(), 999_999_998, 999_999_999, 1_000_000_000); got != 1_000_000_000 {
		t.Errorf("read the checkpoint at %d", got)
	}
}

func TestNoCheckpointIsNoError(t *testing.T) {
	state, _, refused, err := readCheckpoint(t.TempDir(), identity{"mine", build(), nil})
	if state != nil || refused != nil || err != nil {
		t.Errorf("%v %v %v", state, refused, err)
	}
}

func TestForeignFingerprint(t *testing.T) {
	dir := t.TempDir()
	after(t, dir, 3)
	_, _, _, err := readCheckpoint(dir, identity{"another", build(), nil})
	if err == nil || !strings.Contains(err.Error(), "another configuration") {
		t.Error(err)
	}
}

// Files and folders that are no checkpoint are ignored.
func TestOtherFilesAmongCheckpoints(t *testing.T) {
	dir := t.TempDir()
	after(t, dir, 3)
	if err := os.WriteFile(filepath.Join(dir, checkpointDir, "000000009"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, checkpointDir, ".tmp-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := after(t, dir); got != 3 {
		t.Errorf("read the checkpoint at %d", got)
	}
}

func TestCheckpointThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeCheckpoint(file, identity{"mine", build(), nil}, stateAt(4, 1, 2), nil); err == nil {
		t.Error("a checkpoint in a file was written")
	}
}
