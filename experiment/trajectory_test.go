package experiment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

// odd are numbers that text loses easily.
var odd = []float64{
	math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 5e-324, 2.2250738585072014e-308,
	math.MaxFloat64,
	-math.MaxFloat64, 0.1, 1.0 / 3, math.Nextafter(1, 2), 1e-17, 123456789012345680, 1e21, -1e-7,
	2.0 / 3, 4503599627370497.5, -1e300, 1e-300,
}

// allColumns are the columns that trajectory.csv may have between iteration and sigma_1, and those of
// times.csv.
var allColumns = columnsIf(func(*solver.Metric) bool { return true })

func sampleOf(iteration int, at func(i int) float64, sigmas int) solver.Sample {
	s := solver.Sample{Iteration: iteration, Sigma: []float64{}}
	for i, m := range allColumns {
		m.Set(&s, at(i))
	}
	for i := range sigmas {
		s.Sigma = append(s.Sigma, at(len(allColumns)+i))
	}
	return s
}

func numbersOf(s solver.Sample) (all []float64) {
	for _, m := range allColumns {
		all = append(all, m.Of(&s))
	}
	return append(all, s.Sigma...)
}

// sameTrajectory compares two trajectories bit for bit; NaN equals NaN.
func sameTrajectory(t *testing.T, got, want solver.Trajectory) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range want {
		a, b := numbersOf(got[i]), numbersOf(want[i])
		if got[i].Iteration != want[i].Iteration || len(a) != len(b) {
			t.Fatalf("sample %d is %+v, want %+v", i, got[i], want[i])
		}
		for j := range b {
			if math.Float64bits(a[j]) != math.Float64bits(b[j]) && !(math.IsNaN(a[j]) && math.IsNaN(b[j])) {
				t.Errorf("number %d of sample %d is %v, want %v", j, i, a[j], b[j])
			}
		}
	}
}

func writeAndRead(t *testing.T, want solver.Trajectory) {
	t.Helper()
	var b, times bytes.Buffer
	if err := errors.Join(WriteTrajectory(&b, want), WriteTimes(&times, want)); err != nil {
		t.Fatal(err)
	}
	text := b.String() + times.String()
	got, err := ReadTrajectory(&b)
	if err := errors.Join(err, ReadTimes(&times, got)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	sameTrajectory(t, got, want)
}

func TestTrajectoryRoundTrip(t *testing.T) {
	for _, sigmas := range []int{0, 1, 3} {
		var all solver.Trajectory
		for i := range odd {
			all = append(all, sampleOf(i*1_000_000_007, func(j int) float64 { return odd[(i+j)%len(odd)] },
				sigmas))
		}
		writeAndRead(t, all)
		writeAndRead(t, all[:1])
		writeAndRead(t, nil)
	}
}

func FuzzTrajectoryRoundTrip(f *testing.F) {
	var seed []byte
	for _, v := range odd {
		seed = binary.LittleEndian.AppendUint64(seed, math.Float64bits(v))
	}
	f.Add(seed, 0, uint8(0))
	f.Add(seed, 300, uint8(2))
	f.Add(seed, math.MaxInt, uint8(9))
	f.Add(seed, math.MinInt, uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, iteration int, sigmas uint8) {
		width := len(allColumns) + int(sigmas%16)
		var want solver.Trajectory
		for ; len(raw) >= 8*width; raw = raw[8*width:] {
			want = append(want, sampleOf(iteration+len(want), func(j int) float64 {
				return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*j:]))
			}, width-len(allColumns)))
		}
		writeAndRead(t, want)
	})
}

// TestTimesApart: what differs between equal runs is not in trajectory.csv. A sample whose time times.csv
// lacks, because the process was killed between the two files, has an unknown time.
func TestTimesApart(t *testing.T) {
	samples := func(at float64) solver.Trajectory {
		s := make(solver.Trajectory, 2)
		for i := range s {
			s[i] = solver.NewSample(5 * i)
			s[i].TrainLoss, s[i].Seconds = 0.5, at+float64(i)
		}
		return s
	}
	var a, b, times bytes.Buffer
	if err := errors.Join(WriteTrajectory(&a, samples(1)), WriteTrajectory(&b, samples(2)),
		WriteTimes(&times, samples(1))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("trajectories of equal runs:\n%s%s", &a, &b)
	}
	if want := "iteration,seconds\n0,1\n5,2\n"; times.String() != want {
		t.Errorf("times %q, want %q", &times, want)
	}
	got, err := ReadTrajectory(&a)
	later := strings.NewReader("iteration,seconds\n5,2\n10,3\n")
	if err := errors.Join(err, ReadTimes(later, got)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !math.IsNaN(got[0].Seconds) || got[1].Seconds != 2 {
		t.Errorf("read %+v", got)
	}
	for text, want := range map[string]string{
		"": "no header line", "iteration\n0\n": "are not iteration,seconds",
		"iteration,seconds\n0,1\n5,x\n":   `line 3: "x" is not a number`,
		"iteration,seconds\n0\n":          "wrong number of fields",
		"iteration,seconds\n0,1\n0.5,1\n": `line 3: "0.5" is not an iteration`,
	} {
		err := ReadTimes(strings.NewReader(text), got)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestOlderTrajectory: before the first release, trajectory.csv had the seconds, and there was no times.csv.
func TestOlderTrajectory(t *testing.T) {
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, trajectoryFile), []byte("iteration,train_loss,test_error,signal,"+
		"noise,angle,spectral_angle,imbalance,seconds,sigma_1\n0,1,2,3,4,5,6,7,8,9\n"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readTrajectoryIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Seconds != 8 || got[0].Imbalance != 7 || got[0].Sigma[0] != 9 {
		t.Errorf("read %+v", got)
	}
}

// FuzzReadTrajectory reads arbitrary text. It must not panic. A trajectory that it accepts must be the same
// after it is written and read again.
func FuzzReadTrajectory(f *testing.F) {
	head := "iteration,train_loss,test_error,signal,noise,angle,spectral_angle,seconds"
	two := strings.Replace(head, ",seconds", ",imbalance,seconds", 1)
	for _, text := range []string{
		two, two + ",sigma_1\n0,1,2,3,4,5,6,7,8,9\n", two + "\n0,1,2,3,4,5,6,,8\n",
		two + "\n0,1,2,3,4,5,6,7\n",
		"", "\n", head, head + "\n", head + ",sigma_1\n0,1,2,3,4,5,6,7,8\n",
		head + "\n0,,,,,,,\n5,NaN,Inf,-Inf,-0,1e-400,0x1p-3,\n",
		head + "\n0,1\n", head + "\n0,1,2,3,4,5,6,7,8\n", head + "\nx,1,2,3,4,5,6,7\n",
		head + "\n0.5,1,2,3,4,5,6,7\n", head + "\n,,,,,,,\n",
		head + "\n0,1e999,2,3,4,5,6,7\n", head + "\n\"0\",\"1\",2,3,4,5,6,7\n", "a,b\n1,2\n",
		head + "\r\n0,1,2,3,4,5,6,7\r\n", head + "\n0,\"1,2,3,4,5,6,7\n",
		head + "\n9223372036854775808,1,2,3,4,5,6,7\n", head + "\n+7,1_0,2,3,4,5,6,7\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ReadTrajectory(bytes.NewReader(text))
		if err != nil {
			if got != nil {
				t.Errorf("an error and %d samples", len(got))
			}
			return
		}
		writeAndRead(t, got)
	})
}

func TestReadTrajectoryRefuses(t *testing.T) {
	head := "iteration,train_loss,test_error,signal,noise,angle,spectral_angle,seconds"
	for _, c := range []struct{ text, want string }{
		{"", "no header line"},
		{"iteration,loss\n", "columns do not begin with"},
		{head + ",effective_rank,sigma_1\n", `a column "effective_rank"`},
		{strings.Replace(head, "signal,noise", "noise,signal", 1) + "\n", "columns do not begin with"},
		{head + "\n0,1,2,3,4,5,6\n", "wrong number of fields"},
		{head + "\n0,1,2,3,4,5,6,7,8\n", "wrong number of fields"},
		{head + "\n0,1,2,3,4,5,6,7\n5,1,two,3,4,5,6,7\n", `line 3: "two" is not a number`},
		{head + "\n0.5,1,2,3,4,5,6,7\n", `line 2: "0.5" is not an iteration`},
		{head + "\n,1,2,3,4,5,6,7\n", `line 2: "" is not an iteration`},
		{head + "\n0,1,2,3", "wrong number of fields"}, // cut short
	} {
		got, err := ReadTrajectory(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v; want %q", c.text, got, err, c.want)
		}
	}
}

// TestTrajectoryDocs: docs/files.md lists the columns in the order in which they are written.
func TestTrajectoryDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	for title, want := range map[string][]string{
		trajectoryFile: append(headOf(columnsIf(func(m *solver.Metric) bool { return !m.Clock })), "sigma_1"),
		timesFile:      headOf(timeColumns()),
	} {
		_, section, _ := strings.Cut(string(text), "\n## "+title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var got []string
		for _, line := range strings.Split(section, "\n") {
			if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") {
				for i, word := range strings.Split(cells[1], "`") {
					if i%2 == 1 {
						got = append(got, word)
					}
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("docs/files.md, %s, has the columns\n%v, want\n%v", title, got, want)
		}
	}
}
