package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/npy"
)

// talk sends lines of commands to the server and returns its answers.
func talk(t *testing.T, lines ...string) []answer {
	t.Helper()
	var out bytes.Buffer
	if err := serve(strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatal(err)
	}
	var answers []answer
	for d := json.NewDecoder(&out); d.More(); {
		var a answer
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(lines) {
		t.Fatalf("%d commands got %d answers", len(lines), len(answers))
	}
	return answers
}

const (
	testN, testM, testR, testMembers = 6, 70, 4, 3
	testRows                         = 11 // 70 rows in pieces of 11: the last piece is smaller
)

func prepareLine(name, entries, storage, precision string) string {
	format := `{"do":"prepare","name":%q,"entries":%q,"storage":%q,"precision":%q,` +
		`"n":%d,"m":%d,"factor_rank":%d,"members":%d}`
	return fmt.Sprintf(format, name, entries, storage, precision, testN, testM, testR, testMembers)
}

// TestGradient: for every number format, the gradients that the program writes equal those that plain loops
// compute from the rows, observations and iterates that the program writes.
func TestGradient(t *testing.T) {
	for _, c := range []struct {
		entries, storage, precision string
		bytes                       float64
		tolerance                   float64
	}{
		{"f64", "memory", "f64", 8 * 21 * testM, 1e-13},
		{"f32", "memory", "f64", 4 * 21 * testM, 1e-13},
		{"bf16", "memory", "f64", 2 * 21 * testM, 1e-13},
		{"q8", "memory", "f64", 21 * testM, 1e-13},
		{"sign", "memory", "f64", 21 * testM / 8.0, 1e-13},
		{"q8", "generated", "f64", 0, 1e-13},
		{"sign", "generated", "f32", 0, 1e-5},
	} {
		t.Run(c.entries+"/"+c.storage+"/"+c.precision, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name string) string { return filepath.Join(dir, name) }
			lines := []string{
				prepareLine("a", c.entries, c.storage, c.precision),
				fmt.Sprintf(`{"do":"factors","name":"a","path":%q}`, file("U.npy")),
				fmt.Sprintf(`{"do":"observations","name":"a","path":%q}`, file("y.npy")),
				fmt.Sprintf(`{"do":"gradient","name":"a","members":%d,"path":%q}`,
					testMembers, file("G.npy")),
				`{"do":"time","name":"a","members":1,"rounds":4}`,
			}
			for from := 0; from < testM; from += testRows {
				lines = append(lines, fmt.Sprintf(`{"do":"rows","name":"a","from":%d,"to":%d,"path":%q}`,
					from, min(from+testRows, testM), file(fmt.Sprintf("rows%d.npy", from))))
			}
			answers := talk(t, lines...)
			for i, a := range answers {
				if a.Error != "" || a.Refused != "" {
					t.Fatalf("%s: %+v", lines[i], a)
				}
			}
			if answers[0].Bytes != c.bytes {
				t.Errorf("a gradient reads %v bytes, want %v", answers[0].Bytes, c.bytes)
			}
			if s := answers[4].Seconds; len(s) != 4 || !(s[0] > 0 && s[3] > 0) {
				t.Errorf("the times are %v", s)
			}
			var rows []float64
			for from := 0; from < testM; from += testRows {
				path := file(fmt.Sprintf("rows%d.npy", from))
				rows = append(rows, load(t, path, min(testRows, testM-from), 21)...)
			}
			y, u := load(t, file("y.npy"), testM), load(t, file("U.npy"), testMembers, testN, testR)
			want := plainGradients(rows, y, u)
			if d := distance(load(t, file("G.npy"), testMembers, testN, testR), want); !(d <= c.tolerance) {
				t.Errorf("the gradients are off by %.2g", d)
			}
		})
	}
}

// load reads an array and checks its shape.
func load(t *testing.T, path string, shape ...int) []float64 {
	t.Helper()
	a, err := npy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint([]int(a.Shape())) != fmt.Sprint(shape) {
		t.Fatalf("%s has the shape %v, want %v", path, a.Shape(), shape)
	}
	return a.Data().([]float64)
}

// plainGradients are 1/m Σ (⟨A_i, UUᵀ⟩ − y_i)·A_i·U, member after member, with the A_i as matrices.
func plainGradients(rows, y, u []float64) []float64 {
	gradients := make([]float64, len(u))
	for at := 0; at < len(u); at += testN * testR {
		u, g := u[at:at+testN*testR], gradients[at:at+testN*testR]
		for i, observed := range y {
			a := symmetric(rows[21*i : 21*i+21])
			residual := -observed
			for j := range a {
				for k := range a[j] {
					for l := range testR {
						residual += a[j][k] * u[j*testR+l] * u[k*testR+l]
					}
				}
			}
			for j := range a {
				for k := range a[j] {
					for l := range testR {
						g[j*testR+l] += residual * a[j][k] * u[k*testR+l] / testM
					}
				}
			}
		}
	}
	return gradients
}

// symmetric returns the matrix with the svec coordinates v.
func symmetric(v []float64) (a [testN][testN]float64) {
	at := 0
	for j := range a {
		a[j][j] = v[at]
		at++
		for k := j + 1; k < testN; k++ {
			a[j][k] = v[at] / math.Sqrt2
			a[k][j] = a[j][k]
			at++
		}
	}
	return a
}

// distance returns ‖a − b‖ / ‖b‖.
func distance(a, b []float64) float64 {
	var difference, size float64
	for i := range b {
		difference += (a[i] - b[i]) * (a[i] - b[i])
		size += b[i] * b[i]
	}
	return math.Sqrt(difference / size)
}

// TestSharedRows: engines of both arithmetics share rows in memory, and the release of the last one frees
// them.
func TestSharedRows(t *testing.T) {
	s := newServer()
	do := func(line string) {
		t.Helper()
		var c command
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if a, err := s.do(c); err != nil || a.Refused != "" {
			t.Fatal(a, err)
		}
	}
	for i, line := range []string{
		prepareLine("a", "f32", "memory", "f64"), prepareLine("b", "f32", "memory", "f32"),
		`{"do":"release","name":"a"}`, `{"do":"time","name":"b","members":3,"rounds":1}`,
		`{"do":"release","name":"b"}`,
	} {
		do(line)
		if want := min(1, 4-i); len(s.stored) != want {
			t.Errorf("after %s there are %d sets of rows, want %d", line, len(s.stored), want)
		}
	}
}

func TestMachine(t *testing.T) {
	answers := talk(t, `{"do":"machine"}`, `{"do":"memory"}`)
	if a := answers[0]; a.Error != "" || a.AvailableBytes <= 0 || a.Device == "" || a.Go == "" {
		t.Errorf("the machine is %+v", a)
	}
	if a := answers[1]; a.Error != "" || !(a.PeakBytes > 1e6) {
		t.Errorf("the peak of memory is %+v", a)
	}
}

// TestRefusals: an arithmetic that the backend does not have is refused. A command that makes no sense is an
// error, after which the program continues.
func TestRefusals(t *testing.T) {
	answers := talk(t,
		prepareLine("a", "f32", "memory", "f16"),
		`{"do":"time","name":"a","members":1,"rounds":1}`,
		prepareLine("a", "f31", "memory", "f64"),
		prepareLine("a", "f32", "shelf", "f64"),
		prepareLine("a", "sign", "memory", "f64"),
		prepareLine("a", "sign", "memory", "f64"),
		`{"do":"time","name":"a","members":4,"rounds":1}`,
		`{"do":"rows","name":"a","from":60,"to":71,"path":"x"}`,
		`{"do":"dance","name":"a"}`,
		`not JSON`,
		`{"do":"time","name":"a","members":1,"rounds":1}`,
	)
	if a := answers[0]; !strings.Contains(a.Refused, "f16") || a.Error != "" {
		t.Errorf("an arithmetic that is not there was answered with %+v", a)
	}
	for i, want := range map[int]string{
		1: `nothing was prepared as "a"`, 2: "f31", 3: "shelf",
		5: "prepared already", 6: "members go from 1 to 3, got 4",
		7: "rows go from 0 to 70, got 60 to 71", 8: "dance", 9: "invalid character",
	} {
		if !strings.Contains(answers[i].Error, want) {
			t.Errorf("answer %d is %q, want %q in it", i, answers[i].Error, want)
		}
	}
	for _, i := range []int{4, 10} {
		if answers[i].Error != "" || answers[i].Refused != "" {
			t.Errorf("answer %d is %+v", i, answers[i])
		}
	}
}
