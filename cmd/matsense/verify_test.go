package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVerifyIdentical: runs of many kinds, done again, have the bits of their directories; and nothing is
// written.
func TestVerifyIdentical(t *testing.T) {
	for name, flags := range map[string][]string{
		"plain": nil, "mini-batches": {"--method", "sgd"}, "mixed": {"--entries", "q8"},
		"two factors": {"--parametrization", "uv", "--n2", "8"},
		"deep":        {"--parametrization", "deep", "--n2", "8", "--measurements", "200"},
		"best":        {"--noise", "0.1", "--keep", "best"},
		"diverges":    {"--step", "40"},
		"estimate":    {"--observation", "multi-index", "--measurements", "400", "--iterations", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			r := matsense(t, slices.Concat([]string{"run", "--out", dir}, small, flags)...)
			if r.code != exitDone && r.code != exitDiverged {
				t.Fatalf("exit code %d\n%s", r.code, r.err)
			}
			before := snapshot(t, dir)
			out := must(t, exitDone, "verify", dir).out
			_, rows := table(t, dir)
			want := fmt.Sprintf("identical: factor and %d sample", len(rows))
			if !strings.HasPrefix(out, want) {
				t.Errorf("%q, want %q", out, want)
			}
			after := snapshot(t, dir)
			for path, text := range before {
				if after[path] != text {
					t.Errorf("%s has changed", path)
				}
			}
			if len(after) != len(before) {
				t.Errorf("there were %d files and are %d", len(before), len(after))
			}
		})
	}
}

// TestVerifyResumed: a run that was resumed, one whose process was killed, and one in a directory of an older
// version.
func TestVerifyResumed(t *testing.T) {
	dir := runSmall(t, "--iterations", "33")
	must(t, exitDone, "run", "--resume", "--out", dir, "--iterations", "60")
	if out := must(t, exitDone, "verify", dir).out; out != "identical: factor and 13 samples\n" {
		t.Errorf("resumed: %q", out)
	}
	for _, name := range []string{"summary.json", "factor.npy"} {
		remove(t, filepath.Join(dir, name))
	}
	if out := must(t, exitDone, "verify", dir).out; !strings.HasPrefix(out, "identical: 13 samples; the run "+
		"has not ended") {
		t.Errorf("killed: %q", out)
	}
	remove(t, filepath.Join(dir, "times.csv"))
	edit(t, filepath.Join(dir, "config.yaml"), func(b []byte) []byte {
		return bytes.Replace(b, []byte("# matsense "+version()), []byte("# matsense v0.0.9"), 1)
	})
	out := must(t, exitDone, "verify", dir).out
	if !strings.Contains(out, "\n  made by matsense v0.0.9, checked by ") {
		t.Errorf("another version: %q", out)
	}
	remove(t, filepath.Join(dir, "trajectory.csv"))
	if m := mistakes(t, matsense(t, "verify", dir)); !strings.Contains(m[0], "has no trajectory.csv yet") {
		t.Errorf("%q", m)
	}
}

// TestVerifyDifferent: what was altered is named, with the greatest difference and the exit code 1.
func TestVerifyDifferent(t *testing.T) {
	dir := runSmall(t)
	sample := func(to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "trajectory.csv"), func(b []byte) []byte {
				lines := strings.Split(string(b), "\n")
				cells := strings.Split(lines[4], ",") // iteration 15
				cells[2] = to
				lines[4] = strings.Join(cells, ",")
				return []byte(strings.Join(lines, "\n"))
			})
		}
	}
	for name, c := range map[string]struct {
		alter func(t *testing.T, dir string)
		want  []string
	}{
		"a number": {sample("0.25"), []string{
			"different: trajectory.csv, iteration 15: test_error is 0.25, and ", "No reason is known"}},
		"an unknown number": {sample(""), []string{"iteration 15: test_error is unknown, and "}},
		"an entry": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "factor.npy"), func(b []byte) []byte {
				at := b[len(b)-8*10*10+8*23:] // row 2, column 3
				v := math.Float64frombits(binary.LittleEndian.Uint64(at))
				binary.LittleEndian.PutUint64(at, math.Float64bits(math.Nextafter(v, 2)))
				return b
			})
		}, []string{"different: factor.npy, iteration 60: entry (2, 3) is "}},
		"a seed": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "config.yaml"), func(b []byte) []byte {
				return bytes.Replace(b, []byte("start-seed: 1"), []byte("start-seed: 2"), 1)
			})
		}, []string{"different: trajectory.csv, iteration 0: ", "\n  the greatest: "}},
		"how it ended": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "summary.json"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"steps": 60`), []byte(`"steps": 59`), 1)
			})
		}, []string{"different: budget-spent after 59 steps, and budget-spent after 60 steps when done again"}},
		"a row more": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "trajectory.csv"), func(b []byte) []byte {
				return bytes.Replace(b, []byte("\n15,"), []byte("\n14,0,0,0,0,0,0,0,0,0\n15,"), 1)
			})
		}, []string{"iteration 14: train_loss is 0, and unknown when done again"}},
	} {
		t.Run(name, func(t *testing.T) {
			copied := copyRun(t, dir)
			c.alter(t, copied)
			r := must(t, exitFailed, "verify", copied)
			for _, want := range c.want {
				if !strings.Contains(r.out, want) {
					t.Errorf("%q is not in %q", want, r.out)
				}
			}
		})
	}
	copied := copyRun(t, dir)
	sample("0.25")(t, copied)
	lines := jsonLines(t, must(t, exitFailed, "verify", copied, "--json").out)
	first, verdict := events(lines, "difference"), events(lines, "verified")
	if len(first) != 1 || first[0]["recorded"] != 0.25 || first[0]["name"] != "test_error" ||
		len(verdict) != 1 || verdict[0]["identical"] != false || verdict[0]["samples"] != 13.0 {
		t.Errorf("%v, %v", first, verdict)
	}
}

// TestVerifyElsewhere: another device gives other last bits, and verify says why.
func TestVerifyElsewhere(t *testing.T) {
	dir := runSmall(t, "--n", "5", "--rank", "1", "--measurements", "31", "--iterations", "6")
	out := must(t, exitFailed, "verify", dir, "--device", "emulator").out
	if !strings.Contains(out, "The last bits may differ, because device emulator adds in another order than "+
		"device cpu.") {
		t.Errorf("%q", out)
	}
	must(t, exitDone, "verify", dir, "--storage", "generated", "--workers", "1", "--simd", "off")
}

// TestVerifyRefuses: mistakes have one sentence and the exit code 2.
func TestVerifyRefuses(t *testing.T) {
	d := newData(t)
	dir, _ := d.run(t, "--truth", d.truth)
	must(t, exitDone, "verify", dir)
	other := write(t, filepath.Join(t.TempDir(), "y.npy"), read(t, d.observations))
	must(t, exitDone, "verify", dir, "--observations", other)
	edit(t, other, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	folder := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{dir, "--observations", other}, "has other contents than the observations that the run in "},
		{[]string{folder}, "is not a run directory"},
		{[]string{dir, "--sample", "3"}, "--sample is for a sweep"},
		{[]string{dir, "--device", "abacus"}, "device"},
		{[]string{dir, "--seed", "3"}, "unknown flag: --seed"},
		{nil, "verify takes one run directory"},
	} {
		r := must(t, exitUsage, append([]string{"verify"}, c.args...)...)
		if m := mistakes(t, r); len(m) != 1 || !strings.Contains(m[0], c.want) {
			t.Errorf("%v: %q, want %q", c.args, m, c.want)
		}
	}
	edit(t, d.observations, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	m := mistakes(t, must(t, exitUsage, "verify", dir))
	if !strings.Contains(m[0], "restore the file, or say with --observations where it is") {
		t.Errorf("changed data: %q", m)
	}
	remove(t, d.observations)
	m = mistakes(t, must(t, exitUsage, "verify", dir))
	if !strings.Contains(m[0], "say with --observations where it is now") {
		t.Errorf("missing data: %q", m)
	}
}

// TestVerifySweep: recorded runs have the bits of runs done again, and an altered record has not.
func TestVerifySweep(t *testing.T) {
	dir := swept(t, sweepFile(t, `
base: {n: 8, rank: 1, measurements: 80, iterations: 30}
axes:
  - alpha: [1e-6, 1e-3]
  - step: [0.25, 40]
seeds: 2
`))
	out := must(t, exitDone, "verify", dir).out
	if !strings.HasPrefix(out, "identical: 8 runs with ") {
		t.Errorf("%q", out)
	}
	out = must(t, exitDone, "verify", dir, "--sample", "3").out
	if !strings.HasPrefix(out, "identical: 3 of 8 runs with ") {
		t.Errorf("%q", out)
	}
	for _, file := range recordFiles(t, dir) {
		edit(t, file, func(b []byte) []byte {
			lines := bytes.SplitAfter(b, []byte("\n"))
			for i, line := range lines {
				if bytes.HasPrefix(line, []byte(`{"index":2,`)) {
					lines[i] = resummed(t, line, `"signal":`, `"signal":1`)
				}
				if bytes.HasPrefix(line, []byte(`{"index":5,`)) {
					lines[i] = resummed(t, line, `"recovered":false`, `"recovered":true`)
				}
			}
			return bytes.Join(lines, nil)
		})
	}
	r := must(t, exitFailed, "verify", dir)
	if !strings.HasPrefix(r.out, "different: 2 of 8 runs, the numbers 2, 5\n") ||
		!strings.Contains(r.err, "note: run 5: recovered true, and recovered false when done again") {
		t.Errorf("%q, %q", r.out, r.err)
	}
	lines := jsonLines(t, must(t, exitFailed, "verify", dir, "--json").out)
	if d := events(lines, "difference"); len(d) != 1 || d[0]["run"] != 2.0 || d[0]["name"] != "signal" {
		t.Errorf("%v", d)
	}
	if v := events(lines, "verified"); len(v) != 1 || v[0]["runs"] != 8.0 ||
		fmt.Sprint(v[0]["different"]) != "[2 5]" {
		t.Errorf("%v", v)
	}
}

// resummed alters a record's line, and gives it the checksum of what it is then.
func resummed(t *testing.T, line []byte, old, new string) []byte {
	t.Helper()
	text, _, found := strings.Cut(string(line), `,"sha256":"`)
	altered := strings.ReplaceAll(text, old, new) + "}"
	if !found || altered == text+"}" {
		t.Fatalf("%s is not in the record %.200s", old, line)
	}
	sum := sha256.Sum256([]byte(altered))
	return fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", strings.TrimSuffix(altered, "}"), sum)
}

// TestVerifyLeavesNothing: verify writes no file: not beside the run, and not into the working folder or the
// folder for temporary files.
func TestVerifyLeavesNothing(t *testing.T) {
	dir, working, temporary := runSmall(t), t.TempDir(), t.TempDir()
	runs := filepath.Dir(dir)
	t.Chdir(working)
	t.Setenv("TMPDIR", temporary)
	before := snapshot(t, runs)
	must(t, exitDone, "verify", dir)
	must(t, exitDone, "verify", dir, "--json")
	if after := snapshot(t, runs); !maps.Equal(after, before) {
		t.Errorf("there were %d files and are %d, or one has changed", len(before), len(after))
	}
	for _, folder := range []string{working, temporary} {
		if files := snapshot(t, folder); len(files) > 0 {
			t.Errorf("%s has %v", folder, slices.Sorted(maps.Keys(files)))
		}
	}
}
