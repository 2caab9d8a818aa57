package emulator_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// FuzzLoad: for every text, Load does not panic. If it refuses the text, it names one of its lines; if it
// accepts the text, it accepts it a second time too.
func FuzzLoad(f *testing.F) {
	f.Add("")
	f.Add(head)
	f.Add(copies)
	f.Add(strings.Replace(entry("copies", "", ""), ".visible",
		".const .align 4 .u32 a[2][2] = {{1, 2}, {3}};\n.extern .shared .align 16 .b8 b[];\n.visible", 1))
	f.Add(entry("copies", ".param .u64 in, .param .u64 out, .param .u32 tiles",
		pipeline("cp.async.wait_group 1;", "bar.sync 0;", "bar.sync 0;")))
	combined := "setp.lt.and.u32 %d|%e, %a, %b, !%c;"
	f.Add(operation{combined, kinds("pred", "pred"), kinds("u32", "u32", "pred")}.ptx())
	f.Add(strings.Replace(copies, "%d", "%", 3))
	f.Add(strings.Replace(copies, ";", "", 1))
	f.Add(strings.ReplaceAll(copies, "<10>", "<4294967295>"))
	f.Add(strings.ReplaceAll(copies, "<10>", "<-1>"))
	f.Add(entry("copies", "", "\t.shared .b8 a[4611686018427387904];\n\t.local .b64 b[2305843009213693951];"))
	f.Add(entry("copies", "",
		"\tld.global.v4.f32 {}, [];\n\tmov.b64 {%r0}, {%r1,};\n\t@!! bra ;\n\tmov.u32 %r0, 0x;"))
	f.Add(entry("copies", ".param .align 3 .b8 x[], .param .u64", "{{{{"))
	f.Add("/* \x00\xff */ .version 99999999999999999999.7\n.target sm_\n")
	// No nesting is deep enough to overflow the parser's stack.
	const deep = 300000
	f.Add(entry("copies", "", strings.Repeat("{", deep)+strings.Repeat("}", deep)))
	f.Add(entry("copies", "", "\tmov.u32 %r0, "+strings.Repeat("(", deep)+"1"+strings.Repeat(")", deep)+";"))
	f.Add(head + ".global .u32 few[1] = " + strings.Repeat("{", deep) + ";\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := emulator.New(emulator.Config{Memory: 1 << 20})
		defer d.Close()
		for range 2 {
			_, err := d.Load("copies", text)
			var fault *emulator.Fault
			if !errors.As(err, &fault) {
				continue
			}
			if lines := strings.Count(text, "\n") + 1; fault.Line < 0 || fault.Line > lines {
				t.Errorf("line %d of %d is at fault", fault.Line, lines)
			}
			if fault.Kind != emulator.Syntax && fault.Kind != emulator.Unknown &&
				fault.Kind != emulator.Memory {
				t.Errorf("a text is at fault for %v", fault.Kind)
			}
		}
	})
}

// FuzzLaunch: a kernel of arbitrary instructions ends, normally or with a fault of a launch, and without a
// panic.
func FuzzLaunch(f *testing.F) {
	f.Add(tile)
	f.Add(lastBlock)
	f.Add(pipeline("cp.async.wait_group 1;", "bar.sync 0;", ""))
	f.Add("\tshfl.sync.down.b32 %r4|%p0, %r0, 1, 31, 0xffffffff;\n\tbfe.s64 %d5, %d0, %r1, %r2;\n" +
		"\tatom.global.cas.b64 %d6, [%d1], %d0, %d2;")
	f.Add("\tdiv.rn.f64 %g0, 1.0, 3.0;\n\trem.u64 %d7, %d0, %d2;\n\tbar.sync 1, 32;\n" +
		"\tcvt.rni.s8.f64 %r3, %g0;\n\tbra end;\nend:")
	f.Fuzz(func(t *testing.T, body string) {
		d := emulator.New(emulator.Config{Memory: 1 << 20, Steps: 500})
		defer d.Close()
		params := ".param .u64 in, .param .u64 out, .param .u32 tiles"
		k, err := d.Load("kernel", entry("kernel", params, start+body))
		if err != nil {
			return
		}
		in, out := zeros(t, d, 4096), zeros(t, d, 4096)
		for _, cooperative := range []bool{false, true} {
			err := d.Launch(driver.Launch{
				Kernel: k, Grid: line(2), Block: line(40), Shared: 256, Cooperative: cooperative,
				Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(2)},
			})
			var fault *emulator.Fault
			if errors.As(err, &fault) && (fault.Kind == emulator.Syntax || fault.Kind == emulator.Unknown) {
				t.Errorf("a launch is at fault for %v", fault.Kind)
			}
		}
	})
}
