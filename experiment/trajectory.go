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

	"github.com/matsense/matsense/solver"
)

// csvColumn is a column of trajectory.csv.
type csvColumn struct {
	name string
	of   func(s *solver.Sample) *float64
	// some: only some kinds of runs have it, and the others no column.
	some bool
}

// csvColumns are those of trajectory.csv between iteration and sigma_1.
var csvColumns = []csvColumn{
	{"train_loss", func(s *solver.Sample) *float64 { return &s.TrainLoss }, false},
	{"test_error", func(s *solver.Sample) *float64 { return &s.TestError }, false},
	{"signal", func(s *solver.Sample) *float64 { return &s.Signal }, false},
	{"noise", func(s *solver.Sample) *float64 { return &s.Noise }, false},
	{"angle", func(s *solver.Sample) *float64 { return &s.Angle }, false},
	{"spectral_angle", func(s *solver.Sample) *float64 { return &s.SpectralAngle }, false},
	{"imbalance", func(s *solver.Sample) *float64 { return &s.Imbalance }, true},
	{"flatness", func(s *solver.Sample) *float64 { return &s.Flatness }, true},
	{"shift", func(s *solver.Sample) *float64 { return &s.Shift }, true},
	{"evaluations", func(s *solver.Sample) *float64 { return &s.Evaluations }, true},
	{"seconds", func(s *solver.Sample) *float64 { return &s.Seconds }, false},
}

// columnsWhere are csvColumns without those that only some kinds of runs have and this one has not.
func columnsWhere(there func(c csvColumn) bool) []csvColumn {
	return slices.DeleteFunc(slices.Clone(csvColumns), func(c csvColumn) bool { return c.some && !there(c) })
}

// WriteTrajectory writes a trajectory as CSV: every number in the fewest digits that give it back exactly,
// unknown numbers empty.
func WriteTrajectory(w io.Writer, t solver.Trajectory) error {
	out := bufio.NewWriter(w)
	columns := columnsWhere(func(c csvColumn) bool {
		return slices.ContainsFunc(t, func(s solver.Sample) bool { return !math.IsNaN(*c.of(&s)) })
	})
	out.WriteString("iteration")
	for _, c := range columns {
		out.WriteString("," + c.name)
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
		for _, c := range columns {
			line = appendNumber(append(line, ','), *c.of(s))
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

// ReadTrajectory reads what [WriteTrajectory] wrote.
func ReadTrajectory(r io.Reader) (solver.Trajectory, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("the trajectory has no header line: %w", err)
	}
	columns := columnsWhere(func(c csvColumn) bool { return slices.Contains(head, c.name) })
	want := []string{"iteration"}
	for _, c := range columns {
		want = append(want, c.name)
	}
	if len(head) < len(want) || !slices.Equal(head[:len(want)], want) {
		return nil, fmt.Errorf("the trajectory's columns do not begin with %s", strings.Join(want, ","))
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
		for i, c := range columns {
			*c.of(&s) = values[1+i]
		}
		t = append(t, s)
	}
}

func readTrajectoryFile(path string) (solver.Trajectory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadTrajectory(f)
}
