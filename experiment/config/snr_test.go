package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSNRMistakes: each mistake in the signal-to-noise ratio has one sentence.
func TestSNRMistakes(t *testing.T) {
	list := "triplets=" + fileOf(t, "t.csv", "0,1,1\n2,0,3\n1,1,2\n3,2,1\n")
	for _, x := range []struct {
		settings []string
		say      string // "": it is right
	}{
		{[]string{"snr=20"}, ""},
		{[]string{"snr=0"}, ""},
		{[]string{"snr=-10"}, ""},
		{[]string{"snr=inf"}, ""},
		{[]string{"snr=inf", "noise=0.1"}, ""},
		{[]string{"snr=20", "noise=0"}, ""},
		{[]string{"snr=20", "ensemble=rank-one"}, ""},
		{[]string{"snr=20", "ensemble=completion", "hold-out=0.2"}, ""},
		{[]string{"snr=20", "noise=0.1"}, "noise and snr are two ways to say the size of the noise"},
		{[]string{"snr=0", "noise=0.1"}, "noise and snr are two ways to say the size of the noise"},
		{[]string{"snr=301"}, "snr goes from -300 to 300 dB, or is inf for no noise, got 301"},
		{[]string{"snr=-inf"}, "got -Inf"},
		{[]string{"snr=nan"}, "got NaN"},
		{[]string{"snr=20", "observation=single-index", "parametrization=sparse"},
			"observation single-index is not linear in M*: give noise"},
		{[]string{"snr=20", "observation=multi-index"},
			"observation multi-index is not linear in M*: give noise"},
		{[]string{"snr=20", list, "parametrization=uv"},
			"snr is for a truth that is drawn, not for user data"},
		{[]string{"snr=inf", list, "parametrization=uv"}, ""},
	} {
		says := problemOf(t, x.settings...)
		if (x.say == "") != (says == "") || !strings.Contains(says, x.say) || strings.Contains(says, "\n") {
			t.Errorf("%q: %q, not %q", x.settings, says, x.say)
		}
	}
}

// TestSNRIsWritten: a config.yaml has the ratio if one was given, 0 dB as well, and means the same when it is
// read again; problems with different ratios are not shared.
func TestSNRIsWritten(t *testing.T) {
	keys := map[string]string{}
	for _, x := range []struct {
		given, line string
		ratio       float64
	}{
		{"", "", 0}, {"snr=inf", "", 0}, {"snr=0", "snr: 0\n", 1}, {"snr=20", "snr: 20\n", 0.1},
		{"snr=-20", "snr: -20\n", 10},
	} {
		settings := []string{"n=12", "rank=2"}
		if x.given != "" {
			settings = append(settings, x.given)
		}
		c := configOf(t, settings...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		text := string(c.YAML())
		if strings.Contains(text, "snr") != (x.line != "") || !strings.Contains(text, x.line) {
			t.Errorf("%s: %s", x.given, text)
		}
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		again, err := ReadResolved(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := again.Load()
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Problem.NoiseRatio; !(math.Abs(got-x.ratio) <= 1e-15*x.ratio) {
			t.Errorf("%s: σ is %v of the observations, not %v", x.given, got, x.ratio)
		}
		if again.ProblemKey() != c.ProblemKey() {
			t.Errorf("%s: read again, it is another problem", x.given)
		}
		if other, there := keys[c.ProblemKey()]; there && other != x.line {
			t.Errorf("%q and %q are one problem", other, x.line)
		}
		keys[c.ProblemKey()] = x.line
	}
}
