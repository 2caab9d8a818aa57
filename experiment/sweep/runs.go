package sweep

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
)

// Run is one point of the grid.
type Run struct {
	// Index is the run's number, from 0. Points that the filter leaves out have none.
	Index int
	// Config is the run's configuration, validated.
	Config config.Config
	// Values are the values of [Spec.Keys], as files write them.
	Values []string
}

// startSeedStep is the difference between the start-seeds of successive replicas.
const startSeedStep = 1000

// Runs expands the grid. The error is a [config.UsageError] if single runs have mistakes or the filter leaves
// no run.
func (s *Spec) Runs() ([]Run, error) {
	keys := s.Keys()
	g := s.newGrid(keys)
	var c config.Config // the run at the point, validated
	var selected *keeper
	if s.selected != nil {
		selected = s.selected.on(&c)
	}
	var runs []Run
	if s.selected == nil {
		runs = make([]Run, 0, min(s.Count(), MaxRuns))
	}
	var mistakes mistakes
	left := 0
	for more := true; more; more = g.next() {
		values, ok := g.set()
		if !ok {
			continue
		}
		c = g.config
		err := c.Validate()
		if selected != nil {
			keep, problem := selected.keeps()
			if problem != nil {
				err = fmt.Errorf("%s: filter: %w", s.places["filter"], problem)
			} else if !keep {
				continue
			}
		}
		left++
		if err != nil {
			mistakes.add(err, describe(keys, values))
			continue
		}
		runs = append(runs, Run{len(runs), c, values})
	}
	if left == 0 {
		return nil, config.Usagef("%s: the filter leaves none of %d runs", s.places["filter"], s.Count())
	}
	if len(mistakes.list) > 0 {
		return nil, &config.UsageError{Problems: mistakes.problems(s.name, left)}
	}
	return runs, nil
}

// grid walks through the points of a sweep's grid.
type grid struct {
	spec *Spec
	// config is the configuration at the point, before it is validated.
	config config.Config
	// fields are the settings of config that differ between runs, and places where the file gives them.
	fields []config.Field
	places []string
	// sizes and position have an element for each axis, one for the seeds and one for the start-seeds.
	sizes, position []int
}

// newGrid returns the grid at its first point. keys are those of [Spec.Keys].
func (s *Spec) newGrid(keys []string) *grid {
	g := &grid{spec: s, config: s.Base}
	for _, key := range keys {
		g.fields = append(g.fields, field(&g.config, key))
		g.places = append(g.places, s.places[key])
	}
	for _, a := range s.Axes {
		g.sizes = append(g.sizes, a.Len())
	}
	g.sizes = append(g.sizes, max(s.Seeds, 1), max(s.StartSeeds, 1))
	g.position = make([]int, len(g.sizes))
	return g
}

// next goes on to the next point, and says whether there is one. The last element of position changes
// fastest.
func (g *grid) next() bool {
	for i := len(g.sizes) - 1; i >= 0; i-- {
		if g.position[i]++; g.position[i] < g.sizes[i] {
			return true
		}
		g.position[i] = 0
	}
	return false
}

// set sets the configuration to the point and returns its values. It returns false if the point is not a run:
// a start that is not random has no replicas.
func (g *grid) set() ([]string, bool) {
	s := g.spec
	values := make([]string, 0, len(g.fields))
	set := func(value string) {
		i := len(values)
		if err := g.fields[i].Set(value, g.places[i]); err != nil {
			panic(fmt.Sprintf("sweep: a value that was accepted before: %v", err))
		}
		values = append(values, value)
	}
	for i, a := range s.Axes {
		for k := range a.Keys {
			set(a.Values[k][g.position[i]])
		}
	}
	if s.Seeds > 0 {
		set(strconv.FormatUint(s.Base.Seed+uint64(g.position[len(s.Axes)]), 10))
	}
	if s.StartSeeds > 0 {
		replica := g.position[len(s.Axes)+1]
		start := g.config.Seed
		if s.inBase["start-seed"] {
			start = s.Base.StartSeed
		}
		g.config.StartSeed = s.Base.StartSeed // not that of the point before
		switch {
		case g.config.HasRandomStart():
			set(strconv.FormatUint(start+startSeedStep*uint64(replica), 10))
		case replica == 0:
			set("0") // as in a resolved configuration to which start-seed does not apply
		default:
			return nil, false
		}
	}
	return values, true
}

// maxMistakes is how many different mistakes of runs are reported.
const maxMistakes = 20

// mistakes collects the mistakes of runs.
type mistakes struct {
	list  []string          // each mistake once
	count map[string]int    // how many runs have it
	first map[string]string // the first run that has it
}

// add notes a run's mistakes.
func (m *mistakes) add(err error, run string) {
	problems := []string{err.Error()}
	var usage *config.UsageError
	if errors.As(err, &usage) {
		problems = usage.Problems
	}
	if m.count == nil {
		m.count, m.first = map[string]int{}, map[string]string{}
	}
	for _, p := range problems {
		if m.count[p]++; m.count[p] == 1 {
			m.list = append(m.list, p)
			m.first[p] = run
		}
	}
}

// problems lists each mistake once, with the number of runs that have it unless all have it.
func (m *mistakes) problems(name string, runs int) []string {
	var problems []string
	for _, p := range m.list[:min(len(m.list), maxMistakes)] {
		text := p
		if !strings.HasPrefix(p, name+":") { // a mistake in a default, which has no line
			text = name + ": " + p
		}
		if m.count[p] < runs {
			text += fmt.Sprintf(" (%d of %d runs, the first with %s)", m.count[p], runs, m.first[p])
		}
		problems = append(problems, text)
	}
	if more := len(m.list) - maxMistakes; more > 0 {
		problems = append(problems, fmt.Sprintf("%s: and %d more mistakes of this kind", name, more))
	}
	return problems
}
