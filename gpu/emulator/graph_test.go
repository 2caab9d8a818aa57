package emulator_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// TestGraph: a replay does what the calls do, with the memory's contents of its moment, and counts as one
// operation. Traffic counts all launches.
func TestGraph(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "copies", copies)
	a, b, c := upload(t, d, sequence[uint32](64)), zeros(t, d, 256), zeros(t, d, 256)
	copying := func(from, to driver.Pointer) driver.Call {
		return driver.Call{Launch: driver.Launch{Kernel: k, Grid: line(2), Block: line(32),
			Args: []driver.Arg{driver.Ptr(from), driver.Ptr(to)}}}
	}
	calls := []driver.Call{copying(a, b), {Dst: b + 4, Value: 7, Size: 4}, copying(b, c)}
	g, err := d.Record(calls)
	must(t, err)
	calls[0].Args[0], calls[2] = driver.Ptr(c), driver.Call{} // the graph has the calls as they were
	first := func() (word [12]byte) {
		must(t, d.Download(word[:], c))
		return word
	}
	if first() != [12]byte{} {
		t.Error("Record does the calls")
	}
	must(t, d.Replay(g))
	if got := first(); got != [12]byte{4: 7, 5: 7, 6: 7, 7: 7, 8: 2} {
		t.Errorf("the replay gives % x", got)
	}
	must(t, d.Upload(a, []byte{9, 9, 9, 9}))
	d.Fail(2, driver.ErrLost)
	must(t, d.Replay(g))
	if err := d.Replay(g); !errors.Is(err, driver.ErrLost) {
		t.Errorf("the second operation: %v", err)
	}
	d.Fail(0, nil)
	if got := first(); got != [12]byte{9, 9, 9, 9, 7, 7, 7, 7, 2} {
		t.Errorf("the second replay gives % x", got)
	}
	if launches := d.Traffic("copies").Launches; launches != 4 {
		t.Errorf("%d launches were counted", launches)
	}
	other := open(t, emulator.Config{})
	must(t, d.Forget(g))
	for name, err := range map[string]error{
		"another device's graph": other.Replay(g), "a forgotten graph": d.Replay(g),
		"a graph forgotten twice": d.Forget(g), "nothing": d.Replay(nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "not this device's, or forgotten") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGraphFaults: a replay finds faults and races as launches do, and does no call after them.
func TestGraphFaults(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	race := load(t, d, "race", entry("race", ".param .u64 in, .param .u64 out", start+`
	st.global.u32 [%d1], %r0;
`))
	p := zeros(t, d, 4)
	racing := driver.Call{Launch: driver.Launch{Kernel: race, Grid: line(1), Block: line(64),
		Args: []driver.Arg{0, driver.Ptr(p)}}}
	g, err := d.Record([]driver.Call{{Dst: p, Value: 1, Size: 4}, racing, {Dst: p, Value: 2, Size: 4}})
	must(t, err)
	fault := new(emulator.Fault)
	if err := d.Replay(g); !errors.As(err, &fault) || fault.Kind != emulator.Race ||
		!strings.Contains(err.Error(), "call 2 of 3 of a graph") || errors.Is(err, driver.ErrGraph) {
		t.Errorf("the race is %v", err)
	}
	var word [4]byte
	must(t, d.Download(word[:], p))
	if word[0] == 2 {
		t.Error("the call after the race was done")
	}
	g, err = d.Record([]driver.Call{{Dst: p, Value: 1, Size: 4}})
	must(t, err)
	must(t, d.Free(p))
	if err := d.Replay(g); err == nil || !strings.Contains(err.Error(), "fill of 4 bytes") {
		t.Errorf("a fill of freed memory: %v", err)
	}
}

// TestGraphRefused: what cannot be done cannot be recorded, and a device may have no graphs.
func TestGraphRefused(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{MostCooperative: 1})
	k := load(t, d, "copies", copies)
	launch := driver.Launch{Kernel: k, Grid: line(2), Block: line(32), Args: []driver.Arg{0, 0}}
	cooperative, few, foreign := launch, launch, launch
	cooperative.Cooperative = true
	few.Args = few.Args[:1]
	foreign.Kernel = load(t, open(t, emulator.Config{}), "copies", copies)
	for name, c := range map[string]driver.Call{
		"more blocks than run at once": {Launch: cooperative},
		"an argument is missing":       {Launch: few},
		"another device's kernel":      {Launch: foreign},
		"a fill of no memory":          {Dst: 1, Size: 8},
	} {
		if _, err := d.Record([]driver.Call{{Launch: launch}, c}); !errors.Is(err, driver.ErrGraph) ||
			!strings.Contains(err.Error(), "record call 2 of 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Record(nil); err == nil {
		t.Error("no calls are recorded")
	}
	p, err := d.Alloc(4)
	must(t, err)
	must(t, d.Fill(p, 1, 4))
	d.Crowd(2)
	g, err := d.Record([]driver.Call{{Dst: p, Value: 2, Size: 4}, {Launch: cooperative}})
	must(t, err)
	d.Crowd(1)
	if err := d.Replay(g); !errors.Is(err, driver.ErrGraph) || !errors.Is(err, driver.ErrCooperative) {
		t.Errorf("a replay without room for its blocks: %v", err)
	}
	var word [4]byte
	must(t, d.Download(word[:], p))
	if word[0] != 1 {
		t.Error("a replay that was refused has done its first call")
	}
	none := open(t, emulator.Config{NoGraphs: true})
	if _, err := none.Record([]driver.Call{{}}); !errors.Is(err, driver.ErrGraph) {
		t.Errorf("a device without graphs: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
