package gpucheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// visit is one call of run: it carries the steps out.
type visit struct {
	bundle   string // the folder that build made
	out      string // the folder for logs and results
	python   string
	tiny     bool
	dry      bool // only print the steps
	patience int  // factor of all limits
	only     []string
	until    time.Time // when the last step must end; zero: no such time
	stdout   io.Writer
	results  Results

	current struct{ limit time.Duration } // of the current step
	trouble error                         // an error of writing results
}

// attempt is a step whose outcome is judged.
type attempt struct {
	*visit
	ended   ended
	limit   time.Duration
	text    string
	detail  []string
	results *Results
}

func (a *attempt) bad() bool {
	return a.ended.late || a.ended.interrupted || a.ended.err != nil || a.ended.code != 0
}
func (a *attempt) why() string { return a.ended.why(a.limit) }

// program is the path of a file in the bundle.
func (v *visit) program(name string) string { return filepath.Join(v.bundle, name) }

// runDir is the folder of a run of matsense.
func (v *visit) runDir(name string) string { return filepath.Join(v.out, "runs", name) }

// note keeps the first error after which the call continues.
func (v *visit) note(err error) {
	if err != nil && v.trouble == nil {
		v.trouble = err
	}
}

// steps returns the chosen steps.
func (v *visit) steps() []step {
	s := full
	if v.tiny {
		s = tiny
	}
	list := table(s)
	if len(v.only) > 0 {
		list = slices.DeleteFunc(list, func(s step) bool {
			return s.group != device && !slices.Contains(v.only, s.group) && !slices.Contains(v.only, s.name)
		})
	}
	return list
}

// limitOf returns the time limit of a step.
func (v *visit) limitOf(s step) time.Duration {
	limit := s.limit
	if v.tiny && s.argv != nil {
		limit = tinyLimit
	}
	return limit * time.Duration(v.patience)
}

// total is the sum of the time limits of the chosen steps.
func (v *visit) total() (sum time.Duration) {
	for _, s := range v.steps() {
		sum += v.limitOf(s)
	}
	return sum
}

// run carries out the chosen steps, whatever fails, and writes the results after each. It returns false if a
// step failed.
func (v *visit) run(ctx context.Context) (bool, error) {
	fmt.Fprintf(v.stdout, "gpu-check: %d steps, at most %v together\n", len(v.steps()), v.total())
	group := ""
	for _, s := range v.steps() {
		if s.group != group {
			group = s.group
			fmt.Fprintf(v.stdout, "\n== %s\n", group)
		}
		r := v.do(ctx, s)
		if v.dry {
			continue
		}
		fmt.Fprintf(v.stdout, "%s: %v\n", s.name, r.Outcome)
		if r.Outcome.State == Failed {
			for _, line := range r.Detail {
				fmt.Fprintf(v.stdout, "    | %s\n", line)
			}
		}
		v.results.Steps = append(v.results.Steps, r)
		if err := v.results.save(v.out); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return len(v.results.failures()) == 0, v.trouble
}

// do carries out one step.
func (v *visit) do(ctx context.Context, s step) StepResult {
	limit := v.limitOf(s)
	r := StepResult{Name: s.name, Group: s.group, Limit: limit.Seconds()}
	if !v.until.IsZero() && s.argv != nil {
		left := time.Until(v.until) - grace
		if left < time.Second {
			r.Outcome = failed("not begun: the time of --within is used up")
			return r
		}
		limit = min(limit, left.Truncate(time.Second))
	}
	if s.lacks != nil && !v.dry {
		if lack := s.lacks(v); lack != "" {
			r.Outcome = skipped("%s", lack)
			return r
		}
	}
	a := &attempt{visit: v, limit: limit, results: &v.results}
	if s.argv != nil {
		v.current.limit = limit
		argv := s.argv(v)
		r.Command = quoted(argv)
		fmt.Fprintf(v.stdout, "%s, at most %v: %s\n", s.name, limit, r.Command)
		if v.dry {
			return r
		}
		p := process{
			argv: argv, dir: filepath.Join(v.bundle, s.in), log: filepath.Join(v.out, s.name+".log"),
			limit: limit, grace: grace, show: s.show,
		}
		clocks := func() string { return "" }
		if s.clocks {
			clocks = watchClocks(filepath.Join(v.out, s.name+"-clocks.log"))
		}
		a.ended = p.run(ctx, v.stdout)
		r.Clock, r.Seconds = clocks(), a.ended.took.Seconds()
		text, err := os.ReadFile(p.log)
		a.text = string(text)
		if a.ended.err == nil {
			a.ended.err = err
		}
	}
	if v.dry {
		return r
	}
	r.Outcome = s.judge(a)
	r.Detail = a.detail
	return r
}

// plain are the characters that need no quotes in a shell.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+-"

// quoted writes a command as a user would type it.
func quoted(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		if words[i] = w; w == "" || strings.Trim(w, plain) != "" {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

// watchClocks starts nvidia-smi, if it is installed, which writes the GPU's clocks to a log every second.
// stop returns their range.
func watchClocks(log string) (stop func() string) {
	none := func() string { return "" }
	program, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return none
	}
	file, err := os.Create(log)
	if err != nil {
		return none
	}
	defer file.Close()
	const query = "--query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw"
	c := exec.Command(program, query, "--format=csv,noheader", "-lms", "1000")
	c.Stdout = file
	if c.Start() != nil {
		return none
	}
	return func() string {
		done := make(chan struct{})
		go func() { _ = c.Wait(); close(done) }()
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(2 * time.Second):
			_ = c.Process.Kill()
		}
		text, _ := os.ReadFile(log)
		return parseClocks(string(text))
	}
}

// prepare makes the folder for results, which must be new or empty.
func (v *visit) prepare() error {
	if err := os.MkdirAll(v.out, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(v.out)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: each call needs a separate folder for its results", v.out)
	}
	if v.out, err = filepath.Abs(v.out); err != nil {
		return err
	}
	return os.Mkdir(filepath.Join(v.out, "runs"), 0o755)
}

// keepKernels makes the driver store the kernels that it compiles in a new folder. Otherwise the driver may
// have no folder to store them, and every engine waits for its compiler; or it may have stored them before,
// and the first times do not include the compiler's.
func (v *visit) keepKernels() error {
	const variable = "CUDA_CACHE_PATH"
	if os.Getenv(variable) != "" {
		return nil
	}
	dir := filepath.Join(v.out, "cuda-cache")
	return errors.Join(os.Mkdir(dir, 0o755), os.Setenv(variable, dir))
}

// describe fills in what is known before the first step: device, versions and date.
func (v *visit) describe(ctx context.Context, now time.Time) error {
	a := &v.results.About
	info, err := readBundleInfo(v.bundle)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := exec.CommandContext(ctx, v.program("matsense"), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s does not start here: %w%s", v.program("matsense"), err, stderrOf(err))
	}
	first, _, _ := strings.Cut(string(version), "\n")
	a.Version = strings.TrimPrefix(strings.TrimSpace(first), "matsense version ")
	a.Revision = info.revision()
	a.Date = now.UTC().Format("2006-01-02 15:04 UTC")
	a.Tiny = v.tiny
	return nil
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return ": " + strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}
