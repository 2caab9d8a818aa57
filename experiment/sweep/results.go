package sweep

import (
	"os"
	"path/filepath"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/userfile"
)

// SpecFile is the file with the resolved specification in a sweep's directory.
const SpecFile = "sweep.yaml"

// FigurePrefix begins the names of a sweep's figures.
const FigurePrefix = "sweep-"

// Results are the runs of a sweep and the records that its directory has so far.
type Results struct {
	Spec *Spec
	// Runs are all runs of the sweep, and Records those of the runs that have ended, in the same order.
	Runs    []Run
	Records []*Record
	// Notes are what the user should know of the records, if some are missing.
	Notes []string
}

// Load reads the results in a sweep's directory. It refuses records that are damaged, or of another sweep or
// other data.
func Load(dir string) (*Results, error) {
	p, err := Open(dir)
	if err != nil {
		return nil, err
	}
	g, err := p.gather(dir)
	if err != nil {
		return nil, err
	}
	return g.results(), nil
}

// Open reads the specification in a sweep's directory. The plan that it returns has no device and no part.
func Open(dir string) (*Plan, error) {
	if !Holds(dir) {
		return nil, config.Usagef("there is no sweep in %s: it has no %s", dir, SpecFile)
	}
	if err := userfile.CheckRegular(filepath.Join(dir, SpecFile)); err != nil {
		return nil, err
	}
	s, err := Read(filepath.Join(dir, SpecFile))
	if err != nil {
		return nil, err
	}
	runs, err := s.Runs()
	if err != nil {
		return nil, err
	}
	return &Plan{Spec: s, Runs: runs}, nil
}

// Results reads the records that a sweep's directory has so far, as [Load] does. It does not compare the data
// files, which may be large, with those that the runs have read: it is for those who watch.
func (p *Plan) Results(dir string) (*Results, error) {
	g, err := p.read(dir)
	if err != nil {
		return nil, err
	}
	return g.results(), nil
}

// Holds says whether a directory holds a sweep.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, SpecFile))
	return err == nil
}

// Missing lists the numbers of the runs without a record.
func (r *Results) Missing() []int {
	there := map[int]bool{}
	for _, rec := range r.Records {
		there[rec.Index] = true
	}
	var missing []int
	for _, run := range r.Runs {
		if !there[run.Index] {
			missing = append(missing, run.Index)
		}
	}
	return missing
}

// Table returns the columns and the rows of runs.csv. A cell is a string, an int, a uint64, a float64, a
// bool, or nil if it is unknown.
func (r *Results) Table() (columns []string, rows [][]any) {
	rows = make([][]any, len(r.Records))
	for _, c := range r.Spec.runsTable(r.Records) {
		columns = append(columns, c.name)
		for i, cell := range c.cells {
			rows[i] = append(rows[i], cell)
		}
	}
	return columns, rows
}

// Merge writes the tables of a sweep's directory from the records that are there, and returns the results.
func Merge(dir string) (*Results, error) {
	p, err := Open(dir)
	if err != nil {
		return nil, err
	}
	return p.tabulate(dir, func(r *Results) bool { return len(r.Records) > 0 })
}
