package view

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
)

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

// TestCaptions: a run and a sweep name what is unusual about a problem in the same words, and a value
// that is not set has a name.
func TestCaptions(t *testing.T) {
	c := config.Default()
	c.Outliers, c.Method, c.Retraction, c.FactorRank, c.Rank = 0.07, "rgd", "projection", 2, 2
	c.SingularVectors = "signs"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &sweep.Results{Spec: &sweep.Spec{}, Runs: []sweep.Run{{Config: c}}}
	for _, words := range []string{
		"outliers in 7 % of y", "retraction projection", "singular vectors: signs",
	} {
		for _, text := range []string{caption(&c), sweepCaption(r, nil)} {
			if !strings.Contains(text, words) {
				t.Errorf("%q lacks %q", text, words)
			}
		}
	}
	s := &sweep.Selection{Query: sweep.Query{X: "n", Y: "test_error", By: "step-decay"},
		Lines: []sweep.Series{{Value: ""}, {Value: "power:1,0.1"}}}
	if f := lines(r, s); f.Series[0].Name != "none" || f.Series[1].Name != "power:1,0.1" {
		t.Errorf("%+v", f.Series)
	}
	s.By, s.Lines = "", s.Lines[:1]
	if f := lines(r, s); f.Series[0].Name != "" {
		t.Errorf("the only line is named %q", f.Series[0].Name)
	}
	if names := namesOf([]string{"", "power:1,0.1"}); names[0] != "none" {
		t.Errorf("%q", names)
	}
}

// TestCaptionOfSelection: what varies in the sweep, but not among the drawn runs, is in the caption.
func TestCaptionOfSelection(t *testing.T) {
	spec, err := sweep.Parse("s.yaml", []byte(`
base: {rank: 2, method: momentum, momentum: 0.5}
axes:
  - {ensemble: [gaussian, completion], n: [9, 20], measurements: [150, 210]}
  - alpha: [0.1, 0.01]
`))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := spec.Runs()
	if err != nil {
		t.Fatal(err)
	}
	where := map[string][]string{"ensemble": {"completion"}}
	got := sweepCaption(&sweep.Results{Spec: spec, Runs: runs}, where)
	for _, words := range []string{"n = 20,", "m = 210,", "momentum,", "completion"} {
		if !strings.Contains(got, words) {
			t.Errorf("%q lacks %q", got, words)
		}
	}
	if strings.Contains(got, "α") {
		t.Errorf("%q has a start, and the runs have several", got)
	}
}
