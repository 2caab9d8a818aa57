//go:build unix

package serve

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a file for reading and writing.
func mapFile(path string, size int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// unmap undoes mapFile.
func unmap(mapped []byte) error { return unix.Munmap(mapped) }
