package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Original is a sweep as its directory has it, some runs of which are to be compared with the same runs done
// again.
type Original struct {
	*Results
	// Chosen are the records of the runs that are done again.
	Chosen []*Record
	// Failed and Missing are how many runs have failed or have no record; they are not done again.
	Failed, Missing int

	byRun map[int]*Record
}

// OpenOriginal reads the sweep in a directory, chooses runs to do again, and plans them. sample is how many
// runs there are to be, evenly spread over those that are recorded; 0 means all. device is the device that
// does them; "" means that of the sweep. Its errors are a [config.UsageError] if the user can correct them.
func OpenOriginal(
	ctx context.Context, dir string, sample int, device string, h experiment.Host,
) (*Original, *Plan, error) {
	r, err := Load(dir)
	if err != nil {
		return nil, nil, err
	}
	o := &Original{Results: r, Missing: len(r.Runs) - len(r.Records), byRun: map[int]*Record{}}
	failed := func(rec *Record) bool { return rec.Status == Failed }
	whole := slices.DeleteFunc(slices.Clone(r.Records), failed)
	o.Failed = len(r.Records) - len(whole)
	if len(whole) == 0 {
		return nil, nil, config.Usagef("%s has no run that has ended yet: nothing can be compared", dir)
	}
	if sample == 0 || sample > len(whole) {
		sample = len(whole)
	}
	only := map[int]bool{}
	for i := range sample {
		rec := whole[i*len(whole)/sample]
		o.Chosen, o.byRun[rec.Index], only[rec.Index] = append(o.Chosen, rec), rec, true
	}
	spec, err := Read(filepath.Join(dir, SpecFile)) // the fingerprints of the records have the sweep's device
	if err != nil {
		return nil, nil, err
	}
	if device != "" {
		if spec, err = spec.On(device); err != nil {
			return nil, nil, err
		}
	}
	p, err := NewPlan(ctx, spec, Options{Only: only}, h)
	return o, p, err
}

// Verify does the chosen runs again and compares each with its record to the bit. The plan is the one that
// [OpenOriginal] returned. It writes no file. compared hears of each run. If ctx is done before the end, the
// error is ctx's.
func (p *Plan) Verify(
	ctx context.Context, o *Original, progress Progress, compared func(run int, c *experiment.Comparison),
) error {
	progress.Begin(p.Count(), 0)
	var mu sync.Mutex // of all that groups share
	return p.carryOut(ctx, p.Part, func(ctx context.Context, runs []Run, on spot) error {
		mu.Lock()
		g, _, err := p.place(runs, on)
		if err == nil {
			progress.Group(g, runs)
		}
		mu.Unlock()
		if err != nil {
			return err
		}
		var failed error
		err = g.Run(ctx, nil, nil, func(i int, r *experiment.Run, err error) {
			mu.Lock()
			defer mu.Unlock()
			var c *experiment.Comparison
			run, rec := runs[i], (*Record)(nil)
			if err == nil {
				rec = newRecord(run, r, o.Spec.Targets)
				c, err = o.byRun[run.Index].compare(rec)
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("run %d: %w", run.Index, err))
				return
			}
			progress.Ended(rec)
			compared(run.Index, c)
		})
		return errors.Join(err, failed)
	})
}

// compare compares a record with that of the same run done again.
func (r *Record) compare(again *Record) (*experiment.Comparison, error) {
	c := &experiment.Comparison{By: r.maker(), Again: again.maker()}
	if !maps.Equal(r.Data, again.Data) {
		return nil, errors.New("its data files have other contents than those that the recorded run has read: " +
			"restore them")
	}
	again.Fingerprint = r.Fingerprint // which depends on the device that is asked for
	// What is infinite is null in a file.
	text, err := json.Marshal(again)
	if err != nil {
		return nil, err
	}
	read := new(Record)
	if err := json.Unmarshal(text, read); err != nil {
		return nil, err
	}
	then := fmt.Sprintf("%s after %d steps", r.Status, r.Iterations)
	if now := fmt.Sprintf("%s after %d steps", read.Status, read.Iterations); now != then {
		c.Endings = []string{then, now}
	}
	for i := range min(len(r.Trajectory), len(read.Trajectory)) {
		a, b := solver.Sample(r.Trajectory[i]), solver.Sample(read.Trajectory[i])
		if a.Iteration != b.Iteration {
			break
		}
		c.Samples++
		c.Add(experiment.CompareSamples(a, b)...)
	}
	if c.Identical() && !r.agrees(read) {
		member, err := differingMember(r, read)
		if err != nil {
			return nil, err
		}
		c.Endings = member
	}
	return c, nil
}

// maker says what made the run of a record.
func (r *Record) maker() experiment.Maker {
	m := experiment.Maker{Version: r.Timing.Version, Device: r.Timing.Device}
	if processor, _, is := strings.Cut(m.Device, ", "); is && strings.Contains(m.Device, " workers") {
		m.Device, m.System = "cpu", processor
	}
	return m
}

// differingMember returns the first member in which two records differ, apart from timing, as each has it.
func differingMember(a, b *Record) ([]string, error) {
	var members [2]map[string]json.RawMessage
	for i, r := range []*Record{a, b} {
		text, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(text, &members[i])
		}
		if err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members[0])) {
		if x, y := members[0][name], members[1][name]; name != "timing" && !bytes.Equal(x, y) {
			return []string{fmt.Sprintf("%s %s", name, x), fmt.Sprintf("%s %s", name, y)}, nil
		}
	}
	return []string{"fewer members", "more members"}, nil
}
