//go:build cuda

// The free memory of a GPU, without opening the GPU. The driver tells it only within a context, which takes
// memory and a fraction of a second, and cannot be had on a GPU that another process holds. NVIDIA's
// management library, which comes with the driver, tells it for every GPU. The library numbers GPUs
// differently, so the bus address identifies them.
#include "libcuda.h"

#if __has_include(<cuda.h>)
#include <dlfcn.h>
#include <pthread.h>

// From the documentation of the NVIDIA Management Library: nvmlReturn_t, nvmlDevice_t and nvmlMemory_t.
typedef int result; // 0 means success
typedef void *handle;
struct memory {
	unsigned long long total, free, used;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static result (*find)(const char *bus, handle *);
static result (*ask)(handle, struct memory *);

static void load(void) {
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) return;
	result (*init)(void) = (result(*)(void))dlsym(library, "nvmlInit_v2");
	if (!init || init() != 0) return;
	find = (result(*)(const char *, handle *))dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2");
	ask = (result(*)(handle, struct memory *))dlsym(library, "nvmlDeviceGetMemoryInfo");
}

long long libcuda_free(CUdevice device) {
	char bus[64];
	handle gpu;
	struct memory memory;
	pthread_once(&once, load);
	if (!find || !ask || cuDeviceGetPCIBusId(bus, sizeof bus, device) != CUDA_SUCCESS) return -1;
	if (find(bus, &gpu) != 0 || ask(gpu, &memory) != 0) return -1;
	return (long long)memory.free;
}
#endif
