//go:build cuda

// How one binary runs with and without NVIDIA's driver.
//
// gorgonia.org/cu refers to the driver's functions by name, is linked with -lcuda, and calls cuInit when its
// package is initialized. If cuInit fails, cu ends the process; without libcuda.so.1, the process does not
// even start. Therefore this package defines every cu* symbol to which cu can refer. Each is a trampoline: a
// jump through a slot of a table (trampoline.c). At first all slots lead to libcuda_load, so the first call
// of a driver function opens the library by dlopen and fills the table with the addresses that dlsym finds.
// The library is opened at first use, not in a C constructor, because opening it and initializing the driver
// takes a fraction of a second and memory, which a command that runs on the CPU should not pay. It is not
// opened in Go's init, because cu may be initialized before any package that knows of it.
//
// cuInit alone is not a trampoline. It reports success and does nothing, for cu's init; libcuda_load calls
// the driver's own cuInit and keeps its result for libcuda_status.
//
// Since this package defines all symbols, -lcuda is not needed. libcuda.a is an empty archive that the linker
// finds first, because this package's flags come first (before.go in package cuda); --as-needed drops a real
// library that CGO_LDFLAGS names.
//
// Which version of a function a name means depends on cuda.h (cuMemAlloc is cuMemAlloc_v2). generate.go makes
// symbols.inc, the union of the symbols to which the headers of CUDA 11.8, 12.4 and 12.9 map cu's names. If
// another header needs a further symbol, the linker reports "undefined reference to cu…".
#include "libcuda.h"

#if __has_include(<cuda.h>)
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#pragma GCC visibility push(hidden)
extern void *libcuda_slots[];      // trampoline.c: where each symbol leads
extern const char *libcuda_names[]; // and its name, 0 at the end
#pragma GCC visibility pop

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[512];
static CUresult status = CUDA_ERROR_NOT_INITIALIZED;

// Stands in for every function while there is no library, and for a function that an older driver lacks. It
// may ignore its arguments: in the calling conventions of amd64 and arm64 the caller cleans up.
static CUresult no_library(void) { return CUDA_ERROR_NOT_INITIALIZED; }
static CUresult no_function(void) { return CUDA_ERROR_NOT_SUPPORTED; }

static void load(void) {
	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (library) {
		CUresult (*init)(unsigned) = (CUresult(*)(unsigned))dlsym(library, "cuInit");
		status = init ? init(0) : CUDA_ERROR_NOT_SUPPORTED;
	} else {
		const char *text = dlerror();
		snprintf(problem, sizeof problem, "%s", text ? text : "dlopen failed");
	}
	for (int i = 0; libcuda_names[i]; i++) {
		void *function = library ? dlsym(library, libcuda_names[i]) : (void *)no_library;
		if (!function) function = (void *)no_function;
		// Another thread may be using the slot: it finds the old address, which waits for this thread, or the
		// new one.
		__atomic_store_n(&libcuda_slots[i], function, __ATOMIC_RELEASE);
	}
}

const char *libcuda_load(void) {
	pthread_once(&once, load);
	return problem;
}

CUresult libcuda_status(void) {
	libcuda_load();
	return status;
}

// Not exported: a library that looks for the driver's cuInit must not find this one.
__attribute__((visibility("hidden"))) CUresult cuInit(unsigned flags) { return CUDA_SUCCESS; }

void libcuda_describe(CUresult status, const char **name, const char **text) {
	if (cuGetErrorName(status, name) != CUDA_SUCCESS || !*name) *name = "";
	if (cuGetErrorString(status, text) != CUDA_SUCCESS || !*text) *text = "";
}

// A context belongs to the thread, and the next call from Go may come from another thread: each call sets and
// restores it.
static CUresult leave(CUresult status) {
	CUcontext old;
	CUresult popped = cuCtxPopCurrent(&old);
	return status == CUDA_SUCCESS ? popped : status;
}

CUresult libcuda_launch(CUcontext context, CUfunction function, CUstream stream, unsigned gridX,
                        unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                        unsigned shared, int cooperative, const unsigned long long *args, int count) {
	void *params[count + 1];
	for (int i = 0; i < count; i++) params[i] = (void *)&args[i];
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	if (cooperative)
		status = cuLaunchCooperativeKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared,
		                                   stream, params);
	else
		status = cuLaunchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, params,
		                        0);
	return leave(status);
}

CUresult libcuda_allow_shared(CUcontext context, CUfunction function, int bytes) {
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	status = cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
	// A kernel that asks for so much shared memory should run several blocks on a multiprocessor, so it
	// should get the memory that is shared with the L1 cache. This is a hint; its failure is no error.
	if (status == CUDA_SUCCESS)
		(void)cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
		                         CU_SHAREDMEM_CARVEOUT_MAX_SHARED);
	return leave(status);
}

// Other threads may go on to use the driver while one records ("relaxed"), and the thread may change.
CUresult libcuda_begin_graph(CUcontext context, CUstream stream) {
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	return leave(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
}

// cuGraphInstantiateWithFlags came with CUDA 11.4. cuGraphInstantiate has other parameters in CUDA 11 than in
// CUDA 12.
CUresult libcuda_end_graph(CUcontext context, CUstream stream, CUgraphExec *graph) {
	CUgraph recorded = 0;
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	status = cuStreamEndCapture(stream, &recorded);
	if (status == CUDA_SUCCESS && graph) status = cuGraphInstantiateWithFlags(graph, recorded, 0);
	if (recorded) {
		CUresult destroyed = cuGraphDestroy(recorded);
		if (status == CUDA_SUCCESS) status = destroyed;
	}
	return leave(status);
}

CUresult libcuda_replay(CUcontext context, CUgraphExec graph, CUstream stream) {
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	return leave(cuGraphLaunch(graph, stream));
}

// then_waits makes a stream wait for what another one has now.
static CUresult then_waits(libcuda_queue waiting, libcuda_queue other) {
	CUresult status = cuCtxPushCurrent(other.context);
	if (status != CUDA_SUCCESS) return status;
	status = leave(cuEventRecord(other.event, other.stream));
	if (status != CUDA_SUCCESS) return status;
	status = cuCtxPushCurrent(waiting.context);
	if (status != CUDA_SUCCESS) return status;
	return leave(cuStreamWaitEvent(waiting.stream, other.event, 0));
}

CUresult libcuda_copy_peer(libcuda_queue to, libcuda_queue from, const unsigned long long *pieces,
                           int count) {
	CUresult status = then_waits(to, from);
	if (status != CUDA_SUCCESS) return status;
	status = cuCtxPushCurrent(to.context);
	if (status != CUDA_SUCCESS) return status;
	for (int i = 0; i < count && status == CUDA_SUCCESS; i++, pieces += 3)
		status = cuMemcpyPeerAsync(pieces[0], to.context, pieces[1], from.context, pieces[2], to.stream);
	status = leave(status);
	CUresult waits = then_waits(from, to); // also for the pieces before one that failed
	return status == CUDA_SUCCESS ? waits : status;
}

CUresult libcuda_forget(CUcontext context, CUgraphExec graph) {
	CUresult status = cuCtxPushCurrent(context);
	if (status != CUDA_SUCCESS) return status;
	return leave(cuGraphExecDestroy(graph));
}
#endif
