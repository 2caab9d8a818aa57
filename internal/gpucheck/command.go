package gpucheck

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const usageHead = `Checks matsense on an NVIDIA GPU, times it and PyTorch, and writes a page with the results.

  gpu-check build FILE.tar.gz       packs all that a machine with a GPU needs
                                    (build needs Go, gcc and scripts/cuda-headers)
  gpu-check run [flags]             carries the steps below out on that machine, and writes results.tar.gz
  gpu-check page RESULTS...         puts the results of several calls on one device on one page

On the machine with a GPU, which needs Linux, the NVIDIA driver and a C library no older than the builder's:

  tar xf FILE.tar.gz && gpu-check/gpu-check run

Every step has a time limit. A step that exceeds its limit is ended with all of its processes, and the next
step begins. A step that fails does not stop the others. A skipped test counts as failed. A step is skipped
only if a program that it needs is not installed (nvidia-smi, compute-sanitizer, PyTorch). run needs no Go
and no network. The results are written after every step. In the source tree, run builds first.

Flags of run:
`

const usageTail = `
Exit codes: 0 all is well, 1 a step failed, 2 bad usage, 130 interrupted.

Steps, and their time limits:

`

// Main is the program; source is matsense's source tree, or empty. It returns the exit code.
func Main(ctx context.Context, args []string, source string, stdout, stderr io.Writer) int {
	verb := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	} else if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		verb = "help"
	}
	var code int
	var err error
	switch verb {
	case "run":
		code, err = mainRun(ctx, args, source, stdout)
	case "build":
		err = mainBuild(ctx, args, source, stdout)
	case "page":
		err = mainPage(args, stdout)
	case "help":
		_, err = io.WriteString(stdout, usage())
	default:
		err = usagef("there is no verb %s: build, run, page or help", verb)
	}
	var wrong usageError
	switch {
	case err == nil:
		return code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "gpu-check: interrupted")
		return 130
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage())
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "gpu-check: %v (gpu-check help)\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "gpu-check: %v\n", err)
	return 1
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// usage is the text of help.
func usage() string {
	var b strings.Builder
	b.WriteString(usageHead)
	f := (&runOptions{}).flags()
	f.SetOutput(&b)
	f.PrintDefaults()
	b.WriteString(usageTail)
	v := visit{patience: 1}
	for _, group := range groups {
		var names []string
		var sum time.Duration
		for _, s := range v.steps() {
			if s.group != group {
				continue
			}
			name := s.name
			if s.limit > 0 {
				name += " " + s.limit.String()
			}
			names, sum = append(names, name), sum+s.limit
		}
		if group == device {
			names = append(names, "in every call")
		}
		fmt.Fprintf(&b, "  %-9s  %v: %s\n", group, sum, strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, "  together   %v\n", v.total())
	return b.String()
}

// runOptions are the flags of run.
type runOptions struct {
	only, out string
	tiny, dry bool
	patience  int
	within    time.Duration
}

func (o *runOptions) flags() *flag.FlagSet {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(io.Discard) // Main prints the error
	f.StringVar(&o.only, "only", "", "do only these `groups` or steps, separated by commas")
	f.StringVar(&o.out, "out", "",
		"the `folder` for logs and results, new or empty (default gpu-check-results)")
	f.DurationVar(&o.within, "within", 0, "end after this `duration`, such as 9m30s, even if steps are left")
	f.BoolVar(&o.tiny, "tiny", false, "tiny sizes, for a dry run without a GPU; the times mean nothing")
	f.IntVar(&o.patience, "patience", 1, "multiply all time limits by this `number`")
	f.BoolVar(&o.dry, "dry-run", false, "only print the steps, with their commands and limits")
	return f
}

func mainRun(ctx context.Context, args []string, source string, stdout io.Writer) (int, error) {
	began := time.Now()
	var o runOptions
	f := o.flags()
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, err
		}
		return 0, usagef("run: %v", err)
	}
	v := &visit{
		tiny: o.tiny, dry: o.dry, patience: o.patience, out: o.out, stdout: stdout,
		python: os.Getenv("PYTHON"),
	}
	if o.patience < 1 {
		return 0, usagef("--patience is a whole number from 1, not %d", o.patience)
	}
	if f.NArg() > 0 {
		return 0, usagef("run takes flags only, not %s", f.Arg(0))
	}
	if o.within < 0 {
		return 0, usagef("--within is a positive duration, not %v", o.within)
	}
	if o.within > 0 {
		v.until = began.Add(o.within)
	}
	if v.python == "" {
		v.python = "python3"
	}
	if v.out == "" {
		v.out = "gpu-check-results"
	}
	if err := v.choose(o.only); err != nil {
		return 0, err
	}
	clean, err := v.find(ctx, source)
	if err != nil {
		return 0, err
	}
	defer clean()
	if o.dry {
		_, err := v.run(ctx)
		return 0, err
	}
	if err := adopt(); err != nil {
		return 0, err
	}
	if err := v.prepare(); err != nil {
		return 0, usageError(err.Error())
	}
	if err := v.describe(ctx, began); err != nil {
		return 0, err
	}
	v.results.About.Command = quoted(append([]string{"gpu-check", "run"}, args...))
	if err := v.keepKernels(); err != nil {
		return 0, err
	}
	well, err := v.run(ctx)
	fmt.Fprintf(stdout, "\nThe results are in %s; %s there has all of them, and %s is the page.\n",
		v.out, archiveName, pageName)
	if err != nil {
		return 0, err
	}
	if !well {
		fmt.Fprintf(stdout, "gpu-check: failed: %s\n", strings.Join(v.results.failures(), " "))
		return 1, nil
	}
	fmt.Fprintln(stdout, "gpu-check: ok")
	return 0, nil
}

// choose reads the flag --only.
func (v *visit) choose(only string) error {
	if only == "" {
		return nil
	}
	known := slices.Clone(groups)
	for _, s := range v.steps() {
		known = append(known, s.name)
	}
	v.only = strings.Split(only, ",")
	for _, name := range v.only {
		if !slices.Contains(known, name) {
			return usagef("--only: there is no group or step %q: %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// find finds the bundle beside this program, or builds it. clean removes what find has built.
func (v *visit) find(ctx context.Context, source string) (clean func(), err error) {
	nothing := func() {}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	v.bundle = filepath.Dir(program)
	switch {
	case isBundle(v.bundle) || v.dry:
		return nothing, nil
	case source == "":
		return nil, usagef("%s is no bundle of gpu-check build: files are missing", v.bundle)
	}
	if v.bundle, err = os.MkdirTemp("", "gpu-check-"); err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(v.bundle) }, buildFolder(ctx, source, v.bundle, v.stdout)
}

func mainBuild(ctx context.Context, args []string, source string, stdout io.Writer) error {
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return usagef("build takes one file, such as gpu-check.tar.gz")
	}
	if !strings.HasSuffix(args[0], ".tar.gz") {
		return usagef("build makes a .tar.gz, not %s", args[0])
	}
	if source == "" {
		return usagef("build works in matsense's source tree")
	}
	dir, err := os.MkdirTemp("", "gpu-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := buildFolder(ctx, source, dir, stdout); err != nil {
		return err
	}
	size, err := packBundle(dir, args[0], mostBundle)
	if err != nil {
		return err
	}
	name := filepath.Base(args[0])
	fmt.Fprintf(stdout, "%s has %.1f MB; on the machine with a GPU: tar xf %s && %s/gpu-check run\n",
		args[0], float64(size)/1e6, name, bundleName)
	return nil
}

func mainPage(args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return usagef("page takes results: results.tar.gz, results.json, or folders that have them")
	}
	var all []*Results
	for _, name := range args {
		r, err := ReadResults(name)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	merged, err := Merge(all)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	fmt.Fprint(out, Page(merged))
	return out.Flush()
}
