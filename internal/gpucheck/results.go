package gpucheck

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/matsense/matsense/internal/atomicfile"
)

// Results has all results of one call of run. It is the content of results.json.
type Results struct {
	About       About        `json:"about"`
	Steps       []StepResult `json:"steps"`
	Kernels     []Kernel     `json:"kernels,omitempty"`
	Benchmarks  []Benchmark  `json:"benchmarks,omitempty"`
	Torch       []TorchStep  `json:"torch,omitempty"`
	Missing     []Missing    `json:"missing,omitempty"`
	Runs        []Run        `json:"runs,omitempty"`
	Comparisons []Comparison `json:"comparisons,omitempty"`
}

// About says where, when and with which programs the results were made. Unknown fields are empty.
type About struct {
	Tiny     bool   `json:"tiny"` // made at tiny sizes, without a GPU: times mean nothing
	Device   string `json:"device,omitempty"`
	Driver   string `json:"driver,omitempty"`
	Clocks   string `json:"clocks,omitempty"`
	Host     string `json:"host,omitempty"`
	Date     string `json:"date,omitempty"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"`
	PyTorch  string `json:"pytorch,omitempty"`
	Command  string `json:"command,omitempty"`
}

// StepResult is how a step ended.
type StepResult struct {
	Name    string   `json:"name"`
	Group   string   `json:"group"`
	Outcome Outcome  `json:"outcome"`
	Detail  []string `json:"detail,omitempty"` // the lines that tell why it failed
	Command string   `json:"command,omitempty"`
	Limit   float64  `json:"limit_seconds"`
	Seconds float64  `json:"seconds"`
	Clock   string   `json:"clock,omitempty"` // the processor clock of the GPU during the step
}

// Kernel has the resources that the driver's compiler reports for one kernel.
type Kernel struct {
	Name         string  `json:"name"`
	Registers    int     `json:"registers"`
	Local        int     `json:"local_bytes"`
	Shared       int     `json:"static_shared_bytes"`
	Dynamic      int     `json:"dynamic_shared_bytes"`
	Blocks       float64 `json:"blocks_per_multiprocessor"`
	Milliseconds float64 `json:"load_milliseconds"`
}

// Problem is an ensemble and a size: n × r factors, m measurements and the number of members of the batch.
// For rows the name of the ensemble is empty and R is 0; their factors are n × n.
type Problem struct {
	Ensemble string `json:"ensemble,omitempty"`
	N        int    `json:"n"`
	M        int    `json:"m"`
	R        int    `json:"r,omitempty"`
	Batch    int    `json:"batch"`
}

// Benchmark is one line of a benchmark.
type Benchmark struct {
	Problem
	Entries    string             `json:"entries,omitempty"`
	Arithmetic string             `json:"arithmetic,omitempty"`
	Rows       string             `json:"rows,omitempty"` // memory or generated
	What       string             `json:"what"`           // contract, step, or another benchmark's name
	Metrics    map[string]float64 `json:"metrics"`        // by unit
}

// TorchStep is a step in PyTorch.
type TorchStep struct {
	Problem
	Type   string  `json:"type"` // float32 or float64
	Form   string  `json:"form"` // eager, compiled, or one of torch_ensembles.py
	Median float64 `json:"median_ms"`
	Least  float64 `json:"min_ms"`
	Most   float64 `json:"max_ms"`
}

// Missing is a measurement that was not made.
type Missing struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Run is a whole process of matsense.
type Run struct {
	Name      string  `json:"name"`
	Device    string  `json:"device"`
	Wall      float64 `json:"wall_seconds"`
	Stepping  float64 `json:"stepping_seconds"`
	TrainLoss float64 `json:"train_loss"`
	TestError float64 `json:"test_error"`
}

// Comparison is the difference between two runs or sweeps.
type Comparison struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// State is the state in which a step ended, in one word.
type State string

// The states.
const (
	OK      State = "ok"
	Failed  State = "failed"
	Skipped State = "skipped" // a program that matsense does not need is not installed
)

// Outcome is how a step ended.
type Outcome struct {
	State State  `json:"state"`
	Text  string `json:"text"`
}

// String implements fmt.Stringer.
func (o Outcome) String() string { return string(o.State) + ": " + o.Text }

func ok(format string, args ...any) Outcome     { return Outcome{OK, fmt.Sprintf(format, args...)} }
func failed(format string, args ...any) Outcome { return Outcome{Failed, fmt.Sprintf(format, args...)} }
func skipped(format string, args ...any) Outcome {
	return Outcome{Skipped, fmt.Sprintf(format, args...)}
}

// failures returns the names of the failed steps.
func (r *Results) failures() []string {
	var names []string
	for _, s := range r.Steps {
		if s.Outcome.State == Failed {
			names = append(names, s.Name)
		}
	}
	return names
}

const (
	resultsName = "results.json"
	pageName    = "result.md"
	archiveName = "results.tar.gz"

	mostArchive = 16_000_000 // bytes of the archive
)

// save writes results.json, result.md and the archive into dir.
func (r *Results) save(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{resultsName: append(text, '\n'), pageName: []byte(Page(r))} {
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return archive(dir, mostArchive)
}

func writeFile(name string, content []byte) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// archive packs the logs, the results and the small files of the runs into dir's archive. It shortens long
// logs in the middle until the archive has fewer than most bytes.
func archive(dir string, most int) error {
	for keep := 4 << 20; keep >= 1<<10; keep /= 4 {
		packed, err := pack(dir, keep)
		if err != nil {
			return err
		}
		if len(packed) < most {
			return writeFile(filepath.Join(dir, archiveName), packed)
		}
	}
	return fmt.Errorf("the results do not fit into %d bytes; they are in %s", most, dir)
}

// packed reports whether a file belongs in the archive.
func packed(name string) bool {
	switch path.Ext(name) {
	case ".log", ".json", ".csv", ".yaml", ".md":
		return !strings.Contains(name, "checkpoint/")
	}
	return false
}

func pack(dir string, keep int) ([]byte, error) {
	var out bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(zipped)
	root := os.DirFS(dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !packed(name) {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".log" {
			content = shorten(content, keep)
		}
		return addFile(t, path.Join("results", name), 0o644, content)
	})
	err = errors.Join(err, t.Close(), zipped.Close())
	return out.Bytes(), err
}

// shorten removes the middle of a text that is longer than keep bytes.
func shorten(text []byte, keep int) []byte {
	if len(text) <= keep {
		return text
	}
	note := fmt.Appendf(nil, "\n… %d bytes are left out here …\n", len(text)-keep)
	return slices.Concat(text[:keep/2], note, text[len(text)-keep/2:])
}

// addFile adds a file to an archive, without a date, so that the same files give the same archive.
func addFile(t *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{
		Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg,
	}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

// ReadResults reads results.json, an archive that contains it, or a folder that contains either.
func ReadResults(name string) (*Results, error) {
	text, err := readResults(name)
	if err != nil {
		return nil, err
	}
	var r Results
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s has no results of gpu-check: %w", name, err)
	}
	return &r, nil
}

func readResults(name string) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, resultsName)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !strings.HasSuffix(name, ".gz") {
		return io.ReadAll(file)
	}
	zipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for t := tar.NewReader(zipped); ; {
		header, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("%s has no %s: %w", name, resultsName, err)
		}
		if path.Base(header.Name) == resultsName && path.Dir(header.Name) == "results" {
			return io.ReadAll(t)
		}
	}
}

// Merge merges the results of several calls on one device. If a step was done twice, the later result counts.
func Merge(all []*Results) (*Results, error) {
	merged := &Results{}
	for i, r := range all {
		a, b := &merged.About, r.About
		if i == 0 {
			*a = b
		} else if err := same(*a, b); err != nil {
			return nil, err
		}
		for _, field := range []struct {
			into *string
			from string
		}{
			{&a.PyTorch, b.PyTorch}, {&a.Device, b.Device}, {&a.Driver, b.Driver},
			{&a.Clocks, b.Clocks}, {&a.Host, b.Host},
		} {
			if *field.into == "" {
				*field.into = field.from
			}
		}
		if i > 0 && b.Command != "" {
			a.Command += "\n" + b.Command
		}
		merged.replace(r)
	}
	return merged, nil
}

// same returns an error if two results may not be on one page.
func same(a, b About) error {
	for _, c := range []struct{ what, a, b string }{
		{"devices", deviceName(a.Device), deviceName(b.Device)},
		{"drivers", a.Driver, b.Driver},
		{"revisions", a.Revision, b.Revision},
	} {
		if c.a != "" && c.b != "" && c.a != c.b {
			return fmt.Errorf("the results are of different %s, %s and %s: make a page for each",
				c.what, c.a, c.b)
		}
	}
	if a.Tiny != b.Tiny {
		return errors.New("some of the results were made with --tiny: " +
			"their times cannot be compared with the others")
	}
	return nil
}

// deviceName is the name of a device without its memory and other details.
func deviceName(device string) string {
	name, _, _ := strings.Cut(device, ",")
	return name
}

// replace adds r; a step or measurement of r replaces an earlier one of the same name.
func (m *Results) replace(r *Results) {
	m.Steps = merge(m.Steps, r.Steps, func(s StepResult) string { return s.Name })
	m.Kernels = merge(m.Kernels, r.Kernels, func(k Kernel) string { return k.Name })
	m.Benchmarks = merge(m.Benchmarks, r.Benchmarks, Benchmark.key)
	m.Torch = merge(m.Torch, r.Torch, TorchStep.key)
	m.Missing = merge(m.Missing, r.Missing, func(v Missing) string { return v.Name })
	m.Runs = merge(m.Runs, r.Runs, func(v Run) string { return v.Name })
	m.Comparisons = merge(m.Comparisons, r.Comparisons, func(c Comparison) string { return c.Name })
	measured := map[string]bool{}
	for _, b := range m.Benchmarks {
		measured[b.key()] = true
		measured[strings.TrimSuffix(b.key(), "/"+b.What)] = true
	}
	for _, t := range m.Torch {
		measured[t.key()] = true
	}
	m.Missing = slices.DeleteFunc(m.Missing, func(v Missing) bool { return measured[v.Name] })
}

func merge[T any](old, more []T, key func(T) string) []T {
	fresh := map[string]bool{}
	for _, v := range more {
		fresh[key(v)] = true
	}
	old = slices.DeleteFunc(slices.Clone(old), func(v T) bool { return fresh[key(v)] })
	return append(old, more...)
}

// key is a benchmark's name.
func (b Benchmark) key() string {
	if b.N == 0 {
		return b.What
	}
	if b.Ensemble != "" {
		return fmt.Sprintf("%s/n=%d/m=%d/r=%d/%s/%s/batch=%d/%s",
			b.Ensemble, b.N, b.M, b.R, b.Arithmetic, b.Rows, b.Batch, b.What)
	}
	return fmt.Sprintf("n=%d/m=%d/%s/%s/%s/batch=%d/%s",
		b.N, b.M, b.Entries, b.Arithmetic, b.Rows, b.Batch, b.What)
}

// key is the name of PyTorch's step.
func (t TorchStep) key() string {
	ensemble, r := t.Ensemble, t.R
	if ensemble == "" {
		ensemble, r = "rows", t.N
	}
	return fmt.Sprintf("torch/%s/%s/%s/n=%d/m=%d/r=%d/batch=%d",
		ensemble, t.Type, t.Form, t.N, t.M, r, t.Batch)
}
