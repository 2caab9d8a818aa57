// A libcuda.so.1 for tests, without a GPU: device memory is the host's, and what is asynchronous is put off until someone
// waits for it, as late as a driver may. The tests build it; the environment tells it what should go wrong.
//
//	FAKE_CUDA_INIT, FAKE_CUDA_RETAIN, FAKE_CUDA_LAUNCH   what cuInit, cuDevicePrimaryCtxRetain and launches answer
//	FAKE_CUDA_KERNEL                                     how kernels end: every call from then on answers that
//	FAKE_CUDA_COUNT, FAKE_CUDA_VERSION                   how many GPUs there are (1), and the driver's version (12040)
//	FAKE_CUDA_LOG                                        a file to which launches and the end of contexts are appended
//
// It knows the kernels beside it by name and does what they do; others do nothing. The header gives each function its
// version, cuMemAlloc_v2 and so on.
#include <cuda.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { multiprocessors = 4, memory = 1 << 20, shared_opt_in = 100 << 10, shared_default = 48 << 10, most_params = 16 };

struct CUctx_st { int references; };
struct CUmod_st { char *text; };
struct CUfunc_st {
	char name[64];
	int params, size[most_params], dynamic;
};
struct CUstream_st { int unused; };
struct CUevent_st { double milliseconds; int recorded; };

// What the stream has still to do.
struct task {
	enum { copy_in, copy_out, fill, run, note } kind;
	void *dst;
	const void *src;
	size_t size;
	int value;
	struct CUfunc_st *function;
	int blocks;
	uint64_t args[most_params];
	struct task *next;
};

static struct CUctx_st primary;
static int live, modules, streams, events;
static size_t taken;
static CUresult broken;    // what every call answers once a kernel has failed
static double clock_value; // one millisecond for each kernel
static struct task *first, **end = &first;
static __thread int depth; // of the thread's stack of contexts

static int setting(const char *name, int otherwise) {
	const char *text = getenv(name);
	return text ? atoi(text) : otherwise;
}

static void logged(const char *format, const char *name, const char *rest) {
	const char *path = getenv("FAKE_CUDA_LOG");
	FILE *file = path ? fopen(path, "a") : NULL;
	if (!file) return;
	fprintf(file, format, name, rest);
	fclose(file);
}

// Most functions need a context, and answer what broke it.
#define NEEDS_CONTEXT                                                                                                  \
	if (depth == 0) return CUDA_ERROR_INVALID_CONTEXT;                                                             \
	if (broken) return broken

CUresult cuInit(unsigned flags) { return setting("FAKE_CUDA_INIT", 0); }

CUresult cuDriverGetVersion(int *version) {
	*version = setting("FAKE_CUDA_VERSION", 12040);
	return CUDA_SUCCESS;
}

static const struct { CUresult status; const char *name, *text; } answers[] = {
	{CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
	{CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
	{CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
	{CUDA_ERROR_DEVICE_UNAVAILABLE, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
	{CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
	{CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
	{CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
	{CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
	{CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
	{CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
	{CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch"},
	{CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
};

CUresult cuGetErrorName(CUresult status, const char **name) {
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].status == status) return *name = answers[i].name, CUDA_SUCCESS;
	return *name = NULL, CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult status, const char **text) {
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].status == status) return *text = answers[i].text, CUDA_SUCCESS;
	return *text = NULL, CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) { return *count = setting("FAKE_CUDA_COUNT", 1), CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) { return *device = ordinal, CUDA_SUCCESS; }
CUresult cuDeviceGetName(char *name, int size, CUdevice device) { return snprintf(name, size, "Fake %d", device), CUDA_SUCCESS; }
CUresult cuDeviceTotalMem(size_t *bytes, CUdevice device) { return *bytes = memory, CUDA_SUCCESS; }

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = 9; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 1; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = multiprocessors; break;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 50 << 20; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = shared_opt_in; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
	CUresult status = setting("FAKE_CUDA_RETAIN", 0);
	if (status) return status;
	primary.references++;
	return *context = &primary, CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
	char rest[128];
	snprintf(rest, sizeof rest, "references=%d live=%d modules=%d streams=%d events=%d", --primary.references, live, modules,
	         streams, events);
	logged("%s %s\n", "release", rest);
	return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent(CUcontext context) {
	if (context != &primary || primary.references < 1) return CUDA_ERROR_INVALID_CONTEXT;
	return depth++, CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext *context) {
	if (depth < 1) return CUDA_ERROR_INVALID_CONTEXT;
	return depth--, *context = &primary, CUDA_SUCCESS;
}

CUresult cuMemGetInfo(size_t *available, size_t *total) {
	NEEDS_CONTEXT;
	*total = memory, *available = memory - taken;
	return CUDA_SUCCESS;
}

// An allocation is preceded by its size.
CUresult cuMemAlloc(CUdeviceptr *p, size_t size) {
	NEEDS_CONTEXT;
	if (size == 0) return CUDA_ERROR_INVALID_VALUE;
	if (size > memory - taken) return CUDA_ERROR_OUT_OF_MEMORY;
	char *block = aligned_alloc(256, 256 + (size + 255) / 256 * 256);
	memset(block, 0xa5, 256 + size);
	*(size_t *)block = size;
	taken += size, live++;
	return *p = (CUdeviceptr)(block + 256), CUDA_SUCCESS;
}

static void execute(struct task *task) {
	uint64_t *a = task->args;
	switch (task->kind) {
	case copy_in:
	case copy_out: memcpy(task->dst, task->src, task->size); break;
	case fill: memset(task->dst, task->value, task->size); break;
	case note: ((struct CUevent_st *)task->dst)->milliseconds = clock_value; break;
	case run:
		clock_value++;
		broken = setting("FAKE_CUDA_KERNEL", 0);
		if (broken) break;
		if (!strcmp(task->function->name, "add") && a[1] > 0) {
			if (a[0] < 4096) broken = CUDA_ERROR_ILLEGAL_ADDRESS;
			for (uint64_t i = 0; !broken && i < a[1]; i++) ((uint32_t *)a[0])[i] += (uint32_t)a[2];
		}
		if (!strcmp(task->function->name, "types")) memcpy((void *)a[0], a + 1, 4 * sizeof *a);
		if (!strcmp(task->function->name, "meet"))
			for (int i = 0; i < task->blocks; i++) ((uint32_t *)a[0])[i] = task->blocks;
	}
}

// drain does what was put off.
static CUresult drain(void) {
	while (first) {
		struct task *task = first;
		first = task->next;
		if (!first) end = &first;
		if (!broken) execute(task);
		free(task);
	}
	return broken;
}

static CUresult later(struct task task) {
	struct task *copy = malloc(sizeof task);
	*copy = task;
	copy->next = NULL;
	*end = copy;
	end = &copy->next;
	return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr p) {
	NEEDS_CONTEXT;
	CUresult status = drain();
	char *block = (char *)p - 256;
	taken -= *(size_t *)block, live--;
	memset(block, 0x5a, 256 + *(size_t *)block);
	free(block);
	return status;
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void *src, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	return later((struct task){.kind = copy_in, .dst = (void *)dst, .src = src, .size = size});
}

CUresult cuMemcpyDtoHAsync(void *dst, CUdeviceptr src, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	return later((struct task){.kind = copy_out, .dst = dst, .src = (void *)src, .size = size});
}

CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	return later((struct task){.kind = fill, .dst = (void *)dst, .value = value, .size = size});
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
	NEEDS_CONTEXT;
	return streams++, *stream = malloc(sizeof **stream), CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream stream) {
	NEEDS_CONTEXT;
	return streams--, free(stream), CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
	NEEDS_CONTEXT;
	return drain();
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
	NEEDS_CONTEXT;
	return events++, *event = calloc(1, sizeof **event), CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
	NEEDS_CONTEXT;
	event->recorded = 1;
	return later((struct task){.kind = note, .dst = event});
}

CUresult cuEventSynchronize(CUevent event) {
	NEEDS_CONTEXT;
	return drain();
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
	NEEDS_CONTEXT;
	if (!from->recorded || !to->recorded) return CUDA_ERROR_INVALID_VALUE;
	return *milliseconds = to->milliseconds - from->milliseconds, CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent event) {
	NEEDS_CONTEXT;
	return events--, free(event), CUDA_SUCCESS;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
	NEEDS_CONTEXT;
	const char *text = image, *wrong = strstr(text, "frobnicate");
	if (strstr(text, ".version 99")) return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
	if (wrong) {
		char *buffer = NULL;
		size_t size = 0;
		int line = 1;
		for (const char *p = text; p < wrong; p++) line += *p == '\n';
		for (unsigned i = 0; i < count; i++) {
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER) buffer = values[i];
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = (size_t)values[i];
		}
		if (buffer) snprintf(buffer, size, "ptxas application ptx input, line %d; error   : Not a name of any known instruction: 'frobnicate'\n", line);
		return CUDA_ERROR_INVALID_PTX;
	}
	*module = malloc(sizeof **module);
	(*module)->text = strdup(text);
	return modules++, CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
	NEEDS_CONTEXT;
	return modules--, free(module->text), free(module), CUDA_SUCCESS;
}

// The sizes of the parameters are read from the entry's head.
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
	NEEDS_CONTEXT;
	char head[128];
	snprintf(head, sizeof head, ".entry %s(", name);
	const char *p = strstr(module->text, head);
	if (!p) return CUDA_ERROR_NOT_FOUND;
	struct CUfunc_st *f = calloc(1, sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", name);
	f->dynamic = shared_default;
	const char *close = strchr(p, ')');
	while ((p = strstr(p, ".param .")) && p < close && f->params < most_params) f->size[f->params++] = atoi((p += 9)) / 8;
	return *function = f, CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
	NEEDS_CONTEXT;
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 24; break;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = 0; break;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 16; break;
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = function->dynamic; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
	NEEDS_CONTEXT;
	if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
	if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > shared_opt_in) return CUDA_ERROR_INVALID_VALUE;
	return function->dynamic = value, CUDA_SUCCESS;
}

// A multiprocessor has room for 2048 threads and one block's shared memory.
static int blocks(int threads, size_t shared) {
	int n = 2048 / threads;
	return shared && n > (int)(shared_opt_in / shared) ? (int)(shared_opt_in / shared) : n;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, CUfunction function, int threads, size_t shared) {
	NEEDS_CONTEXT;
	if (shared > (size_t)function->dynamic) return *count = 0, CUDA_SUCCESS;
	return *count = blocks(threads, shared), CUDA_SUCCESS;
}

static CUresult launch(const char *how, CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void **params) {
	CUresult status = setting("FAKE_CUDA_LAUNCH", 0);
	if (status) return status;
	if (shared > (unsigned)f->dynamic) return CUDA_ERROR_INVALID_VALUE;
	if (bx * by * bz > 1024) return CUDA_ERROR_INVALID_VALUE;
	struct task task = {.kind = run, .function = f, .blocks = gx * gy * gz};
	char rest[512];
	int n = snprintf(rest, sizeof rest, "%s grid=%u,%u,%u block=%u,%u,%u shared=%u args=", how, gx, gy, gz, bx, by, bz, shared);
	for (int i = 0; i < f->params; i++) {
		memcpy(&task.args[i], params[i], f->size[i]); // the low bytes: both CPUs put them first
		n += snprintf(rest + n, sizeof rest - n, "%s%llx", i ? "," : "", (unsigned long long)task.args[i]);
	}
	logged("%s %s\n", f->name, rest);
	return later(task);
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        CUstream stream, void **params, void **extra) {
	NEEDS_CONTEXT;
	return launch("plain", f, gx, gy, gz, bx, by, bz, shared, params);
}

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                                   unsigned shared, CUstream stream, void **params) {
	NEEDS_CONTEXT;
	if (gx * gy * gz > (unsigned)(multiprocessors * blocks(bx * by * bz, shared))) return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	return launch("cooperative", f, gx, gy, gz, bx, by, bz, shared, params);
}
