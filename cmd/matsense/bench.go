package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/roofline"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	n, m, workers, rounds int
	device, storage       string
	json                  bool
	table                 *benchTable
}

func newBench(env environment) *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of a step on every kind of measurements, beside the device's limit",
		Long: `Measure a step of gradient descent on every kind of measurements:

  rows         of each entry format, in each arithmetic that the device has, with an n × n factor
  rows, runs   of several runs that share the rows
  rank-one     measurements of the same n and m, with an n × 10 factor
  pauli        words, 10 for each row of the matrix; n is the largest power of 2 up to --n
  completion   of a matrix whose sides are 100 times as long, from 100 times as many entries,
               so that its factor leaves the fastest caches

Before each step the device's limits are measured: the rates at which it reads memory, multiplies and adds,
and reads rows of a table in random order. The limit of a step is the longest of three times: to read the
measurements once, to do the multiply-adds of both halves of the gradient, and to gather the rows of the
factor. "reached" is the limit divided by the time of the step. Measurements that fit into a cache may exceed
the rate of memory. On a GPU only the limit of reading is known. All numbers are medians over the rounds, for
all runs of a step together.`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return bench(c.Context(), env, o)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.IntVar(&o.n, "n", 200, "the unknown matrix is n × n")
	f.IntVar(&o.m, "measurements", 10000, "number m of measurements")
	f.StringVar(&o.device, "device", "auto", "where to run: auto, cpu, cuda, cuda:N, cuda:0,1 or emulator")
	f.StringVar(&o.storage, "storage", "auto",
		"rows in memory, generated, or auto: in memory, and q8, signs "+
			"and rank-one vectors generated as well")
	f.IntVar(&o.workers, "workers", 0, "number of goroutines that share the rows on the CPU "+
		"(0: one for each core)")
	f.IntVar(&o.rounds, "rounds", 7, "number of steps of each kind")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	complete(c, map[string]cobra.CompletionFunc{
		"device": completeLike("device"), "storage": completeLike("storage"),
	})
	return c
}

// check lists the mistakes in the flags. Flags that run has as well are checked as run checks them.
func (o benchOptions) check() error {
	c := config.Default()
	var problems []string
	for key, text := range map[string]string{
		"n": fmt.Sprint(o.n), "measurements": fmt.Sprint(o.m), "workers": fmt.Sprint(o.workers), "rank": "1",
		"device": o.device, "storage": o.storage,
	} {
		for _, f := range c.Fields() {
			if f.Key == key {
				if err := f.Set(text, "--"+key); err != nil {
					problems = append(problems, err.Error())
				}
			}
		}
	}
	var usage *config.UsageError
	if errors.As(c.Validate(), &usage) {
		problems = append(problems, usage.Problems...)
	}
	if o.rounds < 1 || o.rounds > 1000 {
		problems = append(problems, fmt.Sprintf("--rounds goes from 1 to 1000, got %d", o.rounds))
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return &config.UsageError{Problems: problems}
	}
	return nil
}

func bench(ctx context.Context, env environment, o benchOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	host := env.host()
	if o.device == "auto" {
		devices, _ := host.Auto()
		o.device = devices[0]
	}
	o.table = &benchTable{env: env}
	defer o.table.close()
	for _, k := range o.kinds() {
		if err := benchOne(ctx, env, o, k); err != nil {
			return err
		}
	}
	return nil
}

// benchKind is a kind of step to measure.
type benchKind struct {
	name               string // of the measurements
	ensemble           func() (sensing.Ensemble, error)
	n, m, r, runs      int
	entries            sensing.Entries // of rows; empty otherwise
	precision, storage string
}

// kinds lists the steps to measure.
func (o benchOptions) kinds() (all []benchKind) {
	for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8,
		sensing.Signs} {
		for _, precision := range []string{"f64", "mixed", "f32"} {
			for _, storage := range o.storages(entries == sensing.Q8 || entries == sensing.Signs) {
				all = append(all, o.rows(entries, precision, storage, 1))
			}
		}
	}
	for _, runs := range []int{8, 32} {
		for _, storage := range o.storages(false) {
			all = append(all, o.rows(sensing.F32, "f64", storage, runs),
				o.rows(sensing.BF16, "mixed", storage, runs))
		}
	}
	const r, many = 10, 100
	structured := func(name string, n, m int, storage string, e func() (sensing.Ensemble, error)) {
		all = append(all, benchKind{
			name: name, ensemble: e, n: n, m: m, r: min(r, n), runs: 1, precision: "f64", storage: storage,
		})
	}
	for _, storage := range o.storages(true) {
		structured("rank-one", o.n, o.m, storage, func() (sensing.Ensemble, error) {
			return sensing.NewRankOne(sensing.Sym{N: o.n}, o.m, 1)
		})
	}
	if o.storage == "generated" {
		return all // the others have no rows
	}
	if qubits := bits.Len(uint(o.n)) - 1; qubits > 0 {
		n := 1 << qubits
		m := min(10*n, n*(n+1)/2)
		structured("pauli", n, m, "memory", func() (sensing.Ensemble, error) {
			return sensing.NewPauli(n, m, 1)
		})
	}
	space := sensing.Sym{N: many * o.n}
	m := min(many*o.m, space.K())
	structured("completion", space.N, m, "memory", func() (sensing.Ensemble, error) {
		return sensing.NewCompletion(space, m, 1)
	})
	return all
}

// rows is the kind of step on rows of entries.
func (o benchOptions) rows(entries sensing.Entries, precision, storage string, runs int) benchKind {
	k := benchKind{
		name: string(entries) + " rows", n: o.n, m: o.m, r: o.n, runs: runs, entries: entries,
		precision: precision, storage: storage,
	}
	k.ensemble = func() (sensing.Ensemble, error) {
		if entries == sensing.Signs {
			return sensing.NewRademacher(sensing.Sym{N: o.n}, o.m, 1)
		}
		return sensing.NewGaussian(sensing.Sym{N: o.n}, o.m, entries, 1)
	}
	return k
}

// storages are those to measure measurements in. cheap are those that are generated fast.
func (o benchOptions) storages(cheap bool) []string {
	switch {
	case o.storage != "auto":
		return []string{o.storage}
	case cheap:
		return []string{"memory", "generated"}
	}
	return []string{"memory"}
}

// String names the kind in the table.
func (k benchKind) String() string {
	text := k.name
	if k.storage == "generated" {
		text += ", generated"
	}
	if k.runs > 1 {
		text += fmt.Sprintf(", %d runs", k.runs)
	}
	return text
}

// benchTable prints the title before the first line, and keeps what measures the device's limits.
type benchTable struct {
	env   environment
	begun bool
	probe *roofline.Probe // nil before the first measurement
}

func (t *benchTable) close() {
	if t.probe != nil {
		_ = t.probe.Close() // an error in closing changes no result
	}
}

const benchColumns = "%-22s %-24s %-10s %9s  %19s  %9s  %-13s  %s\n"

func (t *benchTable) line(o benchOptions, b roofline.Backend, k benchKind, rest ...any) {
	if !t.begun {
		fmt.Fprintf(t.env.out, "steps on %s (%s), medians of %d rounds\n\n", b.Name(), b.Device(), o.rounds)
		fmt.Fprintf(t.env.out, benchColumns, "measurements", "n, m, factor rank", "arithmetic", "ms",
			"least to most", "limit, ms", "bound by", "reached")
		t.begun = true
	}
	sizes := fmt.Sprintf("%d, %d, %d", k.n, k.m, k.r)
	fmt.Fprintf(t.env.out, benchColumns, append([]any{k.String(), sizes, k.precision}, rest...)...)
}

// skip says why a kind is not measured.
func (o benchOptions) skip(b roofline.Backend, k benchKind, reason string) {
	if o.json {
		printJSON(o.table.env.out, skippedEvent{k.name, k.entries, k.precision, k.storage, k.runs, reason})
		return
	}
	o.table.line(o, b, k, "-", reason, "", "", "")
}

func benchOne(ctx context.Context, env environment, o benchOptions, k benchKind) error {
	backend, err := env.host().Backend(experiment.Place{Device: o.device, Storage: k.storage,
		Precision: k.precision, Workers: o.workers})
	if err != nil {
		return err
	}
	b := backend.(roofline.Backend)
	e, err := k.ensemble()
	if err != nil {
		return err
	}
	step := roofline.Step{
		Ensemble: e, FactorRank: k.r, Runs: k.runs, Precision: solver.Precision(k.precision),
		InMemory: k.storage == "memory",
	}
	bytes, err := b.Memory(&sensing.Problem{Ensemble: e}, step.Batch())
	var own *solver.Unsupported
	switch {
	case errors.As(err, &own) && own.Instead != "" && k.entries != "":
		return config.Usagef("--device: %v", own) // so many devices share no rows
	case errors.Is(err, solver.ErrUnsupported):
		o.skip(b, k, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	available, err := env.host().Memory(b)
	if err != nil {
		return err
	}
	if bytes > 0.8*available {
		o.skip(b, k, fmt.Sprintf("needs %s, and %s are available",
			experiment.Bytes(bytes), experiment.Bytes(available)))
		return nil
	}
	if o.table.probe == nil {
		if o.table.probe, err = roofline.NewProbe(b); err != nil {
			return err
		}
	}
	r, err := roofline.Measure(ctx, b, o.table.probe, step, o.rounds)
	if err != nil {
		return err
	}
	median, limit := roofline.Median(r.Steps), r.Limit()
	if o.json {
		line := benchEvent{
			Ensemble: e.Name(), N: k.n, Measurements: k.m, FactorRank: k.r, Runs: k.runs, Backend: b.Name(),
			Device: b.Device(), Entries: k.entries, Precision: k.precision, Storage: k.storage,
			Seconds: r.Steps, Median: median, Flops: r.Flops() / median,
			Bandwidth: roofline.Median(r.Bandwidths),
		}
		if r.Work.Bytes > 0 {
			rate := r.Work.Bytes / median
			line.Rate = &rate
		}
		if limit.Seconds > 0 {
			fraction := r.Fraction()
			line.Limit, line.Bound, line.Fraction = &limit.Seconds, limit.Bound, &fraction
		}
		printJSON(env.out, line)
		return nil
	}
	ms := func(seconds float64) string { return fmt.Sprintf("%.3g", 1e3*seconds) }
	least, reached := "-", "-"
	if limit.Seconds > 0 {
		least, reached = ms(limit.Seconds), fmt.Sprintf("%.0f %%", 100*r.Fraction())
	}
	o.table.line(o, b, k, ms(median), ms(slices.Min(r.Steps))+" to "+ms(slices.Max(r.Steps)), least,
		cmp.Or(limit.Bound, "-"), reached)
	return nil
}
