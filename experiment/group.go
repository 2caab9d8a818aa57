package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Group is a set of configurations that share their measurements and observations. Their runs share a batch,
// which reads the rows in one pass for all its members; a run that ends gives its place to the next. Each
// result is bit-identical to running alone.
type Group struct {
	// Plan is the first configuration's plan, with the memory that the whole batch needs.
	Plan *Plan
	// Configs are the configurations, every setting resolved.
	Configs []config.Config
	// Together is how many runs go together in a batch.
	Together int
	// Watch hears of run i in Configs what [Plan.Watch] hears of a single run; it may be nil. What all runs
	// share is told of the first.
	Watch func(i int, a solver.Activity, iteration int)
	// Sampled receives each sample of run i in Configs when it is taken, and the iteration from which the run
	// goes on; it may be nil.
	Sampled func(i, from int, s solver.Sample)
}

// MostTogether is the default limit on the runs in a batch: on the host a batch four times as large is hardly
// faster.
const MostTogether = 32

// PlanGroup checks configurations that have the same [config.Config.ProblemKey]. together is how many runs go
// together in a batch; 0 means as many as the memory allows, up to [MostTogether]. If the memory does not
// suffice for together, the error says so. PlanGroup computes nothing yet.
func PlanGroup(configs []config.Config, together int, h Host) (*Group, error) {
	if len(configs) == 0 {
		return nil, errors.New("experiment: a group has at least one configuration")
	}
	g := &Group{Together: together}
	for _, c := range configs {
		if err := c.Check(); err != nil {
			return nil, err
		}
		// Check has filled in what the headers of data files say.
		if len(g.Configs) > 0 && c.ProblemKey() != g.Configs[0].ProblemKey() {
			return nil, errors.New("experiment: the configurations of a group share their problem")
		}
		g.Configs = append(g.Configs, c)
	}
	h = h.Settle(g.Configs)
	batch := batchOf(g.Configs...)
	largest := batch.FactorRanks[0]
	plan := func(together int, storage string) error {
		g.Plan = &Plan{Config: g.Configs[0], host: h, ofGroup: true}
		g.Plan.Config.FactorRank = largest
		g.Plan.batch = batch
		g.Plan.batch.FactorRanks = slices.Repeat([]int{largest}, together)
		if storage != "" {
			g.Plan.Config.Storage = storage
		}
		return g.Plan.place()
	}
	if err := plan(max(together, 1), ""); err != nil {
		return nil, err
	}
	if together == 0 {
		storage := g.Plan.Storage // a larger batch must not push the rows out of memory
		g.Together = min(len(configs), MostTogether)
		for ; plan(g.Together, storage) != nil; g.Together /= 2 {
			if g.Together == 1 {
				return nil, fmt.Errorf("experiment: the memory that one run needs is gone: %w",
					g.Plan.tooLarge())
			}
		}
	}
	for i := range g.Configs {
		c := &g.Configs[i]
		c.Device, c.Precision = g.Plan.Config.Device, g.Plan.Config.Precision
	}
	return g, nil
}

// Speed finds out, in a moment, how fast the group's batches are. All is 0 if the device cannot tell, or if
// ctx is done before.
func (g *Group) Speed(ctx context.Context) Speed { return g.Plan.speed(ctx) }

// Run carries out the group. It calls ended once for each run that ends, with the run's index in Configs, and
// with an error if this run alone failed. Runs that were interrupted or not begun are not reported, and the
// error is then ctx's. Any other error concerns the whole group.
//
// Run writes no file, unless it is given a place for checkpoints and the runs' numbers there, one for each of
// Configs. Then it keeps the state of each run now and then, and when it is interrupted, and goes on from the
// states that are there. It does not remove the checkpoints of runs that have ended: their results must be
// written first.
func (g *Group) Run(
	ctx context.Context, checkpoints *Checkpoints, numbers []int, ended func(i int, r *Run, err error),
) error {
	if g.Watch != nil {
		g.Watch(0, Reading, 0)
	}
	hashes := make([]map[string]string, len(g.Configs)) // before the files are read
	unread := make([]error, len(g.Configs))
	for i := range g.Configs {
		hashes[i], unread[i] = g.Configs[i].Hashes()
	}
	d, err := g.Plan.Config.Load()
	if err != nil {
		return err
	}
	var begun []int // the numbers of runs that have a checkpoint
	if checkpoints != nil {
		if begun, err = checkpoints.Runs(); err != nil {
			return err
		}
	}
	trajectories := make([]solver.Trajectory, len(g.Configs))
	var jobs []solver.Job
	var indices []int // into Configs, job by job
	for _, i := range g.order(numbers, begun) {
		c := &g.Configs[i]
		start, err := c.NewStart(d.Problem.Truth)
		if err = cmp.Or(unread[i], err); err != nil { // the fault of this run's own start file
			ended(i, nil, err)
			continue
		}
		r := &groupRecorder{group: g, i: i, trajectory: &trajectories[i]}
		s := settingsOf(c, start, r)
		if g.Watch != nil {
			s.Watch = func(a solver.Activity, iteration int) { g.Watch(i, a, iteration) }
		}
		if checkpoints != nil {
			p, data := *g.Plan, *d
			p.Config, data.Hashes = *c, hashes[i]
			m := &savedMember{checkpoints: *checkpoints, number: numbers[i], id: p.identity(&data),
				notice: g.notice, recorder: r}
			m.settings(&s, slices.Contains(begun, numbers[i]))
		}
		jobs, indices = append(jobs, solver.Job{Method: c.NewMethod(), Settings: s}), append(indices, i)
	}
	err = solver.SolveAll(ctx, d.Problem, g.Plan.Backend, g.Together, jobs, func(job int, res *solver.Result,
		err error,
	) {
		i := indices[job]
		t := trajectories[i]
		trajectories[i] = nil
		switch {
		case err != nil:
			ended(i, nil, err)
		case res.Status != solver.Canceled:
			p := *g.Plan
			p.Config = g.Configs[i]
			ended(i, &Run{Config: p.Config, Summary: summarize(&p, d, res, t), Trajectory: t,
				Hashes: hashes[i]}, nil)
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// order returns the order in which the configurations are carried out: first those that have a checkpoint, so
// that a run that was begun is not left waiting while others begin.
func (g *Group) order(numbers, begun []int) (indices []int) {
	var later []int
	for i := range g.Configs {
		if len(begun) > 0 && slices.Contains(begun, numbers[i]) {
			indices = append(indices, i)
		} else {
			later = append(later, i)
		}
	}
	return append(indices, later...)
}

// notice tells the user something.
func (g *Group) notice(text string) {
	if g.Plan.Notice != nil {
		g.Plan.Notice(text)
	}
}

// groupRecorder receives the samples of a run of a group.
type groupRecorder struct {
	group      *Group
	i          int // the run's place in Configs
	from       int // the iteration from which the run goes on
	trajectory *solver.Trajectory
}

// Record implements solver.Recorder.
func (r *groupRecorder) Record(s solver.Sample) error {
	if r.group.Sampled != nil {
		r.group.Sampled(r.i, r.from, s)
	}
	return r.trajectory.Record(s)
}

// savedMember is a run of a group whose states are saved in checkpoints.
type savedMember struct {
	checkpoints Checkpoints
	number      int
	id          identity
	notice      func(text string)
	recorder    *groupRecorder
	last        int // the iteration of the last checkpoint that was written or read
}

// settings has the solver keep the run's states, and go on from the last one if there is one.
func (m *savedMember) settings(s *solver.Settings, begun bool) {
	s.Keep, s.KeepUnfinished = m.keep, true
	if begun {
		s.Restore = m.restore
	}
}

// restore reads the last state.
func (m *savedMember) restore() (*solver.State, error) {
	state, t, notices := m.checkpoints.read(m.number, m.id)
	for _, text := range notices {
		m.notice(fmt.Sprintf("run %d: %s", m.number, text))
	}
	if state == nil {
		return nil, nil // from the beginning
	}
	*m.recorder.trajectory, m.recorder.from, m.last = before(t, state), state.Iteration, state.Iteration
	return state, nil
}

// keep writes a checkpoint. A failure, such as a full disk, is told and does not end the run.
func (m *savedMember) keep(state solver.State) error {
	if state.Iteration == m.last { // nothing was done since; no step at all, if it is 0
		return nil
	}
	err := m.checkpoints.write(m.number, m.id, state, *m.recorder.trajectory)
	if err == nil {
		m.last = state.Iteration
		m.checkpoints.failed.Store(false)
		return nil
	}
	if !m.checkpoints.failed.Swap(true) { // tell only the first of several failures in a row
		m.notice(fmt.Sprintf("the checkpoint of run %d at iteration %d could not be written: %v", m.number,
			state.Iteration, err))
	}
	return nil
}
