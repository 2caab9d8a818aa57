//go:build cuda

// Package libcuda stands between gorgonia.org/cu and NVIDIA's driver. A program that imports it starts
// without a driver, and opens libcuda.so.1 at the first call of one of its functions; see load.c. The package
// also has the few functions of the driver that cu lacks. A status is the driver's CUresult: 0 means success.
package libcuda

/*
#cgo CFLAGS: -I/usr/local/cuda/include -I/opt/cuda/include
#cgo LDFLAGS: -L${SRCDIR} -Wl,--as-needed -ldl
#cgo noescape libcuda_launch
#cgo noescape libcuda_copy_peer
#include "libcuda.h"
*/
import "C"

import (
	"unsafe"

	"github.com/matsense/matsense/gpu/driver"
)

// Load opens the driver's library and initializes the driver, once. problem is the loader's message if the
// library could not be opened, and status the driver's result.
func Load() (problem string, status int) {
	problem = C.GoString(C.libcuda_load())
	return problem, int(C.libcuda_status())
}

// Describe returns the driver's name and sentence for a status, both empty if the driver does not know it.
func Describe(status int) (name, text string) {
	var cName, cText *C.char
	C.libcuda_describe(C.CUresult(status), &cName, &cText)
	return C.GoString(cName), C.GoString(cText)
}

// Free returns how many bytes of a GPU are free, from NVIDIA's management library, which opens no GPU. It is
// −1 if the library is missing or does not know.
func Free(device int) int64 { return int64(C.libcuda_free(C.CUdevice(device))) }

// Launch starts a kernel; function is the driver's handle of it. It returns a status.
func Launch(context, function, stream unsafe.Pointer, l driver.Launch) int {
	cooperative := C.int(0)
	if l.Cooperative {
		cooperative = 1
	}
	// An Arg has 8 bytes, the size of the slot that C expects.
	args := (*C.ulonglong)(unsafe.Pointer(unsafe.SliceData(l.Args)))
	return int(C.libcuda_launch(C.CUcontext(context), C.CUfunction(function), C.CUstream(stream),
		C.uint(l.Grid[0]), C.uint(l.Grid[1]), C.uint(l.Grid[2]),
		C.uint(l.Block[0]), C.uint(l.Block[1]), C.uint(l.Block[2]),
		C.uint(l.Shared), cooperative, args, C.int(len(l.Args))))
}

// AllowShared permits a kernel's blocks to use so many bytes of dynamic shared memory. It returns a status.
func AllowShared(context, function unsafe.Pointer, bytes int) int {
	return int(C.libcuda_allow_shared(C.CUcontext(context), C.CUfunction(function), C.int(bytes)))
}

// BeginGraph makes a stream record what is put into it, in place of doing it. It returns a status.
func BeginGraph(context, stream unsafe.Pointer) int {
	return int(C.libcuda_begin_graph(C.CUcontext(context), C.CUstream(stream)))
}

// EndGraph ends that. It returns the recorded graph, ready to be replayed, if keep is true, and a status.
func EndGraph(context, stream unsafe.Pointer, keep bool) (graph unsafe.Pointer, status int) {
	var made C.CUgraphExec
	into := &made
	if !keep {
		into = nil
	}
	status = int(C.libcuda_end_graph(C.CUcontext(context), C.CUstream(stream), into))
	return unsafe.Pointer(made), status
}

// Replay puts all that a graph recorded into a stream. It returns a status.
func Replay(context, graph, stream unsafe.Pointer) int {
	return int(C.libcuda_replay(C.CUcontext(context), C.CUgraphExec(graph), C.CUstream(stream)))
}

// Forget frees a graph. It returns a status.
func Forget(context, graph unsafe.Pointer) int {
	return int(C.libcuda_forget(C.CUcontext(context), C.CUgraphExec(graph)))
}

// Queue is a device's context, its stream, and an event of this context.
type Queue struct{ Context, Stream, Event unsafe.Pointer }

// CopyPeer copies pieces from one device to another. Both streams do it after all that they have, and before
// all that they get later. It returns a status.
func CopyPeer(to, from Queue, pieces []driver.Piece) int {
	// A Piece has three numbers of 8 bytes.
	numbers := (*C.ulonglong)(unsafe.Pointer(unsafe.SliceData(pieces)))
	return int(C.libcuda_copy_peer(to.c(), from.c(), numbers, C.int(len(pieces))))
}

func (q Queue) c() C.libcuda_queue {
	return C.libcuda_queue{C.CUcontext(q.Context), C.CUstream(q.Stream), C.CUevent(q.Event)}
}

// This line compiles only if a Piece has nothing else.
var _ [24]byte = [unsafe.Sizeof(driver.Piece{})]byte{}
