package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/matsense/matsense/internal/atomicfile"
)

// spot is where a group is carried out.
type spot struct {
	device  string // empty: that of the settings
	workers int    // 0: those of the settings
}

// lane carries out groups on one spot, one after another. Several lanes may take theirs from one queue.
type lane struct {
	spot
	queue <-chan Group
}

// queue returns groups in their order, for one lane or for several.
func queue(groups []Group) <-chan Group {
	q := make(chan Group, len(groups))
	for _, g := range groups {
		q <- g
	}
	close(q)
	return q
}

// carryOut has do carry out groups: those that devices take for themselves, then the small ones, then the
// rest. Several calls may be under way at one time, each on a spot of its own.
func (p *Plan) carryOut(
	ctx context.Context, groups []Group, do func(ctx context.Context, runs []Run, on spot) error,
) error {
	shares, rest := p.shares(groups)
	small, rest := p.sort(rest)
	var devices []lane
	for _, s := range shares {
		devices = append(devices, lane{spot{device: s.device}, queue(s.groups)})
	}
	for _, lanes := range [][]lane{devices, p.beside(small), {{queue: queue(rest)}}} {
		if err := sideBySide(ctx, lanes, do); err != nil {
			return err
		}
	}
	return nil
}

// sideBySide carries out the groups of several lanes side by side. If a group ends with an error, the others
// are interrupted, so that their runs are saved.
func sideBySide(
	ctx context.Context, lanes []lane, do func(ctx context.Context, runs []Run, on spot) error,
) error {
	lanesCtx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	failures := make([]error, len(lanes))
	for i, l := range lanes {
		all.Go(func() {
			for g := range l.queue {
				if err := do(lanesCtx, g.Runs, l.spot); err != nil {
					if lanesCtx.Err() == nil && len(lanes) > 1 && l.device != "" {
						err = fmt.Errorf("%s: %w", l.device, err)
					}
					failures[i] = err
					stop()
					return
				}
			}
		})
	}
	all.Wait()
	var failed error
	for _, err := range failures {
		stopped := errors.Is(err, context.Canceled) || ctx.Err() != nil && errors.Is(err, ctx.Err())
		if !stopped { // by another, or by ctx
			failed = atomicfile.Join(failed, err)
		}
	}
	if failed == nil && slices.ContainsFunc(failures, func(err error) bool { return err != nil }) {
		return ctx.Err()
	}
	return failed
}
