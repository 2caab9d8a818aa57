package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// problem is an open problem.
type problem struct {
	*experiment.Problem
	given   settings // when the problem was opened
	par     solver.Parametrization
	space   sensing.Space
	ranks   []int           // of the members' factors in the engine; 0 before the first
	factors []solver.Factor // of the members, in memory of this process: see [memory]
	run     *clientRun      // the run under way; nil if there is none
	busy    time.Duration   // of the engine, in the last call of value_and_grad

	probe      func() (float64, error) // measures the bandwidth; nil before it is asked for
	closeProbe func() error
}

// settings are settings as they were given, in their order. Keys may be written with _ for -, because names
// have no hyphen in most languages.
type settings []setting

type setting struct{ key, text string }

// UnmarshalJSON implements json.Unmarshaler.
func (s *settings) UnmarshalJSON(text []byte) error {
	*s = (*s)[:0]
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if opening, err := d.Token(); err != nil || opening != json.Delim('{') {
		return config.Usagef("settings: the settings are an object such as {\"n\": 200}")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		text := string(value)
		if value[0] == '"' {
			if err := json.Unmarshal(value, &text); err != nil {
				return err
			}
		}
		*s = append(*s, setting{strings.ReplaceAll(key.(string), "_", "-"), text})
	}
	return nil
}

// apply sets the settings in a configuration. Every mistake is listed; those with a value that a setting may
// have are found by [config.Config.Check].
func (s settings) apply(c *config.Config, allowed func(config.Field) bool) error {
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, x := range s {
		f, known := c.Field(x.key)
		switch {
		case !known:
			bad("unknown key %q; did you mean %q?", x.key, config.Nearest(x.key, config.Keys()))
			continue
		case seen[x.key]:
			bad("%s is given again", x.key)
			continue
		case !allowed(f):
			bad("%s belongs to the problem, which is open: open another one", x.key)
			continue
		}
		seen[x.key] = true
		if strings.HasPrefix(x.text, "{") || strings.HasPrefix(x.text, "[") || x.text == "null" {
			bad("%s takes a single value", x.key)
		} else if err := f.Set(x.text, x.key); err != nil {
			bad("%s", config.Located(x.key, x.key, err.Error()))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	var usage *config.UsageError
	if errors.As(c.Validate(), &usage) { // the values that could be read may be mistakes
		for _, p := range usage.Problems {
			if !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
	}
	return &config.UsageError{Problems: problems}
}

// open opens a problem.
func (s *session) open(text []byte, a *answer) error {
	r := struct {
		head
		Settings settings `json:"settings"`
		Members  int      `json:"members"`
	}{Members: 1}
	if err := decode(text, &r); err != nil {
		return err
	}
	c := config.Default()
	if err := r.Settings.apply(&c, func(config.Field) bool { return true }); err != nil {
		return err
	}
	plan, err := experiment.PlanProblem(c, r.Members, s.Host)
	if err != nil {
		return err
	}
	opened, err := plan.Open(s.ctx)
	if err != nil {
		return err
	}
	p := &problem{
		Problem: opened, given: r.Settings, par: plan.Config.NewParametrization(),
		space: opened.Data.Problem.Ensemble.Space(),
		ranks: make([]int, r.Members), factors: make([]solver.Factor, r.Members),
	}
	s.lastProblem++
	s.problems[s.lastProblem] = p
	a.whole("problem", s.lastProblem)
	return p.describe(a)
}

// describe appends what is known of a problem.
func (p *problem) describe(a *answer) error {
	c := &p.Plan.Config
	shapes, err := p.par.Shapes(p.space, c.FactorRank)
	if err != nil {
		return err
	}
	sizes := make([][2]int, len(shapes))
	for i, s := range shapes {
		sizes[i] = [2]int{s.Rows, s.Cols}
	}
	rank := c.Rank
	if truth := p.Data.Problem.Truth; truth != nil {
		rank = truth.Rank()
	}
	n1, n2 := p.space.Dims()
	a.whole("n", n1)
	a.whole("n2", n2)
	a.value("symmetric", p.isSymmetric())
	a.whole("measurements", len(p.Engine.Observations()))
	a.whole("rank", rank)
	a.text("parametrization", c.Parametrization)
	a.whole("factor_rank", c.FactorRank)
	a.value("shapes", sizes)
	a.whole("members", len(p.ranks))
	a.number("step", c.Step)
	a.text("backend", p.Plan.Backend.Name())
	a.text("device", p.Plan.Backend.Device())
	a.text("storage", p.Plan.Storage)
	a.text("precision", c.Precision)
	a.value("notes", append([]string{}, p.Plan.Notes...))
	return nil
}

func (p *problem) isSymmetric() bool {
	_, symmetric := p.space.(sensing.Sym)
	return symmetric
}

// closeProblem closes a problem.
func (s *session) closeProblem(text []byte, _ *answer) error {
	var r struct {
		head
		Problem int `json:"problem"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if p.run != nil {
		return config.Usagef("problem: a run on problem %d is under way: it ends first", r.Problem)
	}
	delete(s.problems, r.Problem)
	return p.close()
}

// close frees what the problem holds.
func (p *problem) close() error {
	err := p.Engine.Close()
	if p.closeProbe != nil {
		err = errors.Join(err, p.closeProbe())
	}
	return err
}

// ofStart are the settings of a start.
var ofStart = []string{"init", "init-right", "alpha", "alpha-right", "start-imbalance", "start-seed",
	"factor-rank"}

// start makes the start that the problem's settings and those of the request name.
func (s *session) start(text []byte, a *answer) error {
	var r struct {
		head
		Problem  int      `json:"problem"`
		Settings settings `json:"settings"`
		Out      []*array `json:"out"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	c, err := p.startSettings(r.Settings)
	if err != nil {
		return err
	}
	shapes, err := p.par.Shapes(p.space, c.FactorRank)
	if err != nil {
		return err
	}
	places, err := s.placesOf(&results{session: s}, "out", r.Out, shapes)
	if err != nil {
		return err
	}
	f, err := p.Start(c)
	if err != nil {
		return err
	}
	a.factor("out", f, r.Out, places)
	return nil
}

// startSettings returns the problem's configuration with the given settings of the start. If they name an
// init, what the problem's settings say of their start belongs to another one.
func (p *problem) startSettings(given settings) (*config.Config, error) {
	c := p.Plan.Config
	if slices.ContainsFunc(given, func(x setting) bool { return x.key == "init" }) {
		c.ForgetStart()
	}
	isOfStart := func(f config.Field) bool { return slices.Contains(ofStart, f.Key) }
	if err := given.apply(&c, isOfStart); err != nil {
		return nil, err
	}
	if err := c.CheckStart(); err != nil {
		return nil, err
	}
	if most := p.Plan.Config.FactorRank; c.FactorRank > most {
		const key = "factor-rank"
		return nil, config.Usagef("%s", config.Located(c.At(key), key,
			fmt.Sprintf("%s goes up to %d in this problem, got %d", key, most, c.FactorRank)))
	}
	return &c, nil
}

// placesOf checks the places of a factor's matrices as a result; none are given if all come inline.
func (s *session) placesOf(
	r *results, name string, given []*array, shapes []solver.Shape,
) (places [][]float64, err error) {
	if given != nil && len(given) != len(shapes) {
		return nil, config.Usagef("%s: the factor has %s, and %d are given", name,
			counted(len(shapes), "matrix", "matrices"), len(given))
	}
	places = make([][]float64, len(shapes))
	for i, shape := range shapes {
		its := fmt.Sprintf("%s[%d]", name, i)
		if places[i], err = r.place(at(given, i), its, shape.Rows, shape.Cols); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// at returns an array of a list that may be missing.
func at(list []*array, i int) *array {
	if list == nil {
		return nil
	}
	return list[i]
}

// counted writes a number of things.
func counted(count int, one, many string) string {
	if count == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", count, many)
}

// factor writes a factor to its places. If a matrix has none, the factor becomes a member of the answer, in
// which the other matrices are null.
func (a *answer) factor(name string, f solver.Factor, given []*array, places [][]float64) {
	if toPlaces(f, places) {
		return
	}
	a.name(name)
	a.appendFactor(f, given, places)
}

// toPlaces writes a factor to its places, and says whether every matrix has one.
func toPlaces(f solver.Factor, places [][]float64) bool {
	all := true
	for i, u := range f {
		copy(places[i], u.RawMatrix().Data)
		all = all && places[i] != nil
	}
	return all
}

// appendFactor writes the matrices of a factor that have no places.
func (a *answer) appendFactor(f solver.Factor, given []*array, places [][]float64) {
	a.line = append(a.line, '[')
	for i, u := range f {
		if i > 0 {
			a.line = append(a.line, ',')
		}
		if places[i] != nil {
			a.line = append(a.line, "null"...)
			continue
		}
		rows, cols := u.Dims()
		a.line = appendArray(a.line, at(given, i), u.RawMatrix().Data, rows, cols)
	}
	a.line = append(a.line, ']')
}

// rankOf finds the factor rank of the matrices of a factor.
func (p *problem) rankOf(name string, f []*array) (rank int, err error) {
	have := make([]solver.Shape, len(f))
	for i, x := range f {
		if x == nil {
			return 0, config.Usagef("%s[%d]: the array is missing", name, i)
		}
		if have[i].Rows, have[i].Cols, err = x.size(fmt.Sprintf("%s[%d]", name, i)); err != nil {
			return 0, err
		}
	}
	most := p.Plan.Config.FactorRank
	full, err := p.par.Shapes(p.space, most)
	if err != nil {
		return 0, err
	}
	if len(have) > 0 {
		for _, r := range []int{have[0].Cols, have[0].Rows} { // the rows for a deep product
			if r < 1 || r > most {
				continue
			}
			if want, err := p.par.Shapes(p.space, r); err == nil && slices.Equal(have, want) {
				return r, nil
			}
		}
	}
	return 0, config.Usagef("%s: the factor is %v; it must be %v, or of a smaller factor rank", name, have, full)
}

// set reads a factor into a member's iterate.
func (s *session) set(p *problem, member int, name string, f []*array) error {
	if err := s.read(p, member, name, f); err != nil {
		return err
	}
	return p.Engine.Set(member, solver.Iterate, p.factors[member])
}

// read reads a factor into memory of this process, and gives the member the factor's rank.
func (s *session) read(p *problem, member int, name string, f []*array) error {
	rank, err := p.rankOf(name, f)
	if err != nil {
		return err
	}
	if p.ranks[member] != rank {
		shapes, err := p.par.Shapes(p.space, rank)
		if err != nil {
			return err
		}
		p.ranks[member] = 0
		if err := p.Engine.Reset(member, rank); err != nil {
			return err
		}
		p.ranks[member], p.factors[member] = rank, solver.NewFactor(shapes)
	}
	for i, x := range f {
		if err := s.matrix(p.factors[member][i], x, fmt.Sprintf("%s[%d]", name, i)); err != nil {
			return err
		}
	}
	return nil
}

// valueAndGrad computes f and its gradient at factors, in groups of as many as the problem has members.
func (s *session) valueAndGrad(text []byte, a *answer) error {
	var r struct {
		head
		Problem int        `json:"problem"`
		Factor  [][]*array `json:"factor"`
		Grad    [][]*array `json:"grad"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if r.Grad != nil && len(r.Grad) != len(r.Factor) {
		return config.Usagef("grad: there are %s and %s", counted(len(r.Factor), "factor", "factors"),
			counted(len(r.Grad), "gradient", "gradients"))
	}
	to := &results{session: s}
	for k, f := range r.Factor {
		for i, x := range f {
			if x != nil {
				to.reads(fmt.Sprintf("factor[%d][%d]", k, i), x)
			}
		}
	}
	places := make([][][]float64, len(r.Factor))
	for k, f := range r.Factor {
		rank, err := p.rankOf(fmt.Sprintf("factor[%d]", k), f)
		if err != nil {
			return err
		}
		shapes, err := p.par.Shapes(p.space, rank)
		if err != nil {
			return err
		}
		places[k], err = s.placesOf(to, fmt.Sprintf("grad[%d]", k), gradOf(r.Grad, k), shapes)
		if err != nil {
			return err
		}
	}
	values := make([]float64, len(r.Factor))
	p.busy = 0
	inline, all := new(answer), true
	for first := 0; first < len(r.Factor); first += len(p.ranks) {
		count := min(len(p.ranks), len(r.Factor)-first)
		if err := s.gradients(p, r.Factor[first:][:count], first, values[first:][:count]); err != nil {
			return err
		}
		for i := range count {
			k := first + i
			if k > 0 {
				inline.line = append(inline.line, ',')
			}
			g := p.factors[i] // which the next group overwrites
			all = toPlaces(g, places[k]) && all
			inline.appendFactor(g, gradOf(r.Grad, k), places[k])
		}
	}
	a.numbers("values", values)
	a.number("seconds", p.busy.Seconds())
	if !all {
		a.name("grad")
		a.line = append(append(append(a.line, '['), inline.line...), ']')
	}
	return nil
}

// gradOf returns the places of a gradient, which may be missing.
func gradOf(grad [][]*array, k int) []*array {
	if grad == nil {
		return nil
	}
	return grad[k]
}

// gradients computes f and the gradients of as many factors as there are members at most, in one pass. The
// gradients are then in p.factors.
func (s *session) gradients(p *problem, factors [][]*array, first int, values []float64) error {
	if p.run != nil && len(factors) == 1 {
		if err := s.read(p, 0, fmt.Sprintf("factor[%d]", first), factors[0]); err != nil {
			return err
		}
		loss, known, err := p.run.gradientOf(p.factors[0])
		if known || err != nil {
			values[0] = loss
			return err
		}
	}
	members := make([]int, len(factors))
	for i, f := range factors {
		members[i] = i
		if err := s.set(p, i, fmt.Sprintf("factor[%d]", first+i), f); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := p.Engine.Gradient(members...); err != nil {
		return err
	}
	if err := p.Engine.Losses(values, members...); err != nil {
		return err
	}
	p.busy += time.Since(began)
	for i := range members {
		if err := p.Engine.Get(i, solver.Gradient, p.factors[i]); err != nil {
			return err
		}
	}
	return nil
}

// observations returns y.
func (s *session) observations(text []byte, a *answer) error {
	var r struct {
		head
		Problem int    `json:"problem"`
		Out     *array `json:"out"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	y := p.Engine.Observations()
	place, err := (&results{session: s}).place(r.Out, "out", len(y), 1)
	if err != nil {
		return err
	}
	a.vector("out", y, r.Out, place)
	return nil
}

// vector writes a result to its place, or into the answer if it has none.
func (a *answer) vector(name string, v []float64, given *array, place []float64) {
	if place != nil {
		copy(place, v)
		return
	}
	a.name(name)
	a.line = appendArray(a.line, given, v, len(v))
}
