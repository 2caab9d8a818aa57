package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/numtest"
)

// saveArray writes a .npy file of real numbers.
func saveArray(t *testing.T, path string, shape []int, numbers []float64) string {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, shape, numbers); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.Bytes())
}

// saveComplex writes a .npy file of complex128 in C order.
func saveComplex(t *testing.T, path string, shape []int, numbers []complex128) string {
	t.Helper()
	text := fmt.Sprintf("{'descr': '<c16', 'fortran_order': False, 'shape': %s, }\n", npy.ShapeString(shape))
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(text)))
	b = append(b, text...)
	for _, z := range numbers {
		b = append(b, numtest.Encode("<f8", []float64{real(z), imag(z)})...)
	}
	return write(t, path, b)
}

// phaseRetrieval draws complex vectors a_i and u, and y_i = |a_iᴴu|².
func phaseRetrieval(m, n int) (a, u []complex128, y []float64) {
	rng := rand.New(rand.NewPCG(7, 7))
	normal := func() complex128 { return complex(rng.NormFloat64(), rng.NormFloat64()) / math.Sqrt2 }
	for range n {
		u = append(u, normal()/2)
	}
	for range m {
		var inner complex128
		for j := range n {
			a = append(a, normal())
			inner += cmplx.Conj(a[len(a)-1]) * u[j]
		}
		y = append(y, real(inner)*real(inner)+imag(inner)*imag(inner))
	}
	return a, u, y
}

// TestComplexPhaseRetrieval: uuᴴ is recovered from |a_iᴴu|². Symptom: complex vectors were refused, with the
// advice to drop their imaginary parts.
func TestComplexPhaseRetrieval(t *testing.T) {
	const m, n = 90, 5
	a, u, y := phaseRetrieval(m, n)
	temp := t.TempDir()
	data := []string{
		"--vectors", saveComplex(t, filepath.Join(temp, "a.npy"), []int{m, n}, a),
		"--observations", saveArray(t, filepath.Join(temp, "y.npy"), []int{m}, y),
		"--factor-rank", "1", "--measure-every", "100", "--step", "0.1",
	}
	run := func(name string, more ...string) string {
		out := filepath.Join(temp, name)
		must(t, exitDone, slices.Concat([]string{"run", "--out", out}, data, more)...)
		return out
	}
	whole := run("whole", "--iterations", "3000")
	w, shape := factorOf(t, whole)
	if !slices.Equal(shape, []int{2 * n, 1}) {
		t.Fatalf("the factor has the shape %v", shape)
	}
	worst := 0.0
	for i := range n {
		for j := range n {
			got := complex(w[i], w[n+i]) * complex(w[j], -w[n+j])
			worst = max(worst, cmplx.Abs(got-u[i]*cmplx.Conj(u[j])))
		}
	}
	if !(worst < 1e-9) {
		t.Errorf("an element of UUᴴ differs from the truth's by %.2g", worst)
	}

	again := filepath.Join(temp, "again")
	must(t, exitDone, "run", "--config", filepath.Join(whole, "config.yaml"), "--out", again)
	sameBits(t, again, whole)
	run("part", "--iterations", "1000")
	must(t, exitDone, "run", "--resume", "--out", filepath.Join(temp, "part"), "--iterations", "3000")
	sameBits(t, filepath.Join(temp, "part"), whole)

	here, there := run("here", "--iterations", "6"), run("there", "--iterations", "6", "--device", "emulator")
	got, _ := factorOf(t, there)
	want, _ := factorOf(t, here)
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-9*math.Abs(want[i])) { // some 10⁴ roundings, in another order
			t.Errorf("element %d is %v on the emulator and %v on the cpu", i, got[i], want[i])
		}
	}
}

// TestComplexElsewhere: complex numbers where real ones are read are refused with a way that keeps their
// imaginary parts.
func TestComplexElsewhere(t *testing.T) {
	const m, n = 20, 3
	a, u, y := phaseRetrieval(m, n)
	temp := t.TempDir()
	vectors := saveComplex(t, filepath.Join(temp, "a.npy"), []int{m, n}, a)
	observed := saveArray(t, filepath.Join(temp, "y.npy"), []int{m}, y)
	complexTruth := saveComplex(t, filepath.Join(temp, "u.npy"), []int{n, 1}, u)
	complexY := saveComplex(t, filepath.Join(temp, "yc.npy"), []int{n}, u)
	for _, c := range []struct {
		want  string
		flags []string
	}{
		{"UUᴴ", []string{"--vectors", vectors, "--observations", observed, "--truth", complexTruth}},
		{"np.concatenate",
			[]string{"--vectors", vectors, "--observations", observed, "--init", complexTruth}},
		{"psd or indefinite",
			[]string{"--vectors", vectors, "--observations", observed, "--parametrization", "uv"}},
		{"np.block", []string{"--matrices", vectors, "--observations", observed}},
		{"y.real", []string{"--vectors", vectors, "--observations", complexY}},
	} {
		r := must(t, exitUsage, append([]string{"run", "--out", filepath.Join(temp, "out")}, c.flags...)...)
		if !strings.Contains(r.err, c.want) || strings.Contains(r.err, "astype") {
			t.Errorf("%v: the message does not say %s:\n%s", c.flags, c.want, r.err)
		}
	}
}

// TestLiftedMatrices runs the lines of NumPy that messages give: Hermitian matrices are lifted to real ones,
// and a matrix M becomes the factor that --truth takes.
func TestLiftedMatrices(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import numpy").Run(); err != nil {
		t.Skipf("no Python with NumPy: %v", err)
	}
	temp := t.TempDir()
	numpy := func(script string) {
		t.Helper()
		c := exec.Command(python, "-c", "import numpy as np\n"+script)
		c.Dir = temp
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	line := func(message, from string) string {
		t.Helper()
		_, after, found := strings.Cut(message, from)
		if !found {
			t.Fatalf("no %q in %s", from, message)
		}
		text, _, _ := strings.Cut(after, "\n")
		return text
	}
	numpy(`
rng = np.random.default_rng(3)
A = rng.normal(size=(120, 4, 4)) + 1j*rng.normal(size=(120, 4, 4))
A = (A + A.conj().transpose(0, 2, 1))/2
U = rng.normal(size=(4, 1)) + 1j*rng.normal(size=(4, 1))
H = U @ U.conj().T
np.save("A.npy", A); np.save("H.npy", H)
np.save("y.npy", np.einsum("kij,ji->k", A, H).real)
X = rng.normal(size=(6, 2))
M = X @ X.T + 1e-3*np.eye(6)
B = rng.normal(size=(90, 6, 6))
np.save("M.npy", M); np.save("B.npy", B); np.save("z.npy", np.einsum("kij,ij->k", B, M))
`)
	in := func(name string) string { return filepath.Join(temp, name) }
	refused := must(t, exitUsage, "run", "--matrices", in("A.npy"), "--observations", in("y.npy"))
	numpy("A = np.load('A.npy')\n" + line(refused.err, "in NumPy: "))
	out := in("out")
	must(t, exitDone, "run", "--matrices", in("lifted.npy"), "--observations", in("y.npy"), "--factor-rank",
		"1", "--step", "0.01", "--iterations", "3000", "--measure-every", "500", "--out", out)
	numpy(`
W = np.load("out/factor.npy"); n = len(W) // 2; U = W[:n] + 1j*W[n:]
H = np.load("H.npy"); assert np.linalg.norm(U @ U.conj().T - H) < 1e-8*np.linalg.norm(H)`)

	noted := must(t, exitDone, "run", "--matrices", in("B.npy"), "--observations", in("z.npy"), "--truth",
		in("M.npy"), "--iterations", "1", "--out", in("noted"))
	numpy("M = np.load('M.npy')\n" + line(noted.err, "in NumPy: ") + "\nnp.save('X.npy', X)")
	right := must(t, exitDone, "run", "--matrices", in("B.npy"), "--observations", in("z.npy"), "--truth",
		in("X.npy"), "--iterations", "1", "--out", in("right"))
	if strings.Contains(right.err, "‖A(M*) − y‖") {
		t.Errorf("the factor of M is not the truth:\n%s", right.err)
	}
}
