// The driver functions that package libcuda calls in addition to gorgonia.org/cu. See load.c.
#if !__has_include(<cuda.h>)
#error "cuda.h was not found: see the README, section GPU (scripts/cuda-headers finds or fetches it)"
#else
#include <cuda.h>
#if CUDA_VERSION < 11080 || CUDA_VERSION >= 13000
#error "gorgonia.org/cu needs cuda.h of CUDA 11.8 to 12.9 (README, GPU; scripts/cuda-headers fetches it)"
#endif

#pragma GCC visibility push(hidden)

// libcuda_load opens the driver's library at its first call, and returns dlopen's message, "" after success.
const char *libcuda_load(void);

// libcuda_status is the result of the driver's own cuInit. Without a library it is
// CUDA_ERROR_NOT_INITIALIZED.
CUresult libcuda_status(void);

// libcuda_describe returns the name and the sentence of a status, "" if the driver does not know it.
void libcuda_describe(CUresult status, const char **name, const char **text);

// libcuda_free returns how many bytes of a GPU are free, or -1. See nvml.c.
long long libcuda_free(CUdevice device);

// libcuda_launch starts a kernel in a context. Each argument has 8 bytes, of which the kernel reads those
// that it declares.
CUresult libcuda_launch(CUcontext context, CUfunction function, CUstream stream, unsigned gridX,
                        unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                        unsigned shared, int cooperative, const unsigned long long *args, int count);

// libcuda_allow_shared permits a kernel's blocks to use so many bytes of dynamic shared memory.
CUresult libcuda_allow_shared(CUcontext context, CUfunction function, int bytes);

// libcuda_begin_graph makes a stream record what is put into it, in place of doing it.
CUresult libcuda_begin_graph(CUcontext context, CUstream stream);

// libcuda_end_graph ends that. It makes what was recorded executable, unless graph is null.
CUresult libcuda_end_graph(CUcontext context, CUstream stream, CUgraphExec *graph);

// libcuda_replay puts all that a graph recorded into a stream.
CUresult libcuda_replay(CUcontext context, CUgraphExec graph, CUstream stream);

// libcuda_forget frees a graph.
CUresult libcuda_forget(CUcontext context, CUgraphExec graph);

// libcuda_queue is a device's context, its stream, and an event of this context.
typedef struct {
	CUcontext context;
	CUstream stream;
	CUevent event;
} libcuda_queue;

// libcuda_copy_peer copies pieces from one device to another, each of them a destination, a source and a
// size. The streams do it after all that they have, and before all that they get later.
CUresult libcuda_copy_peer(libcuda_queue to, libcuda_queue from, const unsigned long long *pieces, int count);

#pragma GCC visibility pop
#endif
