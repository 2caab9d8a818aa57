package cpudriver_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestFaults: a kernel that does a forbidden thing ends with the driver's error and a message that says
// where.
func TestFaults(t *testing.T) {
	// A body begins at line 15 of its text.
	for _, c := range []struct {
		name, how, body string
		n               int
		status, said    string
	}{
		{"in bounds", "plain 1 1 0", "st.global.u32 [%a+60], %t;", 0, "0", ""},
		{"a byte past the end", "plain 1 1 0", "st.global.u8 [%a+64], %t;", 0, "700",
			"line 15: write of 1 bytes at 0x7f0000000040, out of bounds: " +
				"0 bytes past the end of an allocation of 64 bytes; " +
				"block 0,0,0 thread 0,0,0 (launch 1, seed 1)"},
		{"a byte before",
			"plain 1 1 0", "ld.global.u8 %x, [%a+-1];", 0, "700", "1 bytes before an allocation of 64 bytes"},
		{"null", "plain 1 1 0",
			"mov.u64 %a, 0;\nld.global.u32 %x, [%a];", 0, "700", "line 16: read of 4 bytes at 0x0"},
		{"half outside", "plain 1 1 0",
			"add.u64 %a, %a, 48;\nld.global.v2.u64 {%v, %w}, [%a+16];", 0, "700", "read of 16 bytes"},
		{"misaligned", "plain 1 1 0", "ld.global.u32 %x, [%a+2];", 0, "716", "which is not aligned"},
		{"misaligned vector",
			"plain 1 1 0", "ld.global.v2.u32 {%x, %y}, [%a+4];", 0, "716", "which is not aligned"},
		{"thread and block", "plain 3 64 0",
			"mov.u32 %x, %ctaid.x;\nmad.lo.u32 %x, %x, 64, %t;\nsetp.eq.u32 %p, %x, 141;\n" +
				"@%p st.global.u8 [%a+64], %t;", 0, "700", "block 2,0,0 thread 13,0,0"},
		{"last byte of shared memory",
			"plain 1 1 100", "mov.u32 %x, dynamic;\nst.shared.u8 [%x+99], %t;", 0, "0", ""},
		{"past shared memory", "plain 1 1 100", "mov.u32 %x, dynamic;\nst.shared.u8 [%x+100], %t;",
			0, "700", "write of 1 bytes at byte 100 of the 100 bytes of shared memory"},
		{"before shared memory",
			"plain 1 1 100", "mov.u32 %x, dynamic;\nld.shared.u8 %x, [%x+-1];", 0, "700", "at byte -1 of"},
		{"divergent barrier", "plain 1 64 0",
			"setp.eq.u32 %p, %t, 3;\n@%p bra O;\nbar.sync 0;\nret;\nO: bar.sync 0;", 0, "719",
			"divergent barrier"},
		{"exit before a barrier", "plain 1 64 0", "setp.eq.u32 %p, %t, 3;\n@%p ret;\nbar.sync 0;",
			0, "719", "divergent barrier: lane 3 of its warp has exited"},
		{"a whole warp may exit",
			"plain 1 64 0", "setp.lt.u32 %p, %t, 32;\n@%p ret;\nbar.sync 0;", 0, "0", ""},
		{"warps may meet at different barriers' places", "plain 1 64 0",
			"setp.lt.u32 %p, %t, 32;\n@%p bra O;\nbar.sync 0;\nret;\nO: bar.sync 0;", 0, "0", ""},
		{"barriers of different numbers", "plain 1 64 0",
			"setp.lt.u32 %p, %t, 32;\n@%p bra O;\nbar.sync 0;\nret;\nO: bar.sync 1;", 0, "719",
			"while others wait at barrier"},
		{"exited lane", "plain 1 32 0",
			"setp.eq.u32 %p, %t, 3;\n@%p ret;\nbar.warp.sync 0xffffffff;", 0, "719", "which ha"},
		{"lane that is not",
			"plain 1 31 0", "bar.warp.sync 0xffffffff;", 0, "719", "waits for lanes 0x80000000"},
		{"different places", "plain 1 32 0",
			"setp.eq.u32 %p, %t, 3;\n@%p bra O;\nbar.warp.sync 0xffffffff;\nret;\n" +
				"O: bar.warp.sync 0xffffffff;", 0, "719", "wait for each other at different places"},
		{"mask without the lane",
			"plain 1 32 0", "bar.warp.sync 1;", 0, "719", "lacks the lane that runs the instruction"},
		{"shuffle from outside the mask",
			"plain 1 4 0", "shfl.sync.bfly.b32 %x, %t, 4, 31, 15;", 0, "719", "shfl reads lane"},
		{"deadlock of a barrier and a warp", "plain 1 32 0",
			"setp.eq.u32 %p, %t, 3;\n@%p bra O;\nbar.warp.sync 0xffffffff;\nret;\nO: bar.sync 0;", 0, "702",
			"deadlock: nobody can go on; threads wait: 31 at line 17, 1 at line 19"},
		{"deadlock of a flag", "plain 1 1 0",
			"L: ld.volatile.global.u32 %x, [%a];\nsetp.eq.u32 %p, %x, 0;\n@%p bra L;", 0, "702",
			"deadlock: no thread writes"},
		{"copy without a wait", "plain 1 1 64",
			"mov.u32 %x, dynamic;\ncp.async.cg.shared.global [%x], [%a], 16;", 0, "719",
			"line 16: the thread exits without waiting for this copy"},
		{"copy of nothing without a wait",
			"plain 1 1 64", "mov.u32 %x, dynamic;\ncp.async.cg.shared.global [%x], [%a], 16, 0;", 0, "0", ""},
		{"copy from outside", "plain 1 1 64",
			"mov.u32 %x, dynamic;\ncp.async.cg.shared.global [%x], [%a+64], 16;", 0, "700",
			"asynchronous read"},
		{"trap", "plain 1 1 0", "trap;", 0, "719", "line 15: trap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, said := launched(t, c.how, c.body, c.n)
			if status != c.status || !strings.Contains(said, c.said) || (c.said == "") != (said == "") {
				t.Errorf("the answer is %s, want %s; it said %q, want %q", status, c.status, said, c.said)
			}
		})
	}
}

// TestFreed: freed memory cannot be read, and a lost device stays lost.
func TestFreed(t *testing.T) {
	answers, said := ask(t, entry("ld.global.u32 %x, [%b+4];"),
		"entry k\nalloc 64\nalloc 64\nfree 1\nalloc 64\nlaunch plain 1 1 0 @0+0 @1+0 0\nsync\nalloc 8\n")
	if answers[7] != "700" || answers[8] != "700" ||
		!strings.Contains(said, "4 bytes into memory that was freed") {
		t.Errorf("%v, %s", answers, said)
	}
}

// TestPoison: memory that nothing has written holds no number that a kernel could mistake for a valid one.
func TestPoison(t *testing.T) {
	_, first, _ := launched(t, "plain 1 1 16", "mov.u32 %x, dynamic;\nld.shared.u32 %y, [%x];\n"+
		"st.global.u32 [%a], %y;\nst.global.u32 [%a+4], %z;\nst.global.f64 [%a+8], %f;", 0)
	if want := strings.Repeat("a5a5f7ff", 4); first[:32] != want {
		t.Errorf("%s, want %s", first[:32], want)
	}
	answers, _ := ask(t, entry(""), "alloc 7\nget 0 7\n")
	if answers[2] != "0 a5a5f7ffa5a5a5" {
		t.Errorf("a new allocation holds %s", answers[2])
	}
}

// torn: one block writes a 64-bit number in two halves; another block reads it whole as soon as it is not
// zero.
const torn = `mov.u32 %x, %ctaid.x;
setp.eq.u32 %p, %x, 0;
@%p bra WRITE;
L: ld.volatile.global.u64 %v, [%b];
setp.eq.s64 %p, %v, 0;
@%p bra L;
st.global.u64 [%a], %v;
ret;
WRITE:
st.volatile.global.u32 [%b], 1;
st.volatile.global.u32 [%b+4], 2;`

// TestInterleaving: with some seeds another block runs between the two halves of a flag; a seed always gives
// the same order.
func TestInterleaving(t *testing.T) {
	seen := map[string]int{}
	for seed := range 64 {
		environment := fmt.Sprint("CPUDRIVER_SEED=", seed)
		status, first, said := launched(t, "cooperative 2 1 0", torn, 0, environment)
		if status != "0" {
			t.Fatal(said)
		}
		_, again, _ := launched(t, "cooperative 2 1 0", torn, 0, environment)
		if again != first {
			t.Errorf("seed %d gives %s and %s", seed, first, again)
		}
		seen[first[:16]]++
	}
	if seen["0100000002000000"] == 0 || seen["0100000000000000"] == 0 || len(seen) != 2 {
		t.Errorf("the other block saw %v", seen)
	}
}

// TestCopies: a read before the wait shows whether the copy has happened.
func TestCopies(t *testing.T) {
	const body = "mov.u32 %x, dynamic;\nst.shared.u32 [%x], 7;\ncp.async.cg.shared.global [%x], [%b], 16;\n" +
		"cp.async.commit_group;\n" +
		"ld.shared.u32 %y, [%x];\nst.global.u32 [%a], %y;\n" + // too early
		"cp.async.wait_group 0;\nld.shared.u32 %y, [%x];\nst.global.u32 [%a+4], %y;"
	for copies, want := range map[string]string{"late": "0700000000000000", "early": "0000000000000000"} {
		_, first, _ := launched(t, "plain 1 1 64", body, 0, "CPUDRIVER_COPIES="+copies)
		if first[:16] != want {
			t.Errorf("%s: %s, want %s", copies, first[:16], want)
		}
	}
	// wait_group 1 does not wait for the last of two groups.
	const two = "mov.u32 %x, dynamic;\nst.shared.u32 [%x], 7;\nst.shared.u32 [%x+16], 7;\n" +
		"cp.async.cg.shared.global [%x], [%b], 16;\n" +
		"cp.async.commit_group;\ncp.async.cg.shared.global [%x+16], [%b], 16, 0;\ncp.async.commit_group;\n" +
		"cp.async.wait_group 1;\n" +
		"ld.shared.u32 %y, [%x];\nst.global.u32 [%a], %y;\nld.shared.u32 %y, [%x+16];\n" +
		"st.global.u32 [%a+4], %y;\ncp.async.wait_all;"
	if _, first, _ := launched(t, "plain 1 1 64", two, 0); first[:16] != "0000000007000000" {
		t.Errorf("after wait_group 1: %s", first[:16])
	}
}

// TestSettings: each failure that a setting asks for happens.
func TestSettings(t *testing.T) {
	const loop = "mov.u32 %x, 0;\nL: add.u32 %x, %x, 1;\nsetp.lt.u32 %p, %x, 1000;\n@%p bra L;"
	for _, c := range []struct{ environment, launch, sync string }{
		{"CPUDRIVER_LAUNCH=701", "701", "0"},
		{"CPUDRIVER_COOPERATIVE=801", "801", "0"},
		{"CPUDRIVER_COOPERATIVE=1:801", "0", "0"},
		{"CPUDRIVER_COOPERATIVE=1:801,0:720", "720", "0"},
		{"CPUDRIVER_KERNEL=719", "0", "719"},
		{"CPUDRIVER_KERNEL=719 CPUDRIVER_KERNEL_AFTER=1", "0", "0"},
		{"CPUDRIVER_KERNEL=719 CPUDRIVER_KERNEL_AFTER=1:1", "0", "719"},
		{"CPUDRIVER_WATCHDOG_WORK=2000", "0", "702"},
		{"CPUDRIVER_WATCHDOG_WORK=20000", "0", "0"},
		{"CPUDRIVER_MULTIPROCESSORS=0", "720", "0"},
	} {
		answers, _ := ask(t, entry(loop), "entry k\nlaunch cooperative 1 1 0 0 0 0\nsync\n",
			strings.Fields(c.environment)...)
		if answers[2] != c.launch || answers[3] != c.sync {
			t.Errorf("%s: launch %s, want %s; sync %s, want %s",
				c.environment, answers[2], c.launch, answers[3], c.sync)
		}
	}
	answers, _ := ask(t, entry(""), "alloc 8\nalloc 8\nalloc 8\n", "CPUDRIVER_ALLOCATIONS=2")
	if strings.Join(answers[1:], " ") != "0 0 2" {
		t.Errorf("three allocations where there is room for two: %v", answers[1:])
	}
}
