package config

import (
	"strings"
	"testing"
)

// TestDevices: which names of devices are well formed, and what is wrong with the others.
func TestDevices(t *testing.T) {
	for name, want := range map[string]string{
		"auto": "", "cpu": "", "cuda": "", "cuda:3": "", "cuda:all": "", "cuda:0,1": "", "cuda:3,1,0,2": "",
		"cuda:0,1,2": "", "emulator": "", "emulator:3": "", "emulator:64": "",
		"cuda:0,0": "must name each GPU once", "cuda:": "must be auto",
		"cuda:00": "must be auto", "cuda:0,": "must be auto", "cuda:-1": "must be auto",
		"emulator:65": "with N from 1 to 64", "emulator:0": "with N from 1 to 64",
		"emulator:02": "with N from 1 to 64", "emulator:": "with N from 1 to 64",
		"gpu": "must be auto", "": "must be auto",
	} {
		err := checkDevice(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", name, err, want)
		}
	}
}
