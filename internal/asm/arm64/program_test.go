package arm64

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncodings: every instruction that this package encodes is the one that its comment names, with
// registers and elements whose numbers have all bits set or none.
func TestEncodings(t *testing.T) {
	f := new(Program).New("f", "", "nothing.")
	for _, x := range []V{0, 31, 21} {
		for _, y := range []V{31, 0, 10} {
			for _, to := range []V{0, 31} {
				f.Negative(B16, x, to)
				f.MultiplyLow(x, y, to)
				f.MultiplyHigh(x, y, to)
				for _, a := range []Arrangement{D2, S4} {
					f.AddNumbers(a, x, y, to)
					f.SubNumbers(a, x, y, to)
					f.Divide(a, x, y, to)
					f.SquareRoot(a, x, to)
					f.FromIntegers(a, x, to)
					f.ShiftRightSigned(a, x, 1, to)
					f.ShiftRightSigned(a, x, 8<<a.size, to)
					f.Multiply(a, x, y, to)
					f.AddPairs(a, x, y, to)
					for lane := range 16 >> a.size {
						f.MultiplyAddBy(a, x, y, lane, to)
						f.MultiplyBy(a, x, y, lane, to)
					}
				}
			}
			f.LoadIndexed(X(x)%26, X(y)%26, x)
			for _, convert := range []func(from, to V){
				f.WidenLow, f.WidenHigh, f.NarrowLow, f.NarrowHigh, f.SpreadLow, f.SpreadHigh,
			} {
				convert(x, y)
			}
		}
	}
	sameAsDisassembled(t, f.lines)
}

// TestEmitted: the same of all numbers of instructions in the assembly of this project.
func TestEmitted(t *testing.T) {
	files, err := filepath.Glob("../../../*/*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly for arm64: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sameAsDisassembled(t, strings.Split(string(content), "\n"))
	}
}

// sameAsDisassembled has LLVM's disassembler read the numbers of instructions in lines of assembly.
func sameAsDisassembled(t *testing.T, lines []string) {
	t.Helper()
	const disassembler = "llvm-mc"
	if _, err := exec.LookPath(disassembler); err != nil {
		t.Skipf("skipped: %s is missing; Debian has it in the package llvm", disassembler)
	}
	var numbers, want []string
	for _, line := range lines {
		word, text, isWord := strings.Cut(strings.TrimSpace(line), " // ")
		if isWord = isWord && strings.HasPrefix(word, "WORD"); !isWord {
			continue
		}
		var number uint32
		if _, err := fmt.Sscanf(word, "WORD $0x%x", &number); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		numbers = append(numbers, fmt.Sprintf("%#x %#x %#x %#x",
			byte(number), byte(number>>8), byte(number>>16), byte(number>>24)))
		want = append(want, text)
	}
	cmd := exec.Command(disassembler, "--disassemble", "--triple=aarch64")
	cmd.Stdin = strings.NewReader(strings.Join(numbers, "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for _, line := range strings.Split(string(out), "\n") {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], ".") {
			got = append(got, strings.Join(fields, " "))
		}
	}
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d instructions are given as numbers, and the disassembler names %d", len(want), len(got))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s is %q, but the comment says %q", numbers[i], got[i], want[i])
		}
	}
}
