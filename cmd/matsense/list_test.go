package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// TestList: every name that run takes is listed with a source, and run takes every name that is listed.
func TestList(t *testing.T) {
	text := must(t, exitDone, "list").out
	lines := jsonLines(t, must(t, exitDone, "list", "--json").out)
	if entries := config.Catalog(); len(lines) != len(entries) {
		t.Fatalf("%d lines for %d entries", len(lines), len(entries))
	}
	for _, l := range lines {
		name, _ := l["name"].(string)
		if !strings.Contains(text, "\n  "+name+" ") || l["about"] == "" || l["source"] == "" &&
			name != "dense" && name != "custom" && name != "squared" {
			t.Errorf("%v", l)
		}
		base := ""
		switch l["event"] {
		case "method":
			if name == "custom" { // TestCustom
				continue
			}
			if base = "n: 6, rank: 1, factor-rank: 1, init: spectral, method: " + name; name != "none" {
				base += ", iterations: 3"
			}
			if name == "imbalanced-gd" || name == "apgd" || name == "altmin" {
				base += ", parametrization: uv"
			}
			if name == "weight-normalization" {
				base = "n: 6, rank: 1, factor-rank: 2, parametrization: polar, iterations: 3, method: " + name
			}
			if name == "mirror-descent" {
				base = "n: 6, rank: 1, iterations: 3, method: " + name
			}
		case "ensemble":
			if name != "dense" {
				base = "n: 8, rank: 1, iterations: 3, ensemble: " + name
			}
		case "loss":
			base = "n: 8, rank: 1, iterations: 3, loss: " + name
		case "observation":
			base = "n: 8, rank: 1, observation: " + name
		}
		if base != "" {
			must(t, exitDone, "sweep", sweepFile(t, "base: {"+base+"}"), "--dry-run")
		}
	}
	r := must(t, exitUsage, "run", "--method", "scaled")
	if !strings.Contains(r.err, "--method: must be gd, polyak-gd, imbalanced-gd, ") {
		t.Error(r.err)
	}
}

// TestListOfKind: a kind is named in the singular or the plural; metrics are a kind.
func TestListOfKind(t *testing.T) {
	for kind, want := range map[string][2]string{
		"methods": {"scaled-gd-lambda", "psd"}, "method": {"rgda", "gaussian"},
		"ensembles": {"pauli", "linear"}, "ensemble": {"pauli", "linear"},
		"parametrizations": {"indefinite", "momentum"}, "observations": {"single-index", "rank-one"},
		"starts": {"saddle", "sgd"}, "losses": {"huber", "gd"}, "loss": {"l1", "random"},
		"metrics": {"train_loss", "saddle"}, "metric": {"seconds", "random"},
	} {
		text := must(t, exitDone, "list", kind).out
		if !strings.Contains(text, "\n  "+want[0]+" ") || strings.Contains(text, "\n  "+want[1]+" ") {
			t.Errorf("list %s prints\n%s", kind, text)
		}
		for _, l := range jsonLines(t, must(t, exitDone, "list", kind, "--json").out) {
			event := fmt.Sprint(l["event"])
			if event != kind && pluralOf(event) != kind || l["name"] == "" || l["about"] == "" {
				t.Errorf("list %s: %v", kind, l)
			}
		}
	}
	refused(t, []string{"list", "metods"}, `list knows no kind "metods"; did you mean "methods"?`)
	refused(t, []string{"list", "init"}, `list knows no kind "init"; did you mean "`)
	refused(t, []string{"list", "methods", "starts"}, "list takes one kind, got 2")
}

// TestLambda: lambda is refused for methods without damping; its default is σ_min²; user data need it.
func TestLambda(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--method scaled-gd --lambda 0.1",
			"--lambda is for method scaled-gd-lambda or opsa, and this is scaled-gd"},
		{"--method scaled-gd-lambda --lambda 0", "--lambda must be positive, got 0"},
		{"--method scaled-gd-lambda --lambda nan", "--lambda must be positive and finite"},
	} {
		if r := must(t, exitUsage,
			append([]string{"run"}, strings.Fields(c.args)...)...); !strings.Contains(r.err, c.want) {
			t.Errorf("%s: %s", c.args, r.err)
		}
	}
	dir := runSmall(t, "--method", "scaled-gd-lambda", "--kappa", "2")
	if text := string(read(t, dir, "config.yaml")); !strings.Contains(text, "\nlambda: 0.25\n") {
		t.Errorf("config.yaml is\n%s", text)
	}
	// The resolved configuration repeats the run.
	again := t.TempDir() + "/again"
	must(t, exitDone, "run", "--config", dir+"/config.yaml", "--out", again)
	sameBits(t, again, dir)
	d := newData(t)
	if r := must(t, exitUsage, "run", "--matrices", d.matrices, "--observations", d.observations, "--method",
		"scaled-gd-lambda"); !strings.Contains(r.err, "needs lambda") {
		t.Error(r.err)
	}
}

// An interrupted scaled run continues to the same bits: nothing in its extra slot is needed.
func TestResumeScaled(t *testing.T) {
	for _, method := range []string{"scaled-gd-lambda", "prec-gd"} {
		whole := runSmall(t, "--method", method)
		part := runSmall(t, "--method", method, "--iterations", "23")
		must(t, exitDone, "run", "--resume", "--out", part, "--iterations", "60")
		sameBits(t, part, whole)
	}
}
