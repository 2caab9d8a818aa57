package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/tensorboard"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
)

// customMethod is the name of the method whose steps the client takes.
var customMethod = solver.Custom{}.Name()

// solve carries out a run whose steps the client takes. The answer is written when the run has ended. Between
// the request and its answer the server writes the events of `matsense run --json`, and asks for each step
// with an event "step". Until the client has answered that line, it may make other requests.
func (s *session) solve(text []byte, a *answer) error {
	var r solveRequest
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if p.run != nil {
		return config.Usagef("problem: a run on problem %d is under way: it takes one at a time", r.Problem)
	}
	if r.Dir == "" {
		return config.Usagef("dir: the request names no directory for the run")
	}
	outer := s.ctx
	ctx, cancel := context.WithCancel(outer)
	run := &clientRun{session: s, problem: p, request: &r, cancel: cancel}
	c, err := run.configuration()
	if err != nil {
		return err
	}
	plan, err := p.PlanRun(c)
	if err != nil {
		return err
	}
	if err := run.checkPlaces(&plan.Config); err != nil {
		return err
	}
	options := experiment.Options{Dir: r.Dir, Fresh: r.Fresh, Force: r.Force, Resume: r.Resume}
	if err := tensorboard.CheckRun(r.TensorBoard, options); err != nil {
		return err
	}
	p.run, s.ctx = run, ctx
	before := s.cancelRun.Swap(&cancel)
	defer func() {
		cancel()
		p.run, s.ctx = nil, outer
		s.cancelRun.Store(before)
	}()
	progress, end := s.Progress(s.out, plan)
	defer end()
	logged := tensorboard.LogRun(r.TensorBoard, plan, options, progress)
	out, err := plan.Run(ctx, options, logged)
	err = atomicfile.Join(err, logged.Close(out))
	if out != nil {
		err = atomicfile.Join(err, s.Publish(out, progress))
	}
	if err = cmp.Or(run.broken, err); err != nil {
		return err
	}
	a.text("dir", out.Dir)
	a.value("summary", out.Summary)
	if run.failed != nil {
		a.text("failed", *run.failed)
	}
	return nil
}

// solveRequest is the request of a run.
type solveRequest struct {
	head
	Problem  int      `json:"problem"`
	Settings settings `json:"settings"`
	// Name is the name of the client's function, and Slots the number of the arrays that it keeps.
	Name  string `json:"name"`
	Slots int    `json:"slots"`
	// Dir is the directory of the run. With Fresh the directory gets a number if it exists.
	Dir    string `json:"dir"`
	Fresh  bool   `json:"fresh"`
	Force  bool   `json:"force"`
	Resume bool   `json:"resume"`
	// TensorBoard is the directory below which event files are written; empty: none are.
	TensorBoard string `json:"tensorboard"`
	// Factor has the places of the iterate, and State those of the client's arrays. Without places they are
	// written into the lines.
	Factor []*array   `json:"factor"`
	State  [][]*array `json:"state"`
}

// clientRun is a run whose steps the client takes.
type clientRun struct {
	session *session
	problem *problem
	request *solveRequest
	cancel  context.CancelFunc
	shapes  []solver.Shape

	// member is the run's place in the engine during a step, and nil otherwise; iterate is U there.
	member  *solver.Member
	iterate solver.Factor
	next    solver.Factor
	state   []solver.Factor

	failed *string // what the client has said of its failure; nil if it has not failed
	broken error   // why a reply of the client could not be used
}

// configuration returns the configuration of the run: the settings of the problem, except those of a method,
// and those of the request. A resumed run has the settings of its directory.
func (t *clientRun) configuration() (c config.Config, err error) {
	r := t.request
	if r.Resume && r.Force {
		return c, config.Usagef("resume goes on with a run and force replaces it: choose one")
	}
	if r.Settings.has("method") || r.Settings.has("custom-name") || r.Settings.has("custom-slots") {
		return c, config.Usagef("settings: the method of solve is %s, and name and slots are members of the "+
			"request", customMethod)
	}
	its := settings{{"method", customMethod}, {"custom-slots", fmt.Sprint(r.Slots)}}
	if r.Name != "" {
		its = append(its, setting{"custom-name", r.Name})
	}
	c = config.Default()
	for _, given := range t.problem.given {
		f, _ := c.Field(given.key)
		if f.Group == "method" || r.Settings.has(given.key) || r.Resume {
			continue
		}
		its = append(its, given)
	}
	if err := its.apply(&c, func(config.Field) bool { return true }); err != nil {
		return c, err
	}
	allowed := func(f config.Field) bool { return f.File || !f.OfProblem() } // a file may have another path
	if err := r.Settings.apply(&c, allowed); err != nil {
		return c, err
	}
	c.SetProgram(t.step)
	if r.Resume {
		return experiment.ConfigForResume(r.Dir, c)
	}
	return c, nil
}

// has says whether a setting is given.
func (s settings) has(key string) bool {
	return slices.ContainsFunc(s, func(x setting) bool { return x.key == key })
}

// checkPlaces finds mistakes in the places before the run begins, and makes room for the iterate.
func (t *clientRun) checkPlaces(c *config.Config) (err error) {
	if t.shapes, err = t.problem.par.Shapes(t.problem.space, c.FactorRank); err != nil {
		return err
	}
	if have := len(t.request.State); have != 0 && have != c.CustomSlots {
		return config.Usagef("state: the run has %s, and places of %d are given",
			counted(c.CustomSlots, "slot", "slots"), have)
	}
	t.iterate, t.next = solver.NewFactor(t.shapes), solver.NewFactor(t.shapes)
	for range c.CustomSlots {
		t.state = append(t.state, solver.NewFactor(t.shapes))
	}
	_, _, err = t.places()
	return err
}

// places finds the places of the iterate and of the state in shared memory; nil for those in lines.
func (t *clientRun) places() (factor [][]float64, state [][][]float64, err error) {
	to := &results{session: t.session}
	if factor, err = t.session.placesOf(to, "factor", t.request.Factor, t.shapes); err != nil {
		return nil, nil, err
	}
	for i := range t.state {
		var given []*array
		if t.request.State != nil {
			given = t.request.State[i]
		}
		its, err := t.session.placesOf(to, fmt.Sprintf("state[%d]", i), given, t.shapes)
		if err != nil {
			return nil, nil, err
		}
		state = append(state, its)
	}
	return factor, state, nil
}

// reply is a line that ends a step.
type reply struct {
	Stepped *int `json:"stepped"`
	// Factor and State have the arrays that have no places in shared memory.
	Factor []*array   `json:"factor"`
	State  [][]*array `json:"state"`

	Failed *int   `json:"failed"`
	Error  string `json:"error"`
}

// step has the client take a step. If the client fails or is gone, the run is canceled, which saves the state
// before the step.
func (t *clientRun) step(m *solver.Member, iteration int) error {
	if err := t.get(m); err != nil {
		return err
	}
	if t.problem.Plan.Config.Precision == string(solver.Mixed) {
		// The bits of a gradient depend on where the member was before. Members that begin anew in each step
		// give a resumed run the bits of an uninterrupted one.
		clear(t.problem.ranks)
	}
	if err := t.ask(iteration); err != nil {
		return err
	}
	t.member = m
	defer func() { t.member = nil }()
	err := t.session.answerUntil(func(text []byte) bool { return t.ends(text, iteration) })
	if err != nil && !errors.Is(err, errEnded) { // the output cannot be written: the client is gone
		t.broken = err
	}
	if err != nil || t.failed != nil || t.broken != nil {
		t.cancel()
		return context.Canceled
	}
	for i, u := range t.state {
		if err := m.Set(solver.HostSlot+solver.Slot(i), u); err != nil {
			return err
		}
	}
	return m.Set(solver.Iterate, t.next)
}

// get copies what the client works with.
func (t *clientRun) get(m *solver.Member) error {
	if err := m.Get(solver.Iterate, t.iterate); err != nil {
		return err
	}
	for i, u := range t.state {
		if err := m.Get(solver.HostSlot+solver.Slot(i), u); err != nil {
			return err
		}
	}
	return nil
}

// ask writes the iterate to its place and asks for the step.
func (t *clientRun) ask(iteration int) error {
	factor, state, err := t.places()
	if err != nil {
		return err
	}
	a := &answer{line: fmt.Appendf(nil, `{"event":"step","step":%d`, iteration)}
	a.factor("factor", t.iterate, t.request.Factor, factor)
	if len(t.state) > 0 {
		inline, all := new(answer), true
		for i, u := range t.state {
			if i > 0 {
				inline.line = append(inline.line, ',')
			}
			var given []*array
			if t.request.State != nil {
				given = t.request.State[i]
			}
			all = toPlaces(u, state[i]) && all
			inline.appendFactor(u, given, state[i])
		}
		if !all {
			a.name("state")
			a.line = append(append(append(a.line, '['), inline.line...), ']')
		}
	}
	return t.session.write(a)
}

// ends says whether a line ends the step, and takes what the client has made of the iterate and the state.
func (t *clientRun) ends(text []byte, iteration int) bool {
	var r reply
	if json.Unmarshal(text, &r) != nil || r.Stepped == nil && r.Failed == nil {
		return false
	}
	switch {
	case r.Failed != nil:
		t.failed = &r.Error
	case *r.Stepped != iteration:
		t.broken = config.Usagef("stepped: the step that was asked for is %d, not %d", iteration, *r.Stepped)
	default:
		t.broken = t.take(&r)
	}
	return true
}

// take copies the new iterate and the state from their places or from the reply.
func (t *clientRun) take(r *reply) error {
	from := func(name string, dst solver.Factor, places, inline []*array) error {
		for i, u := range dst {
			x := at(places, i)
			if !x.isPlaced() {
				if len(inline) != len(dst) || inline[i] == nil {
					return config.Usagef("%s: the reply to a step has the %s, or the request names a place",
						name, counted(len(dst), "matrix", "matrices"))
				}
				x = inline[i]
			}
			if err := t.session.matrix(u, x.shaped(t.shapes[i]), fmt.Sprintf("%s[%d]", name, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := from("factor", t.next, t.request.Factor, r.Factor); err != nil {
		return err
	}
	for i, u := range t.state {
		var places, inline []*array
		if t.request.State != nil {
			places = t.request.State[i]
		}
		if i < len(r.State) {
			inline = r.State[i]
		}
		if err := from(fmt.Sprintf("state[%d]", i), u, places, inline); err != nil {
			return err
		}
	}
	return nil
}

// shaped is an array with a shape: that of its place if the request leaves it out.
func (x *array) shaped(shape solver.Shape) *array {
	if x.Shape != nil || !x.isPlaced() {
		return x
	}
	placed := *x
	placed.Shape = []int{shape.Rows, shape.Cols}
	return &placed
}

// gradientOf fills f with the gradient at f if f is the iterate of the step under way, bit for bit, and
// returns the loss. The run has computed both.
func (t *clientRun) gradientOf(f solver.Factor) (loss float64, known bool, err error) {
	if t.member == nil || !sameBits(f, t.iterate) {
		return 0, false, nil
	}
	if loss, err = t.member.Loss(); err == nil {
		err = t.member.Get(solver.Gradient, f)
	}
	return loss, true, err
}

// sameBits says whether two factors have the same shapes and bits.
func sameBits(a, b solver.Factor) bool {
	if !slices.Equal(a.Shapes(), b.Shapes()) {
		return false
	}
	for i, u := range a {
		other := b[i].RawMatrix().Data
		for j, v := range u.RawMatrix().Data {
			if math.Float64bits(v) != math.Float64bits(other[j]) {
				return false
			}
		}
	}
	return true
}
