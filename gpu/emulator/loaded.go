package emulator

import "sync"

// loaded keeps programs of texts that were loaded, because reading a text takes longer than many a launch.
// Devices share them: nothing changes a program's code. A module with memory of its own on the device is not
// kept, because its code has the addresses.
var loaded = struct {
	sync.Mutex
	programs map[text]loadedProgram
}{programs: map[text]loadedProgram{}}

// text is the text of a module, and the name of an entry.
type text struct{ name, ptx string }

type loadedProgram struct {
	target  int // the capability that it needs
	program program
}

// mostLoaded is how many programs are kept.
const mostLoaded = 256

// recall returns a copy of the program that keep was given for a text.
func recall(t text) (p loadedProgram, ok bool) {
	loaded.Lock()
	defer loaded.Unlock()
	p, ok = loaded.programs[t]
	return p, ok
}

// keep remembers the program of a text, unless its module has memory on the device.
func keep(t text, m *module, p *program) {
	for _, v := range m.variables {
		if spaces[v.space] != sharedSpace {
			return
		}
	}
	loaded.Lock()
	defer loaded.Unlock()
	if len(loaded.programs) == mostLoaded {
		clear(loaded.programs)
	}
	loaded.programs[t] = loadedProgram{m.target, *p}
}
