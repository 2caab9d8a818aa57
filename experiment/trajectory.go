package experiment

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

const trajectoryFile = "trajectory.csv"

// columnsIf returns the metrics that are columns of trajectory.csv, between iteration and sigma_1: the
// metrics that every run has, and the others for which there is true.
func columnsIf(there func(m *solver.Metric) bool) []*solver.Metric {
	return slices.DeleteFunc(solver.Metrics(), func(m *solver.Metric) bool {
		return m.Derive != nil || !m.Always && !there(m)
	})
}

// WriteTrajectory writes a trajectory as CSV. Each number has the fewest digits from which it can be read
// back exactly; an unknown number is empty.
func WriteTrajectory(w io.Writer, t solver.Trajectory) error {
	out := bufio.NewWriter(w)
	columns := columnsIf(func(m *solver.Metric) bool {
		return slices.ContainsFunc(t, func(s solver.Sample) bool { return !math.IsNaN(m.Of(&s)) })
	})
	out.WriteString("iteration")
	for _, m := range columns {
		out.WriteString("," + m.Name)
	}
	sigmas := 0
	for _, s := range t {
		sigmas = max(sigmas, len(s.Sigma))
	}
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
		for _, v := range s.Sigma {
			line = appendNumber(append(line, ','), v)
		}
		out.Write(append(line, '\n'))
	}
	return out.Flush()
}

func appendNumber(line []byte, v float64) []byte {
	if math.IsNaN(v) {
		return line
	}
	return strconv.AppendFloat(line, v, 'g', -1, 64)
}

// ReadTrajectory reads a trajectory that [WriteTrajectory] wrote.
func ReadTrajectory(r io.Reader) (solver.Trajectory, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("the trajectory has no header line: %w", err)
	}
	columns := columnsIf(func(m *solver.Metric) bool { return slices.Contains(head, m.Name) })
	want := []string{"iteration"}
	for _, m := range columns {
		want = append(want, m.Name)
	}
	if len(head) < len(want) || !slices.Equal(head[:len(want)], want) {
		return nil, fmt.Errorf("the trajectory's columns do not begin with %s", strings.Join(want, ","))
	}
	for i, name := range head[len(want):] {
		if name != fmt.Sprintf("sigma_%d", i+1) {
			return nil, fmt.Errorf("the trajectory has a column %q: there is no such metric", name)
		}
	}
	var t solver.Trajectory
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the trajectory cannot be read: %w", err)
		}
		values := make([]float64, len(row))
		for i, word := range row {
			if word == "" {
				values[i] = math.NaN()
				continue
			}
			if values[i], err = strconv.ParseFloat(word, 64); err != nil {
				line, _ := in.FieldPos(i)
				return nil, fmt.Errorf("the trajectory's line %d: %q is not a number", line, word)
			}
		}
		iteration, err := strconv.Atoi(row[0])
		if err != nil {
			line, _ := in.FieldPos(0)
			return nil, fmt.Errorf("the trajectory's line %d: %q is not an iteration", line, row[0])
		}
		s := solver.NewSample(iteration)
		s.Sigma = values[len(want):]
		for i, m := range columns {
			m.Set(&s, values[1+i])
		}
		t = append(t, s)
	}
}

func readTrajectoryFile(path string) (solver.Trajectory, error) {
	if err := userfile.CheckRegular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadTrajectory(f)
}
