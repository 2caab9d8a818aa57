package tensorboard

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/tfevents"
	"github.com/matsense/matsense/solver"
)

// log returns the bytes of the event files of a run.
func log(t *testing.T, folder string) []byte {
	t.Helper()
	var all []byte
	for _, name := range tfevents.Files(folder) {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// scalar is a Summary.Value with a tag and a simple_value.
func scalar(tag string, value float32) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), tag)
	return protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(value))
}

// TestSample: every metric that is known is there under its own name, and no other one.
func TestSample(t *testing.T) {
	dir := t.TempDir()
	logs := open(dir, func(text string) { t.Error(text) })
	c := config.Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := logs.begin("a", &c, 0)
	s := solver.NewSample(7)
	s.TrainLoss, s.Angle, s.Evaluations, s.Seconds, s.Sigma = 0.1, 0.2, 12, 4, []float64{3, 0.5}
	r.sample(s)
	r.end(false)
	if err := logs.close(); err != nil {
		t.Fatal(err)
	}
	got := log(t, filepath.Join(dir, "a"))
	tags := map[string]float32{"errors/train_loss": 0.1, "factor/angle": 0.2, "other/evaluations": 12,
		"other/seconds": 4, "sigma/1": 3, "sigma/2": 0.5}
	for tag, value := range tags {
		if !bytes.Contains(got, scalar(tag, value)) {
			t.Errorf("there is no %s with the value %v", tag, value)
		}
	}
	for _, m := range solver.Metrics() {
		if _, known := tags[tagOf(m)]; !known && bytes.Contains(got, []byte(tagOf(m))) {
			t.Errorf("%s is unknown and there", m.Name)
		}
	}
	for _, f := range c.Applied() {
		if !bytes.Contains(got, append(protowire.AppendVarint(nil, uint64(len(f.Key))), f.Key...)) {
			t.Errorf("the setting %s is missing", f.Key)
		}
	}
}

// TestFailureIsToldOnce: what cannot be written is told once, and is the error at the end.
func TestFailureIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var told []string
	logs := open(dir, func(text string) { told = append(told, text) })
	c := config.Default()
	r := logs.begin("a", &c, 0)
	for i := range 3 {
		r.sample(solver.NewSample(i))
		logs.flush()
	}
	r.end(false)
	err := logs.close()
	if len(told) != 1 || !strings.Contains(told[0], "the run goes on") {
		t.Errorf("the notices are %q", told)
	}
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v", err)
	}
}

func TestNameOf(t *testing.T) {
	long := strings.Repeat("é", 300)
	for _, c := range []struct {
		index, runs  int
		keys, values []string
		want         string
	}{
		{0, 1, nil, nil, "0"},
		{7, 1000, []string{"alpha", "seed"}, []string{"1e-06", "3"}, "007_alpha=1e-06_seed=3"},
		{7, 1001, []string{"init"}, []string{`C:\my data/U*.npy`}, "0007_init=C--my-data-U-.npy"},
		{1, 2, []string{"init"}, []string{long}, "1_init=" + long[:112]},
	} {
		if got := nameOf(c.index, c.runs, c.keys, c.values); got != c.want {
			t.Errorf("the folder's name is %q, want %q", got, c.want)
		}
	}
}
