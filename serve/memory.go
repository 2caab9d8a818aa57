package serve

import (
	"os"
	"unsafe"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// memory is a file that both programs have mapped. If the other program makes the file shorter, reading or
// writing what was cut off is a fault. For this reason the session's goroutine alone touches the memory: it
// copies the numbers to and from memory of its own, and [session.do] turns a fault into an error.
type memory struct {
	bytes []byte // as it was mapped
	data  []float64
}

// maxShared bounds the bytes of a mapped file, far above any machine's memory.
const maxShared = 1 << 46

// share maps a file of the client's.
func (s *session) share(text []byte, a *answer) error {
	var r struct {
		head
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	}
	if err := decode(text, &r); err != nil {
		return err
	}
	if r.Bytes < 8 || r.Bytes > maxShared || r.Bytes%8 != 0 {
		return config.Usagef("bytes: the size of shared memory is a multiple of 8 from 8 to %s, got %d",
			experiment.Bytes(maxShared), r.Bytes)
	}
	info, err := os.Stat(r.Path) // opening another kind of file could wait for ever
	switch {
	case err != nil:
		return config.Usagef("path: the file cannot be shared: %v", err)
	case !info.Mode().IsRegular():
		return config.Usagef("path: %s is not a file that can be mapped", r.Path)
	case info.Size() < r.Bytes:
		return config.Usagef("path: %s has %d bytes, fewer than the %d to map: make it as large first", r.Path,
			info.Size(), r.Bytes)
	}
	mapped, err := mapFile(r.Path, int(r.Bytes))
	if err != nil {
		return config.Usagef("path: %s cannot be mapped: %v", r.Path, err)
	}
	s.lastMemory++
	s.memories[s.lastMemory] = &memory{
		mapped, unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(mapped))), len(mapped)/8),
	}
	a.whole("memory", s.lastMemory)
	return nil
}

// unshare forgets a file.
func (s *session) unshare(text []byte, _ *answer) error {
	var r struct {
		head
		Memory int `json:"memory"`
	}
	if err := decode(text, &r); err != nil {
		return err
	}
	m, err := numbered(s.memories, "memory", r.Memory)
	if err != nil {
		return err
	}
	delete(s.memories, r.Memory)
	m.close()
	return nil
}

func (m *memory) close() { _ = unmap(m.bytes) } // the process ends, or the client asked: there is no cure

// isShared says whether an address is in shared memory.
func (s *session) isShared(address uintptr) bool {
	for _, m := range s.memories {
		begin := uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes)))
		if begin <= address && address < begin+uintptr(len(m.bytes)) {
			return true
		}
	}
	return false
}
