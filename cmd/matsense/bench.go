package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/roofline"
	"github.com/matsense/matsense/sensing"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	n, m, workers, rounds int
	device, storage       string
	json                  bool
}

func newBench(env environment) *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the speed of a step for every entry format, beside the device's limit",
		Long: `Measure a step of gradient descent with an n × n factor, for every entry format and
arithmetic that the device has, and compare its rate with the rate at which the device reads memory,
measured before each step. A step reads m·n(n+1)/2 entries at least once; the fraction says how close the
step comes to that limit. All numbers are medians over the rounds.`,
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
	f.StringVar(&o.device, "device", "auto", "where to run: auto, cpu, cuda, cuda:N or emulator")
	f.StringVar(&o.storage, "storage", "auto",
		"rows in memory, generated, or auto: in memory, and q8 and signs "+
			"generated as well")
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
	title := false
	for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8,
		sensing.Signs} {
		for _, precision := range []string{"f64", "mixed", "f32"} {
			for _, storage := range o.storages(entries) {
				b, err := host.Backend(experiment.Place{Device: o.device, Storage: storage,
					Precision: precision, Workers: o.workers})
				var unsupported *config.UsageError
				if precision != "f64" && errors.As(err, &unsupported) {
					continue // this device does not have it
				}
				if err != nil {
					return err
				}
				if !title && !o.json {
					fmt.Fprintf(env.out, "a step at n = %d, m = %d on %s (%s), medians of %d rounds\n\n", o.n,
						o.m, b.Name(), b.Device(), o.rounds)
					fmt.Fprintln(env.out, "entries  arithmetic  rows          ms      min      max     "+
						"GB/s  of bandwidth  GFLOP/s")
				}
				title = true
				err = benchOne(ctx, env, o, b.(roofline.Backend), entries, precision, storage)
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// storages are those to measure a format's rows in.
func (o benchOptions) storages(entries sensing.Entries) []string {
	switch {
	case o.storage != "auto":
		return []string{o.storage}
	case entries == sensing.Q8 || entries == sensing.Signs:
		return []string{"memory", "generated"}
	}
	return []string{"memory"}
}

func benchOne(ctx context.Context, env environment, o benchOptions, b roofline.Backend,
	entries sensing.Entries, precision, storage string) error {
	var e sensing.Ensemble
	var err error
	if entries == sensing.Signs {
		e, err = sensing.NewRademacher(sensing.Sym{N: o.n}, o.m, 1)
	} else {
		e, err = sensing.NewGaussian(sensing.Sym{N: o.n}, o.m, entries, 1)
	}
	if err != nil {
		return err
	}
	bytes, err := b.Memory(&sensing.Problem{Ensemble: e}, roofline.Batch(o.n))
	if err != nil {
		return err
	}
	available, err := env.host().Memory(b)
	if err != nil {
		return err
	}
	if bytes > 0.8*available {
		text := fmt.Sprintf("needs %s, and %s are available",
			experiment.Bytes(bytes), experiment.Bytes(available))
		if o.json {
			printJSON(env.out, skippedEvent{entries, precision, storage, text})
		} else {
			fmt.Fprintf(env.out, "%-7s  %-10s  %-9s  %s\n", entries, precision, storage, text)
		}
		return nil
	}
	r, err := roofline.Measure(ctx, b, e, storage == "memory", o.rounds)
	if err != nil {
		return err
	}
	median := roofline.Median(r.Steps)
	if o.json {
		line := benchEvent{
			N: o.n, Measurements: o.m, Backend: b.Name(), Device: b.Device(), Entries: entries,
			Precision: precision, Storage: storage, Seconds: r.Steps, Median: median,
			Flops: r.Flops / median, Bandwidth: roofline.Median(r.Bandwidths),
		}
		if r.Bytes > 0 {
			rate, fraction := r.Bytes/median, r.Fraction()
			line.Rate, line.Fraction = &rate, &fraction
		}
		printJSON(env.out, line)
		return nil
	}
	rate, fraction := "-", "-"
	if r.Bytes > 0 {
		rate = fmt.Sprintf("%.1f", r.Bytes/median/1e9)
		fraction = fmt.Sprintf("%.0f %% of %.0f", 100*r.Fraction(), roofline.Median(r.Bandwidths)/1e9)
	}
	fmt.Fprintf(env.out, "%-7s  %-10s  %-9s %7.1f  %7.1f  %7.1f  %7s  %12s  %7.1f\n", entries, precision,
		storage, 1e3*median,
		1e3*slices.Min(r.Steps), 1e3*slices.Max(r.Steps), rate, fraction, r.Flops/median/1e9)
	return nil
}
