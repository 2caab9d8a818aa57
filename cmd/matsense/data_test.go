package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// data is a user's own problem of n = 10 in files: 40 symmetric matrices, observations of a truth of rank 2,
// and a start with 3 columns. All numbers but the observations are multiples of 1/64 that float32 holds
// exactly.
type data struct {
	dir                                  string
	m, n                                 int
	a, y, x, u                           []float64
	matrices, observations, truth, start string
}

func newData(t *testing.T) *data {
	t.Helper()
	d := &data{dir: t.TempDir(), m: 40, n: 10}
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(count int) []float64 {
		out := make([]float64, count)
		for i := range out {
			out[i] = math.Round(64*random.NormFloat64()) / 64
		}
		return out
	}
	d.a, d.x, d.u = draw(d.m*d.n*d.n), draw(d.n*2), draw(d.n*3)
	for i := range d.m {
		for j := range d.n {
			for k := range j {
				d.a[d.at(i, j, k)] = d.a[d.at(i, k, j)]
			}
		}
	}
	for i := range d.x {
		d.x[i] /= 4
	}
	for i := range d.u {
		d.u[i] /= 1024
	}
	d.y = d.measure(d.x, 2)
	d.matrices = d.save(t, "A.npy", "<f8", false, d.a, d.m, d.n, d.n)
	d.observations = d.save(t, "y.npy", "<f8", false, d.y, d.m)
	d.truth = d.save(t, "X.npy", "<f8", false, d.x, d.n, 2)
	d.start = d.save(t, "U0.npy", "<f8", false, d.u, d.n, 3)
	return d
}

func (d *data) at(i, j, k int) int { return (i*d.n+j)*d.n + k }

// measure returns ⟨A_i, FFᵀ⟩ for a factor of n × r.
func (d *data) measure(f []float64, r int) []float64 {
	z := product(f, d.n, r)
	p := make([]float64, d.m)
	for i := range p {
		for jk, v := range z {
			p[i] += d.a[i*d.n*d.n+jk] * v
		}
	}
	return p
}

// product returns FFᵀ.
func product(f []float64, n, r int) []float64 {
	z := make([]float64, n*n)
	for j := range n {
		for k := range n {
			for l := range r {
				z[j*n+k] += f[j*r+l] * f[k*r+l]
			}
		}
	}
	return z
}

func (d *data) save(t *testing.T, name, descr string, fortran bool, values []float64, shape ...int) string {
	t.Helper()
	return write(t, filepath.Join(d.dir, name), npyFile(descr, fortran, values, shape...))
}

// npyFile is a .npy file of C-ordered values, made without the package under test.
func npyFile(descr string, fortran bool, values []float64, shape ...int) []byte {
	words := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	if len(shape) == 1 {
		words += ","
	}
	order := "False"
	if fortran {
		order = "True"
		values = toFortran(values, shape)
	}
	body := npyHeader(fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }",
		descr, order, words))
	return append(body, numtest.Encode(descr, values)...)
}

// npyHeader is everything before the numbers.
func npyHeader(text string) []byte {
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY"), 1, 0)
	return append(binary.LittleEndian.AppendUint16(head, uint16(len(text))), text...)
}

// toFortran reorders C-ordered values so that the first index runs fastest.
func toFortran(values []float64, shape []int) []float64 {
	out := make([]float64, len(values))
	for c, v := range values {
		at, rest, stride := 0, c, len(values)
		for d := len(shape) - 1; d >= 0; d-- {
			stride /= shape[d]
			at += rest % shape[d] * stride
			rest /= shape[d]
		}
		out[at] = v
	}
	return out
}

// runData runs the user's problem with more flags.
func (d *data) run(t *testing.T, flags ...string) (string, result) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	args := slices.Concat([]string{"run", "--out", dir, "--matrices", d.matrices, "--observations",
		d.observations, "--iterations", "40"}, flags)
	return dir, must(t, exitDone, args...)
}

// near compares with a relative tolerance. Sums of a few thousand rounded products in two orders differ by
// some 1e-14 of the largest term; the losses compared are not much smaller than their terms.
func near(t *testing.T, what string, got any, want float64) {
	t.Helper()
	if g, ok := got.(float64); !ok || !(math.Abs(g-want) <= 1e-10*math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The loss and the test error are computed again from factor.npy and the user's numbers.
func TestOwnDataWithTruth(t *testing.T) {
	d := newData(t)
	dir, r := d.run(t, "--truth", d.truth, "--init", d.start, "--step", "0.05")
	if strings.Contains(r.err, "note:") {
		t.Errorf("a notice about symmetric matrices:\n%s", r.err)
	}
	u, shape := factorOf(t, dir)
	if !slices.Equal(shape, []int{10, 3}) {
		t.Fatalf("factor.npy has the shape %v", shape)
	}
	s := summaryOf(t, dir)
	final := s["final"].(map[string]any)
	var loss float64
	for i, p := range d.measure(u, 3) {
		loss += (p - d.y[i]) * (p - d.y[i]) / (4 * float64(d.m))
	}
	near(t, "the train loss", final["train_loss"], loss)
	var off, norm float64
	target := product(d.x, d.n, 2)
	for i, v := range product(u, d.n, 3) {
		off += (v - target[i]) * (v - target[i])
		norm += target[i] * target[i]
	}
	near(t, "the test error", final["test_error"], math.Sqrt(off/norm))
	if p := s["problem"].(map[string]any); p["n"] != 10.0 || p["rank"] != 2.0 || p["measurements"] != 40.0 ||
		p["factor_rank"] != 3.0 || p["ensemble"] != "dense" {
		t.Errorf("the problem is %v", p)
	}
	if sums, ok := s["data_sha256"].(map[string]any); !ok || len(sums) != 4 {
		t.Errorf("data_sha256 is %v", s["data_sha256"])
	}
}

func TestOwnDataWithoutTruth(t *testing.T) {
	d := newData(t)
	for _, c := range []struct {
		flags []string
		empty []string
	}{
		{nil, []string{"test_error", "signal", "noise", "angle", "spectral_angle"}},
		{[]string{"--rank", "2"}, []string{"test_error", "signal", "noise", "angle"}},
	} {
		dir, r := d.run(t, append(c.flags, "--json")...)
		head, rows := table(t, dir)
		samples := events(jsonLines(t, r.out), "sample")
		final := summaryOf(t, dir)["final"].(map[string]any)
		for i, name := range head {
			unknown := slices.Contains(c.empty, name)
			for j, row := range rows {
				if (row[i] == "") != unknown {
					t.Errorf("%v: %s at iteration %s is %q", c.flags, name, row[0], row[i])
				}
				if value, has := samples[j][name]; has && (value == nil) != unknown {
					t.Errorf("%v: %s at iteration %s is %v in JSON", c.flags, name, row[0], value)
				}
			}
			if value, has := final[name]; has && (value == nil) != unknown {
				t.Errorf("%v: the final %s is %v", c.flags, name, value)
			}
		}
		s := summaryOf(t, dir)
		spectral, _ := s["spectral"].(map[string]any) // there where the estimate was compared with
		if s["recovered"] != nil || (spectral != nil) != slices.Contains(c.flags, "--rank") ||
			spectral["estimate_to_truth"] != nil {
			t.Errorf("%v: recovered %v, spectral %v without a truth", c.flags, s["recovered"], s["spectral"])
		}
		for name, at := range s["phases"].(map[string]any) {
			if at != nil {
				t.Errorf("%v: phase %s is %v without a truth", c.flags, name, at)
			}
		}
		if svg := string(read(t, dir, "trajectory.svg")); strings.Contains(svg, "test error") ||
			strings.Contains(svg, "alignment") {
			t.Errorf("%v: the figure shows a test error or phases", c.flags)
		}
	}
	if _, r := d.run(t); strings.Contains(r.out, "ecovered") || strings.Contains(r.out, "test error") {
		t.Errorf("the summary speaks of recovery without a truth:\n%s", r.out)
	}
}

func TestOwnDataInEveryFormat(t *testing.T) {
	d := newData(t)
	want, _ := d.run(t, "--truth", d.truth, "--init", d.start)
	for _, c := range []struct {
		descr   string
		fortran bool
	}{{"<f8", true}, {">f8", false}, {"<f4", false}, {"<f4", true}} {
		d.save(t, "A.npy", c.descr, c.fortran, d.a, d.m, d.n, d.n)
		d.save(t, "X.npy", c.descr, c.fortran, d.x, d.n, 2)
		d.save(t, "U0.npy", c.descr, c.fortran, d.u, d.n, 3)
		got, _ := d.run(t, "--truth", d.truth, "--init", d.start)
		sameBits(t, got, want)
	}
	// Observations as a column, a truth as a vector.
	column := d.save(t, "column.npy", "<f8", false, d.y, d.m, 1)
	got, _ := d.run(t, "--observations", column, "--truth", d.truth, "--init", d.start)
	sameBits(t, got, want)
	vector := d.save(t, "vector.npy", "<f8", false, d.x[:d.n], d.n)
	dir, _ := d.run(t, "--truth", vector)
	if rank := summaryOf(t, dir)["problem"].(map[string]any)["rank"]; rank != 1.0 {
		t.Errorf("a truth of the shape (n,) has the rank %v", rank)
	}
}

// (A + Aᵀ)/2 is exact for these numbers, so that the same bits come out.
func TestOwnDataAsymmetric(t *testing.T) {
	d := newData(t)
	want, _ := d.run(t)
	skewed := slices.Clone(d.a)
	skewed[d.at(7, 2, 5)] += 0.25
	skewed[d.at(7, 5, 2)] -= 0.25
	for _, fortran := range []bool{false, true} {
		path := d.save(t, "skewed.npy", "<f8", fortran, skewed, d.m, d.n, d.n)
		got, r := d.run(t, "--matrices", path)
		sameBits(t, got, want)
		if !strings.Contains(r.err, "note: ") || !strings.Contains(r.err, "not symmetric") {
			t.Errorf("no notice on stderr:\n%s", r.err)
		}
		_, r = d.run(t, "--matrices", path, "--json")
		if n := events(jsonLines(t, r.out), "notice"); len(n) != 1 ||
			!strings.Contains(n[0]["message"].(string), "not symmetric") || r.err != "" {
			t.Errorf("notices %v, stderr %q", n, r.err)
		}
	}
}

func TestStartFile(t *testing.T) {
	d := newData(t)
	dir := runSmall(t, "--iterations", "0", "--init", d.start)
	if u, shape := factorOf(t, dir); !slices.Equal(u, d.u) || !slices.Equal(shape, []int{10, 3}) {
		t.Errorf("iterate 0 is not U0: shape %v", shape)
	}
	// The run of 60 is the run of 20 gone on from its factor.
	long, short := runSmall(t), runSmall(t, "--iterations", "20")
	rest := runSmall(t, "--iterations", "40", "--init", filepath.Join(short, "factor.npy"))
	if !bytes.Equal(read(t, rest, "factor.npy"), read(t, long, "factor.npy")) {
		t.Error("20 steps and 40 more from factor.npy are not 60 steps")
	}
}

func TestConfigNamesFilesRelativeToItself(t *testing.T) {
	d := newData(t)
	want, _ := d.run(t, "--truth", d.truth)
	config := write(t, filepath.Join(d.dir, "own.yaml"),
		[]byte("matrices: A.npy\nobservations: y.npy\ntruth: X.npy\niterations: 40\n"))
	got := filepath.Join(t.TempDir(), "run")
	t.Chdir(t.TempDir())
	must(t, exitDone, "run", "--config", config, "--out", got)
	sameBits(t, got, want)
	// The run's own config.yaml works from anywhere.
	again := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, "run", "--config", filepath.Join(got, "config.yaml"), "--out", again)
	sameBits(t, again, want)
}

func TestFlagsWinOverConfig(t *testing.T) {
	config := write(t, filepath.Join(t.TempDir(), "c.yaml"),
		[]byte("# a comment\nn: 10\nrank: 2\nmeasurements: 150\niterations: 7\nstep: 0.125\n"))
	dir := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, "run", "--config", config, "--iterations", "60", "--step=0.25", "--out", dir)
	sameBits(t, dir, runSmall(t))
}

// Symptom: without a truth, a loss that is 0 at every iterate leaves nothing that a logarithmic axis can
// show, and drawing panics.
func TestNothingToDraw(t *testing.T) {
	d := newData(t)
	zeros := make([]float64, 40)
	y0 := d.save(t, "y0.npy", "<f8", false, zeros, 40)
	u0 := d.save(t, "zero.npy", "<f8", false, zeros[:20], 10, 2)
	dir, r := d.run(t, "--observations", y0, "--init", u0)
	if !strings.Contains(r.err, "nothing to draw") || strings.Contains(r.out, "trajectory.svg") {
		t.Errorf("it does not say that there is no figure:\n%s%s", r.err, r.out)
	}
	if s := summaryOf(t, dir); s["final"].(map[string]any)["train_loss"] != 0.0 {
		t.Errorf("the train loss is %v", s["final"])
	}
	r = must(t, exitFailed, "plot", dir)
	if lines := mistakes(t, r); len(lines) != 1 || !strings.Contains(lines[0], "nothing to draw") ||
		r.out != filepath.Join(dir, "report.html")+"\n" {
		t.Errorf("plot says %q and prints %q", lines, r.out)
	}
}

// Symptom: a path that is not UTF-8 was written to config.yaml in base64, which names another file.
func TestPathsWithOddCharacters(t *testing.T) {
	d := newData(t)
	for _, name := range []string{"a b.npy", "x: y #z.npy", "ü\u2028.npy", "'\"\\.npy", "latin\xe9.npy"} {
		path := filepath.Join(d.dir, name)
		if err := os.WriteFile(path, read(t, d.truth), 0o644); err != nil {
			t.Logf("no file can be called %q here: %v", name, err)
			continue
		}
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			repeats(t, []string{"--matrices", d.matrices, "--observations", d.observations, "--iterations",
				"5", "--truth", path})
		})
	}
}
