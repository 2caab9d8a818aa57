package config

import (
	"math"
	"strings"
	"testing"
)

// array writes a .npy file of a vector.
func array(t *testing.T, numbers ...float64) string {
	t.Helper()
	return arrayOf(t, []int{len(numbers)}, numbers...)
}

// TestPauliExpectations: expectations after the words, in a file of their own, and observations in their
// scale are the same problem. The scale of two qubits is √(10/4).
func TestPauliExpectations(t *testing.T) {
	e := []float64{1, -0.5, 0.25}
	want := []float64{1.5811388300841898, -0.7905694150420949, 0.39528470752104744}
	words := fileOf(t, "w.txt", "XX\nZI\nYY\n")
	for name, settings := range map[string][]string{
		"in the file": {"paulis=" + fileOf(t, "p.csv", "pauli,value\nxx,1\nzi,-0.5\n"+
			"-yy,-0.25\n")},
		"with their qubits": {"paulis=" + fileOf(t, "p.txt", "X0 X1 1\nZ0 -0.5\nY0 Y1 0.25\n")},
		"with their qubits, and n": {"paulis=" + fileOf(t, "p.txt", "X(0) @ X(1), 1\nZ(0), -0.5\n"+
			"Y(0)@Y(1),0.25\n"), "n=4"},
		"in a file of their own":  {"paulis=" + words, "expectations=" + array(t, e...)},
		"as observations, scaled": {"paulis=" + words, "observations=" + array(t, want...)},
		"Windows, with n and m said": {"paulis=" + fileOf(t, "w.txt", "XX;1\r\nZI;-.5\r\nYY;.25\r\n"), "n=4",
			"measurements=3"},
	} {
		c := configOf(t, settings...)
		if problems := problemsOf(t, c.Check()); len(problems) > 0 {
			t.Errorf("%s: %q", name, problems)
			continue
		}
		d, err := c.Load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.N != 4 || len(d.Notices) > 0 || len(d.Problem.Observations) != len(want) {
			t.Errorf("%s: n = %d, observations %v, %q", name, c.N, d.Problem.Observations, d.Notices)
			continue
		}
		for i, y := range d.Problem.Observations {
			if math.Abs(y-want[i]) > 1e-15 {
				t.Errorf("%s: observation %d is %v, want %v", name, i, y, want[i])
			}
		}
		again := c // a resolved configuration is one
		if err := again.Check(); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}

// TestPauliScale: expectations that cannot be, and observations that look like expectations, are told.
func TestPauliScale(t *testing.T) {
	words := fileOf(t, "w.txt", "XX\nZI\n")
	both := fileOf(t, "p.csv", "XX,1\nZI,0\n")
	y := array(t, 1, 0.5)
	for settings, want := range map[string]string{
		"paulis=" + words + " observations=" + y: "all observations lie between -1 and 1, as expectations " +
			"do, but an expectation of 1 is the observation 1.581 here",
		"paulis=" + words + " observations=" + array(t, 1.58, 0): "",
		"paulis=" + words + " observations=" + array(t, 0, 0):    "",
		"paulis=" + words + " expectations=" + array(t, 1.04, 0): "values of up to 1.04, " +
			"and expectations of a state lie",
		"paulis=" + words + " expectations=" + array(t, 512, 488): "--paulis: ",
		"paulis=" + fileOf(t, "p.csv", "XX,3.5\nZI,0\n"): "values of up to 3.5, " +
			"and expectations lie between -1 and 1",
		"paulis=" + words:                       "user paulis need what was measured as well",
		"paulis=" + both + " observations=" + y: "has expectations after its words: leave",
		"paulis=" + both + " expectations=" + y: "has expectations after its words: leave",
		"paulis=" + words + " observations=" + y + " expectations=" + y: "--expectations" +
			" and observations are the same",
		"paulis=" + words + " expectations=" + array(t, 1): "--expectations: paulis ",
		"expectations=" + y: "--expectations" +
			" belongs to user data, which needs paulis as well",
		"triplets=" + fileOf(t, "t.csv", "0,0,1\n") + " expectations=" + y: "--expectations" +
			" are those of user paulis, not of user triplets",
		"paulis=" + fileOf(t, "q.txt", "X1 X2,1\n"): "no word has qubit 0",
		"paulis=" + fileOf(t, "q.txt", "X1 X2,1\n") + " n=4": "a word has qubit 2, " +
			"counted from 0, of 2 qubits",
		"paulis=" + both + " n=8":                                 "--n is 8, and paulis",
		"paulis=" + fileOf(t, "m.mat", "MATLAB 5.0 MAT-file\x00"): "is a MATLAB file: convert it",
	} {
		c, told := configOf(t, strings.Fields(settings)...), ""
		if problems := problemsOf(t, c.Check()); len(problems) > 0 {
			told = strings.Join(problems, "; ")
		} else if d, err := c.Load(); err != nil {
			told = err.Error()
		} else {
			told = strings.Join(d.Notices, "; ")
		}
		if !strings.Contains(told, want) || want == "" && told != "" || strings.Count(told, "; --") > 0 {
			t.Errorf("%s: %q, want %q", settings, told, want)
		}
	}
}
