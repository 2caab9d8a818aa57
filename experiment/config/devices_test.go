package config

import (
	"strings"
	"testing"
)

// TestDevices: which names of devices are well formed, and what is wrong with the others.
func TestDevices(t *testing.T) {
	for name, want := range map[string]string{
		"auto": "", "cpu": "", "cuda": "", "cuda:3": "", "cuda:all": "", "cuda:0,1": "", "cuda:3,1,0,2": "",
		"emulator": "", "emulator:8": "",
		"cuda:0,0": "names GPU 0 twice", "cuda:0,1,2": "1, 2, 4 or 8 GPUs, got 3", "cuda:": "must be auto",
		"cuda:00": "must be auto", "cuda:0,": "must be auto", "cuda:-1": "must be auto",
		"emulator:3": "1, 2, 4 or 8 devices", "emulator:": "1, 2, 4 or 8 devices",
		"gpu": "must be auto", "": "must be auto",
	} {
		err := checkDevice(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", name, err, want)
		}
	}
}
