package emulator

import (
	"math"
	"strconv"
	"testing"
)

// A constant is written in many ways.
func TestConstants(t *testing.T) {
	for text, want := range map[string]uint64{
		"12": 12, "0x1f": 31, "0X1FU": 31, "017": 15, "0b101": 5, "12U": 12,
		"-1": math.MaxUint64, "- -2": 2, "WARP_SZ": 32,
		"2+3*4": 14, "(2+3)*4": 20, "7-2-1": 4, "-(2+3)": math.MaxUint64 - 4, "WARP_SZ*4-1": 127,
	} {
		m, fault := parse(".version 7.0 .target sm_70 .address_size 64 .global .u64 x = " + text + ";")
		if fault != nil {
			t.Errorf("%s: %v", text, fault)
			continue
		}
		v := m.variables[0]
		r := region{data: v.initial}
		if got := get(r.data, 0, 8); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

// A syntax error names its line.
func TestSyntax(t *testing.T) {
	const head = ".version 7.0\n.target sm_70\n.address_size 64\n"
	for text, want := range map[string]Fault{
		"":                          {Kind: Syntax, Line: 1},
		".version 7.0\n.target x":   {Kind: Unknown, Line: 2},
		head + ".func f() { ret; }": {Kind: Unknown, Line: 4},
		head + ".entry k()\n{":      {Kind: Syntax, Line: 5},
		head + ".entry k()\n{ /* }": {Kind: Syntax, Line: 5},
		head + ".entry k()\n{ .reg .b32 %r;\n.reg .b32 %r; }":          {Kind: Syntax, Line: 6},
		head + ".entry k()\n{ .reg .b32 %r;\nmov.b32 %r, %q; }":        {Kind: Syntax, Line: 6},
		head + ".entry k()\n{\nbra nowhere; }":                         {Kind: Syntax, Line: 6},
		head + ".entry k()\n{ { inner: }\nbra inner; }":                {Kind: Syntax, Line: 6},
		head + ".entry k()\n{ .reg .pred %p;\n@!%q ret; }":             {Kind: Syntax, Line: 6},
		head + ".entry k()\n{ .reg .b32 %r; mov.b32 %r,\n0x1g; }":      {Kind: Syntax, Line: 6},
		head + ".shared .b8 a[4] = {1, 2};\n.entry k() { ret; }":       {Kind: Syntax, Line: 4},
		head + ".const .b8 a[2] = {1, 2, 3};\n.entry k() { ret; }":     {Kind: Syntax, Line: 4},
		head + ".entry k(.param .b8 a[16])\n{ ret; }":                  {Kind: Unknown, Line: 4},
		head + ".entry k()\n{ .reg .b32 %r<99999999>; }":               {Kind: Unknown, Line: 5},
		head + ".entry k()\n{ .reg .b32 %r;\n mov.b32 %r, \"text\"; }": {Kind: Syntax, Line: 6},
	} {
		_, fault := parse(text)
		if fault == nil || fault.Kind != want.Kind || fault.Line != want.Line {
			t.Errorf("%q: %+v, want %v at line %d", text, fault, want.Kind, want.Line)
		}
	}
}

// Drivers of CUDA 12.8 to 13.3 refuse a text for one character beyond ASCII in a comment. The device does
// too, with the same message.
func TestOnlyASCII(t *testing.T) {
	const head = ".version 7.0\n.target sm_70\n.address_size 64\n"
	for text, line := range map[string]string{
		"// π\n" + head + ".entry k() { ret; }":           "1",
		head + "/* a\n·b */ .entry k() { ret; }":          "5",
		head + ".entry k()\n{\nret; // res_i = p_i − y_i": "6",
		head + ".entry k() { ret; }\n\xff":                "5",
	} {
		_, fault := parse(text)
		want := "Unexpected non-ASCII character encountered on line " + line
		if fault == nil || fault.Kind != Syntax || strconv.Itoa(fault.Line) != line || fault.Text != want {
			t.Errorf("%q: %+v, want %q", text, fault, want)
		}
	}
	if _, fault := parse(head + "// pi \t\r\x7f\n.entry k() { ret; }"); fault != nil {
		t.Errorf("ASCII: %v", fault)
	}
}

// An ordinary launch runs every block once.
func TestStride(t *testing.T) {
	for n := 1; n < 500; n++ {
		seen := make([]bool, n)
		for i, at := 0, n/2; i < n; i++ {
			if seen[at] {
				t.Fatalf("of %d blocks, %d is run twice", n, at)
			}
			seen[at] = true
			at = (at + stride(n)) % n
		}
	}
}
