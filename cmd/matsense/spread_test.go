package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestSeveralDevices: a run on two and on four emulated devices leaves the factor and the trajectory of a run
// on one, to the bit.
func TestSeveralDevices(t *testing.T) {
	dir := t.TempDir()
	read := func(device, file string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, device, file))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, device := range []string{"emulator", "emulator:2", "emulator:4"} {
		r := on(t, noGPU, "run", "--n", "6", "--rank", "1", "--measurements", "80", "--iterations", "4",
			"--measure-every", "2", "--device", device, "--out", filepath.Join(dir, device))
		if r.code != exitDone {
			t.Fatalf("%s: exit code %d, %q", device, r.code, r.err)
		}
		for _, file := range []string{"factor.npy", "trajectory.csv"} {
			if !bytes.Equal(read(device, file), read("emulator", file)) {
				t.Errorf("%s: %s differs from that on one device", device, file)
			}
		}
	}
	r := on(t, noGPU, "run", "--n", "6", "--rank", "1", "--ensemble", "completion", "--measurements", "20",
		"--device", "emulator:2", "--out", filepath.Join(dir, "none"))
	if r.code != exitUsage {
		t.Errorf("completion on two devices: exit code %d, %q", r.code, r.err)
	}
}
