package view

import "testing"

func TestLineNames(t *testing.T) {
	for value, want := range map[string]string{
		"1e-06": "10^−6", "0.001": "10^−3", "2.5e-05": "2.5·10^−5", "0.25": "0.25",
		"200": "200", "q8": "q8", "0": "0", "": "", "1e+06": "10^6",
		"/a/long/way/to/the/first-start.npy": "…/to/the/first-start.npy",
	} {
		if got := lineName(value); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
}
