package experiment

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/matsense/matsense/solver"
)

// columnNames are the columns of trajectory.csv before sigma_1 and so on.
var columnNames = []string{"iteration", "train_loss", "test_error", "signal", "noise", "angle", "spectral_angle", "seconds"}

// WriteTrajectory writes a trajectory as CSV: every number in the fewest digits that give it back exactly, unknown
// numbers empty.
func WriteTrajectory(w io.Writer, t solver.Trajectory) error {
	out := bufio.NewWriter(w)
	out.WriteString(strings.Join(columnNames, ","))
	sigmas := 0
	for _, s := range t {
		sigmas = max(sigmas, len(s.Sigma))
	}
	for i := range sigmas {
		fmt.Fprintf(out, ",sigma_%d", i+1)
	}
	out.WriteByte('\n')
	var line []byte
	for _, s := range t {
		line = strconv.AppendInt(line[:0], int64(s.Iteration), 10)
		for _, v := range []float64{s.TrainLoss, s.TestError, s.Signal, s.Noise, s.Angle, s.SpectralAngle, s.Seconds} {
			line = appendNumber(append(line, ','), v)
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
	if len(head) < len(columnNames) || strings.Join(head[:len(columnNames)], ",") != strings.Join(columnNames, ",") {
		return nil, fmt.Errorf("the trajectory's columns do not begin with %s", strings.Join(columnNames, ","))
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
		t = append(t, solver.Sample{
			Iteration: iteration, TrainLoss: values[1], TestError: values[2], Signal: values[3], Noise: values[4],
			Angle: values[5], SpectralAngle: values[6], Seconds: values[7], Sigma: values[8:],
		})
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
