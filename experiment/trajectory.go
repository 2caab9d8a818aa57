package experiment

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

const (
	trajectoryFile = "trajectory.csv"
	timesFile      = "times.csv"
)

// columnsIf returns the metrics that are columns of trajectory.csv, between iteration and sigma_1: the
// metrics that every run has, and the others for which there is true. Times differ between equal runs, so
// they are the columns of times.csv; trajectory.csv has them only in the directories of older versions.
func columnsIf(there func(m *solver.Metric) bool) []*solver.Metric {
	return slices.DeleteFunc(solver.Metrics(), func(m *solver.Metric) bool {
		return m.Derive != nil || (m.Clock || !m.Always) && !there(m)
	})
}

// timeColumns returns the metrics that are columns of times.csv.
func timeColumns() []*solver.Metric {
	return slices.DeleteFunc(solver.Metrics(), func(m *solver.Metric) bool {
		return m.Derive != nil || !m.Clock
	})
}

// WriteTrajectory writes a trajectory as CSV, without the times. Each number has the fewest digits from which
// it can be read back exactly; an unknown number is empty.
func WriteTrajectory(w io.Writer, t solver.Trajectory) error {
	sigmas := 0
	for _, s := range t {
		sigmas = max(sigmas, len(s.Sigma))
	}
	return writeSamples(w, t, columnsIf(func(m *solver.Metric) bool {
		return !m.Clock &&
			slices.ContainsFunc(t, func(s solver.Sample) bool { return !math.IsNaN(m.Of(&s)) })
	}), sigmas)
}

// WriteTimes writes the times of a trajectory's samples as CSV, in seconds.
func WriteTimes(w io.Writer, t solver.Trajectory) error { return writeSamples(w, t, timeColumns(), 0) }

// writeSamples writes the iterations of samples, some metrics, and the first singular values.
func writeSamples(w io.Writer, t solver.Trajectory, columns []*solver.Metric, sigmas int) error {
	out := bufio.NewWriter(w)
	out.WriteString(strings.Join(headOf(columns), ","))
	for i := range sigmas {
		fmt.Fprintf(out, ",sigma_%d", i+1)
	}
	out.WriteByte('\n')
	var line []byte
	for i := range t {
		s := &t[i]
		line = strconv.AppendInt(line[:0], int64(s.Iteration), 10)
		for _, m := range columns {
			line = appendNumber(append(line, ','), m.Of(s))
		}
		for _, v := range s.Sigma[:min(sigmas, len(s.Sigma))] {
			line = appendNumber(append(line, ','), v)
		}
		out.Write(append(line, '\n'))
	}
	return out.Flush()
}

// headOf returns the names of the columns before sigma_1.
func headOf(columns []*solver.Metric) []string {
	head := []string{"iteration"}
	for _, m := range columns {
		head = append(head, m.Name)
	}
	return head
}

func appendNumber(line []byte, v float64) []byte {
	if math.IsNaN(v) {
		return line
	}
	return strconv.AppendFloat(line, v, 'g', -1, 64)
}

// ReadTrajectory reads a trajectory that [WriteTrajectory] wrote. The times are unknown, unless an older
// version wrote them between the other columns.
func ReadTrajectory(r io.Reader) (solver.Trajectory, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("the trajectory has no header line: %w", err)
	}
	columns := columnsIf(func(m *solver.Metric) bool { return slices.Contains(head, m.Name) })
	want := headOf(columns)
	if len(head) < len(want) || !slices.Equal(head[:len(want)], want) {
		return nil, fmt.Errorf("the trajectory's columns do not begin with %s", strings.Join(want, ","))
	}
	for i, name := range head[len(want):] {
		if name != fmt.Sprintf("sigma_%d", i+1) {
			return nil, fmt.Errorf("the trajectory has a column %q: there is no such metric", name)
		}
	}
	var t solver.Trajectory
	err = readSamples(in, func(iteration int, values []float64) {
		s := solver.NewSample(iteration)
		for _, m := range timeColumns() {
			m.Set(&s, math.NaN())
		}
		s.Sigma = values[len(columns):]
		for i, m := range columns {
			m.Set(&s, values[i])
		}
		t = append(t, s)
	})
	if err != nil {
		return nil, fmt.Errorf("the trajectory cannot be read: %w", err)
	}
	return t, nil
}

// ReadTimes adds to a trajectory the times that [WriteTimes] wrote. A sample without a line there keeps its
// times.
func ReadTimes(r io.Reader, t solver.Trajectory) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return fmt.Errorf("the times have no header line: %w", err)
	}
	columns := timeColumns()
	if want := headOf(columns); !slices.Equal(head, want) {
		return fmt.Errorf("the columns of the times are not %s", strings.Join(want, ","))
	}
	at := make(map[int]int, len(t))
	for i := range t {
		at[t[i].Iteration] = i
	}
	err = readSamples(in, func(iteration int, values []float64) {
		if i, there := at[iteration]; there {
			for j, m := range columns {
				m.Set(&t[i], values[j])
			}
		}
	})
	if err != nil {
		return fmt.Errorf("the times cannot be read: %w", err)
	}
	return nil
}

// readSamples reads the lines after the header and passes on each one's iteration and other numbers.
func readSamples(in *csv.Reader, each func(iteration int, values []float64)) error {
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		iteration, err := strconv.Atoi(row[0])
		if err != nil {
			line, _ := in.FieldPos(0)
			return fmt.Errorf("line %d: %q is not an iteration", line, row[0])
		}
		values := make([]float64, len(row)-1)
		for i, word := range row[1:] {
			if word == "" {
				values[i] = math.NaN()
				continue
			}
			if values[i], err = strconv.ParseFloat(word, 64); err != nil {
				line, _ := in.FieldPos(1 + i)
				return fmt.Errorf("line %d: %q is not a number", line, word)
			}
		}
		each(iteration, values)
	}
}

// readTrajectoryIn reads the trajectory of a run directory with its times. An older directory has no file of
// times.
func readTrajectoryIn(dir string) (solver.Trajectory, error) {
	t, err := readTrajectoryFile(filepath.Join(dir, trajectoryFile))
	if err != nil {
		return nil, err
	}
	err = readRegular(filepath.Join(dir, timesFile), func(r io.Reader) error { return ReadTimes(r, t) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return t, nil
}

// readTrajectoryFile reads a trajectory without its times.
func readTrajectoryFile(path string) (t solver.Trajectory, err error) {
	err = readRegular(path, func(r io.Reader) (err error) {
		t, err = ReadTrajectory(r)
		return err
	})
	return t, err
}

func readRegular(path string, read func(io.Reader) error) error {
	if err := userfile.CheckRegular(path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
