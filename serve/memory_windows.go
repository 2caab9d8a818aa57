package serve

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapFile maps a file for reading and writing.
func mapFile(path string, size int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	high, low := uint32(uint64(size)>>32), uint32(size)
	mapping, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READWRITE, high, low, nil)
	if err != nil {
		return nil, err
	}
	address, err := windows.MapViewOfFile(mapping, windows.FILE_MAP_WRITE, 0, 0, uintptr(size))
	if err := errors.Join(err, windows.CloseHandle(mapping)); err != nil {
		return nil, err
	}
	// The address is of memory outside of Go's heap, which the collector does not move.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), size), nil
}

// unmap undoes mapFile.
func unmap(mapped []byte) error {
	return windows.UnmapViewOfFile(uintptr(unsafe.Pointer(unsafe.SliceData(mapped))))
}
