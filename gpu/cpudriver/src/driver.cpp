// The functions of libcuda.so.1. Asynchronous work is put off until something waits for it, as late as a
// driver may.
#include "machine.hpp"
#include "settings.hpp"

#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <utility>

namespace {

std::recursive_mutex one_at_a_time;

struct Device;

} // namespace

using Task = std::function<CUresult()>;

struct CUgraph_st {
	std::vector<Task> tasks; // in order: one stream recorded them
	bool cooperative = false; // a launch of it is
};
struct CUgraphExec_st {
	Device *device;
	std::vector<Task> tasks;
	bool cooperative;
};
struct CUstream_st {
	Device *device;
	std::deque<Task> tasks;
	std::unique_ptr<CUgraph_st> capture; // what is recorded; null if the stream records nothing
	CUresult spoiled = CUDA_SUCCESS;     // why the recording cannot be used
	bool stuck = false;                  // it waits for an event that a lost device will not reach
};
struct EventState {
	u64 recorded = 0, done = 0; // how many times
	CUstream stream = nullptr;
	std::chrono::steady_clock::time_point when;
};
struct CUevent_st {
	std::shared_ptr<EventState> state = std::make_shared<EventState>();
};
struct CUfunc_st {
	std::shared_ptr<Module> module;
	const Kernel *kernel;
	int device, dynamic; // bytes of dynamic shared memory that a block may have
};
struct CUmod_st {
	std::shared_ptr<Module> module;
	std::vector<std::unique_ptr<CUfunc_st>> functions;
};
struct CUctx_st {
	Device *device;
};

namespace {

// A device and its primary context.
struct Device {
	int ordinal;
	Memory memory;
	CUctx_st context{this};
	CUstream_st null_stream{this, {}, nullptr};
	std::vector<CUstream> streams;
	int references = 0, modules = 0, events = 0, graphs = 0;
	u64 executed = 0, allocations = 0; // launches, allocations
	CUresult broken = CUDA_SUCCESS; // status that every call returns once a kernel has failed

	explicit Device(int n) : ordinal(n), memory(n) {}

	u64 free_bytes() const {
		u64 total = memory_bytes(ordinal), left = total - std::min(total, memory.taken());
		return allocations > u64(most_allocations()) ? std::min<u64>(left, 1 << 20) : left;
	}
	long long most_allocations() const { return setting("CPUDRIVER_ALLOCATIONS", ordinal, 1ll << 62); }

	// drain does the work put off in a stream, until a task fails, enough() is true, or the stream is stuck.
	CUresult drain(CUstream s, const std::function<bool()> &enough = [] { return false; }) {
		while (!s->tasks.empty() && !s->stuck && !enough()) {
			auto task = std::move(s->tasks.front());
			s->tasks.pop_front();
			if (!broken) broken = task();
		}
		return broken;
	}
	// wait does a stream's work, all of it or until enough() is true. A GPU's driver may wait for ever for a
	// stream that is stuck: then this one ends the process.
	CUresult wait(CUstream s, const std::function<bool()> &enough = [] { return false; }) {
		drain(s, enough);
		if (!s->stuck || broken || enough()) return broken;
		std::fprintf(stderr, "cpudriver: the host waits for ever for device %d\n", ordinal);
		std::abort();
	}
	CUresult drain_all() {
		wait(&null_stream);
		for (CUstream s : streams) wait(s);
		return broken;
	}
	CUresult later(CUstream s, Task task) {
		if (!s) s = &null_stream;
		if (s->spoiled) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		if (s->capture) return s->capture->tasks.push_back(std::move(task)), CUDA_SUCCESS;
		if (!has_room(s)) wait(s, [s] { return has_room(s); });
		return s->tasks.push_back(std::move(task)), CUDA_SUCCESS;
	}
	// has_room says whether a stream takes another task. A GPU's stream takes about 1000, and then the host
	// waits until one is done.
	static bool has_room(CUstream s) { return s->tasks.size() < 1024; }
	// pageable does what a driver may do before a copy from or to memory that is not page-locked: it waits for
	// the stream.
	void pageable(CUstream s) {
		if (!s) s = &null_stream;
		if (!s->capture) wait(s);
	}
	// waits says whether work can wait for a stream. A stream that records has no work, and its recording is
	// spoiled.
	CUresult waits(CUstream s) {
		if (!s || !s->capture) return CUDA_SUCCESS;
		return s->spoiled = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	// host returns the host address of the bytes, or null if no allocation contains all of them.
	u8 *host(CUdeviceptr p, size_t bytes) const {
		const Allocation *a = memory.find(p, bytes);
		return a ? a->host + (p - a->address) : nullptr;
	}
};

std::deque<Device> devices;
thread_local std::vector<CUcontext> current;

int device_count() { return int(setting("CPUDRIVER_DEVICES", 0, 1)); }

Device *device_of(int ordinal) {
	if (ordinal < 0 || ordinal >= device_count()) return nullptr;
	while (int(devices.size()) <= ordinal) devices.emplace_back(int(devices.size()));
	return &devices[size_t(ordinal)];
}

void log_line(const std::string &line) {
	std::string path = text_setting("CPUDRIVER_LOG", "");
	FILE *file = path.empty() ? nullptr : std::fopen(path.c_str(), "a");
	if (!file) return;
	std::fprintf(file, "%s\n", line.c_str());
	std::fclose(file);
}

int capability(int ordinal) {
	std::string text = text_setting("CPUDRIVER_CAPABILITY", "9.0");
	size_t point = text.find('.');
	int minor = point == std::string::npos ? 0 : std::atoi(text.c_str() + point + 1);
	return (void)ordinal, std::atoi(text.c_str()) * 10 + minor;
}
int multiprocessors(int ordinal) { return int(setting("CPUDRIVER_MULTIPROCESSORS", ordinal, 4)); }
int block_shared(int ordinal) { return int(setting("CPUDRIVER_BLOCK_SHARED", ordinal, 227 << 10)); }

// newest_isa is the PTX version that the driver's version knows: PTX ISA, "Release notes".
int newest_isa() {
	int version = int(setting("CPUDRIVER_VERSION", 0, 12040));
	int major = version / 1000, minor = version % 1000 / 10;
	if (major < 11) return 65;
	if (major == 11) return 70 + minor;
	if (major > 12) return 90 + minor;
	return 80 + (minor <= 5 ? minor : minor - 1);
}

constexpr int default_shared = 48 << 10, reserved_shared = 1 << 10;
constexpr int multiprocessor_threads = 2048, most_blocks = 32;

// resident returns how many blocks fit on a multiprocessor at once. Registers are not counted.
int resident(const CUfunc_st &f, u64 threads, u64 shared) {
	if (!threads || threads > f.kernel->most_threads || shared > u64(f.dynamic)) return 0;
	u64 by_threads = multiprocessor_threads / ((threads + 31) / 32 * 32);
	u64 by_shared = (u64(block_shared(f.device)) + reserved_shared) /
	                (f.kernel->static_shared + shared + reserved_shared);
	return int(std::min<u64>({by_threads, by_shared, most_blocks}));
}

#define LOCK std::lock_guard<std::recursive_mutex> lock(one_at_a_time)
// Most functions need a context, and return the error that broke the device.
#define NEEDS_CONTEXT                                                                                        \
	LOCK;                                                                                                    \
	if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;                                                  \
	Device &device = *current.back()->device;                                                                \
	if (device.broken) return device.broken
#define NEEDS(condition)                                                                                     \
	if (!(condition)) return CUDA_ERROR_INVALID_VALUE

} // namespace

// ---- the driver, errors and devices

CUresult cuInit(unsigned) { return CUresult(setting("CPUDRIVER_INIT", 0, 0)); }
CUresult cuDriverGetVersion(int *version) {
	return *version = int(setting("CPUDRIVER_VERSION", 0, 12040)), CUDA_SUCCESS;
}

static const struct {
	CUresult status;
	const char *name, *text;
} answers[] = {
#define ANSWER(name, text) {name, #name, text},
	ANSWER(CUDA_SUCCESS, "no error")
	ANSWER(CUDA_ERROR_INVALID_VALUE, "invalid argument")
	ANSWER(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")
	ANSWER(CUDA_ERROR_NOT_INITIALIZED, "initialization error")
	ANSWER(CUDA_ERROR_DEINITIALIZED, "driver shutting down")
	ANSWER(CUDA_ERROR_DEVICE_UNAVAILABLE, "CUDA-capable device(s) is/are busy or unavailable")
	ANSWER(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected")
	ANSWER(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal")
	ANSWER(CUDA_ERROR_INVALID_CONTEXT, "invalid device context")
	ANSWER(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered")
	ANSWER(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed")
	ANSWER(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain.")
	ANSWER(CUDA_ERROR_NOT_FOUND, "named symbol not found")
	ANSWER(CUDA_ERROR_NOT_READY, "device not ready")
	ANSWER(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered")
	ANSWER(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch")
	ANSWER(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated")
	ANSWER(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address")
	ANSWER(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")
	ANSWER(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "too many blocks in cooperative launch")
	ANSWER(CUDA_ERROR_NOT_SUPPORTED, "operation not supported")
	ANSWER(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing")
	ANSWER(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
	       "operation failed due to a previous error during capture")
	ANSWER(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
	       "system has unsupported display driver / cuda driver combination")
	ANSWER(CUDA_ERROR_UNKNOWN, "unknown error")
#undef ANSWER
};

CUresult cuGetErrorName(CUresult status, const char **name) {
	for (const auto &a : answers)
		if (a.status == status) return *name = a.name, CUDA_SUCCESS;
	return *name = nullptr, CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult status, const char **text) {
	for (const auto &a : answers)
		if (a.status == status) return *text = a.text, CUDA_SUCCESS;
	return *text = nullptr, CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) { return *count = device_count(), CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	if (ordinal < 0 || ordinal >= device_count()) return CUDA_ERROR_INVALID_DEVICE;
	return *device = ordinal, CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char *name, int size, CUdevice) {
	return std::snprintf(name, size_t(size), "PTX on the CPU"), CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem(size_t *bytes, CUdevice d) { return *bytes = memory_bytes(d), CUDA_SUCCESS; }
CUresult cuDeviceGetPCIBusId(char *id, int size, CUdevice d) {
	return std::snprintf(id, size_t(size), "0000:%02X:00.0", d + 1), CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice d) {
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = capability(d) / 10; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = capability(d) % 10; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = multiprocessors(d); break;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 50 << 20; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *value = multiprocessor_threads; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = default_shared; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = block_shared(d); break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
		*value = block_shared(d) + reserved_shared;
		break;
	case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
		*value = int(setting("CPUDRIVER_COOPERATIVE_ATTRIBUTE", d, 1));
		break;
	case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT: *value = int(setting("CPUDRIVER_WATCHDOG", d, 0)); break;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *value = int(setting("CPUDRIVER_CLOCK", d, 0)); break;
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *value = int(setting("CPUDRIVER_MEMORY_CLOCK", d, 0)); break;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *value = int(setting("CPUDRIVER_BUS_WIDTH", d, 0)); break;
	case CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO:
		*value = int(setting("CPUDRIVER_SINGLE_TO_DOUBLE", d, 2));
		break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE: *value = int(setting("CPUDRIVER_COMPUTE_MODE", d, 0)); break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

// ---- contexts

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice ordinal) {
	LOCK;
	log_line("retain " + std::to_string(ordinal));
	if (long long status = setting("CPUDRIVER_RETAIN", ordinal, 0)) return CUresult(status);
	Device *device = device_of(ordinal);
	if (!device) return CUDA_ERROR_INVALID_DEVICE;
	device->references++;
	return *context = &device->context, CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice ordinal) {
	LOCK;
	Device *device = device_of(ordinal);
	if (!device || device->references < 1) return CUDA_ERROR_INVALID_CONTEXT;
	char line[128];
	std::snprintf(line, sizeof line, "release references=%d live=%zu modules=%d streams=%zu events=%d graphs=%d",
	              --device->references, device->memory.live(), device->modules, device->streams.size(),
	              device->events, device->graphs);
	log_line(line);
	if (!device->references) {
		device->drain_all();
		device->memory.clear();
	}
	return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
	LOCK;
	if (!context || context->device->references < 1) return CUDA_ERROR_INVALID_CONTEXT;
	return current.push_back(context), CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext *context) {
	if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
	if (context) *context = current.back();
	return current.pop_back(), CUDA_SUCCESS;
}
CUresult cuCtxSynchronize() {
	NEEDS_CONTEXT;
	return device.drain_all();
}

// ---- memory

CUresult cuMemGetInfo(size_t *available, size_t *total) {
	NEEDS_CONTEXT;
	return *total = memory_bytes(device.ordinal), *available = device.free_bytes(), CUDA_SUCCESS;
}
CUresult cuMemAlloc(CUdeviceptr *p, size_t size) {
	NEEDS_CONTEXT;
	NEEDS(size > 0);
	device.allocations++;
	if (device.allocations > u64(device.most_allocations()) || size > device.free_bytes())
		return CUDA_ERROR_OUT_OF_MEMORY;
	u64 address = device.memory.allocate(size);
	return address ? (*p = address, CUDA_SUCCESS) : CUDA_ERROR_OUT_OF_MEMORY;
}
CUresult cuMemFree(CUdeviceptr p) {
	NEEDS_CONTEXT;
	CUresult status = device.drain_all();
	NEEDS(device.memory.free(p));
	return status;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void *src, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(device.host(dst, size));
	device.pageable(stream);
	return device.later(stream, [&device, dst, src, size] {
		u8 *to = device.host(dst, size);
		return to ? (std::memcpy(to, src, size), CUDA_SUCCESS) : CUDA_ERROR_ILLEGAL_ADDRESS;
	});
}
CUresult cuMemcpyDtoHAsync(void *dst, CUdeviceptr src, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(device.host(src, size));
	device.pageable(stream);
	return device.later(stream, [&device, dst, src, size] {
		u8 *from = device.host(src, size);
		return from ? (std::memcpy(dst, from, size), CUDA_SUCCESS) : CUDA_ERROR_ILLEGAL_ADDRESS;
	});
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(device.host(dst, size) && device.host(src, size));
	return device.later(stream, [&device, dst, src, size] {
		u8 *to = device.host(dst, size), *from = device.host(src, size);
		return to && from ? (std::memcpy(to, from, size), CUDA_SUCCESS) : CUDA_ERROR_ILLEGAL_ADDRESS;
	});
}
CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext to, CUdeviceptr src, CUcontext from, size_t size,
                           CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(to && from);
	Device &target = *to->device, &source = *from->device;
	if (long long status = setting("CPUDRIVER_PEER", device.ordinal, 0)) return CUresult(status);
	NEEDS(target.host(dst, size) && source.host(src, size));
	log_line("peer " + std::to_string(source.ordinal) + " to " + std::to_string(target.ordinal) + " size=" +
	         std::to_string(size));
	return device.later(stream, [&target, &source, dst, src, size] {
		u8 *into = target.host(dst, size), *of = source.host(src, size);
		return into && of ? (std::memcpy(into, of, size), CUDA_SUCCESS) : CUDA_ERROR_ILLEGAL_ADDRESS;
	});
}
CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t size, CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(device.host(dst, size));
	return device.later(stream, [&device, dst, value, size] {
		u8 *to = device.host(dst, size);
		return to ? (std::memset(to, value, size), CUDA_SUCCESS) : CUDA_ERROR_ILLEGAL_ADDRESS;
	});
}

// ---- streams and events

CUresult cuStreamCreate(CUstream *stream, unsigned) {
	NEEDS_CONTEXT;
	device.streams.push_back(*stream = new CUstream_st{&device, {}, nullptr});
	return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
	NEEDS_CONTEXT;
	if (CUresult status = device.waits(stream)) return status;
	CUresult status = device.wait(stream);
	device.streams.erase(std::find(device.streams.begin(), device.streams.end(), stream));
	return delete stream, status;
}
CUresult cuStreamSynchronize(CUstream stream) {
	NEEDS_CONTEXT;
	if (CUresult status = device.waits(stream)) return status;
	return device.wait(stream ? stream : &device.null_stream);
}
// Who asks again and again waits: each question does a task.
CUresult cuStreamQuery(CUstream stream) {
	NEEDS_CONTEXT;
	if (CUresult status = device.waits(stream)) return status;
	if (!stream) stream = &device.null_stream;
	bool asked = false;
	if (CUresult status = device.drain(stream, [&asked] { return std::exchange(asked, true); })) return status;
	return stream->tasks.empty() && !stream->stuck ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuEventCreate(CUevent *event, unsigned) {
	NEEDS_CONTEXT;
	return device.events++, *event = new CUevent_st, CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
	NEEDS_CONTEXT;
	if (CUresult status = device.waits(stream)) return status; // a GPU would record it
	auto state = event->state;
	u64 number = ++state->recorded;
	state->stream = stream ? stream : &device.null_stream;
	return device.later(stream, [state, number] {
		state->when = std::chrono::steady_clock::now(), state->done = number;
		return CUDA_SUCCESS;
	});
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
	NEEDS_CONTEXT;
	if (CUresult status = device.waits(stream)) return status; // a GPU would record it
	auto state = event->state;
	u64 number = state->recorded; // as it is now: the event may be recorded again
	CUstream awaited = state->stream;
	if (!number) return CUDA_SUCCESS;
	if (!stream) stream = &device.null_stream;
	return device.later(stream, [state, number, awaited, stream] {
		auto done = [state, number] { return state->done >= number; };
		if (!done()) awaited->device->drain(awaited, done);
		return stream->stuck = !done(), CUDA_SUCCESS;
	});
}
CUresult cuEventSynchronize(CUevent event) {
	NEEDS_CONTEXT;
	auto state = event->state;
	if (!state->recorded) return CUDA_SUCCESS;
	return device.wait(state->stream, [state] { return state->done == state->recorded; });
}
CUresult cuEventQuery(CUevent event) {
	NEEDS_CONTEXT;
	return event->state->done == event->state->recorded ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
	NEEDS_CONTEXT;
	const EventState &a = *from->state, &b = *to->state;
	NEEDS(a.recorded && b.recorded);
	if (a.done != a.recorded || b.done != b.recorded) return CUDA_ERROR_NOT_READY;
	return *milliseconds = std::chrono::duration<float, std::milli>(b.when - a.when).count(), CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
	NEEDS_CONTEXT;
	return device.events--, delete event, CUDA_SUCCESS;
}

// ---- modules and functions

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options,
                            void **values) {
	NEEDS_CONTEXT;
	try {
		auto made = std::make_unique<CUmod_st>();
		made->module = parse(static_cast<const char *>(image), newest_isa(), capability(device.ordinal));
		return device.modules++, *module = made.release(), CUDA_SUCCESS;
	} catch (const ParseError &e) {
		char *buffer = nullptr;
		size_t size = 0;
		for (unsigned i = 0; i < count; i++) {
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER) buffer = static_cast<char *>(values[i]);
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = reinterpret_cast<size_t>(values[i]);
		}
		if (buffer)
			std::snprintf(buffer, size, "ptxas application ptx input, line %d; error   : %s\n", e.line,
			              e.message.c_str());
		return e.version ? CUDA_ERROR_UNSUPPORTED_PTX_VERSION : CUDA_ERROR_INVALID_PTX;
	}
}
CUresult cuModuleLoadData(CUmodule *module, const void *image) {
	return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}
CUresult cuModuleUnload(CUmodule module) {
	NEEDS_CONTEXT;
	return device.modules--, delete module, CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
	NEEDS_CONTEXT;
	auto found = module->module->kernels.find(name);
	if (found == module->module->kernels.end()) return CUDA_ERROR_NOT_FOUND;
	const Kernel *k = found->second.get();
	int dynamic = std::max(0, default_shared - int(k->static_shared));
	module->functions.push_back(
		std::make_unique<CUfunc_st>(CUfunc_st{module->module, k, device.ordinal, dynamic}));
	return *function = module->functions.back().get(), CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction f) {
	NEEDS_CONTEXT;
	switch (attribute) {
	// There are no real registers: the count is what the text declares, within the limits of a thread.
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = std::clamp(int(f->kernel->register_words), 1, 255); break;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = int(f->kernel->static_shared); break;
	case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 0; break;
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = int(f->kernel->most_threads); break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = f->dynamic; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute attribute, int value) {
	NEEDS_CONTEXT;
	if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
	NEEDS(attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES && value >= 0);
	NEEDS(value + int(f->kernel->static_shared) <= block_shared(f->device));
	return f->dynamic = value, CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, CUfunction f, int threads, size_t shared) {
	NEEDS_CONTEXT;
	return *count = threads < 1 ? 0 : resident(*f, u64(threads), shared), CUDA_SUCCESS;
}

// ---- launches

static CUresult execute(Device &device, Launch &launch) {
	launch.number = ++device.executed;
	long long status = setting("CPUDRIVER_KERNEL", device.ordinal, 0);
	if (status && launch.number > u64(setting("CPUDRIVER_KERNEL_AFTER", device.ordinal, 0)))
		return CUresult(status);
	launch.seed = u64(setting("CPUDRIVER_SEED", device.ordinal, 1));
	launch.most_work = u64(setting("CPUDRIVER_WATCHDOG_WORK", device.ordinal, 0));
	std::string copies = text_setting("CPUDRIVER_COPIES", "late");
	launch.copies = copies == "early" ? Copies::early : copies == "random" ? Copies::random : Copies::late;
	try {
		run(launch, device.memory);
		return CUDA_SUCCESS;
	} catch (const Fault &f) {
		std::fprintf(stderr, "%s\n", f.text.c_str());
		return CUresult(f.status);
	} catch (const std::bad_alloc &) {
		std::fprintf(stderr, "cpudriver: %s: no memory on the host for its threads\n",
		             launch.kernel->name.c_str());
		return CUDA_ERROR_LAUNCH_FAILED;
	}
}

static CUresult start(Device &device, CUfunction f, Launch launch, CUstream stream, void **parameters) {
	const char *how = launch.cooperative ? "cooperative" : "plain";
	const u32 *g = launch.grid, *b = launch.block;
	if (long long status = setting("CPUDRIVER_LAUNCH", device.ordinal, 0)) return CUresult(status);
	if (long long status = launch.cooperative ? setting("CPUDRIVER_COOPERATIVE", device.ordinal, 0) : 0)
		return CUresult(status);
	if (stream && stream->capture)
		if (long long status = setting("CPUDRIVER_CAPTURE", device.ordinal, 0))
			return stream->spoiled = CUresult(status);
	u64 blocks = u64(g[0]) * g[1] * g[2], threads = u64(b[0]) * b[1] * b[2];
	NEEDS(g[0] && g[0] < 1u << 31 && g[1] && g[1] <= 65535 && g[2] && g[2] <= 65535 && blocks <= 1u << 28);
	NEEDS(b[0] && b[0] <= 1024 && b[1] && b[1] <= 1024 && b[2] && b[2] <= 64 &&
	      threads <= f->kernel->most_threads);
	NEEDS(launch.dynamic_shared <= u32(f->dynamic));
	if (launch.cooperative &&
	    blocks > u64(multiprocessors(device.ordinal)) * u64(resident(*f, threads, launch.dynamic_shared)))
		return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	launch.kernel = f->kernel;
	char line[512];
	int n = std::snprintf(line, sizeof line, "%s %s grid=%u,%u,%u block=%u,%u,%u shared=%u args=",
	                      f->kernel->name.c_str(), how, g[0], g[1], g[2], b[0], b[1], b[2],
	                      launch.dynamic_shared);
	for (size_t i = 0; i < f->kernel->parameter_bytes.size(); i++) {
		u64 value = 0;
		// The low bytes: both CPUs put them first.
		std::memcpy(&value, parameters[i], f->kernel->parameter_bytes[i]);
		launch.arguments.push_back(value);
		if (n < int(sizeof line))
			n += std::snprintf(line + n, sizeof line - size_t(n), "%s%llx", i ? "," : "",
			                   static_cast<unsigned long long>(value));
	}
	bool captured = stream && stream->capture;
	if (captured) stream->capture->cooperative |= launch.cooperative;
	log_line((captured ? "captured " : "") + std::string(line));
	CUresult put = device.later(
		stream, [&device, launch, kept = f->module]() mutable { return execute(device, launch); });
	if (put || captured) return put;
	if (text_setting("CUDA_LAUNCH_BLOCKING", "0") == "1")
		return device.drain(stream ? stream : &device.null_stream);
	return CUDA_SUCCESS;
}

static Launch launch_of(bool cooperative, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared) {
	Launch l{};
	l.grid[0] = gx, l.grid[1] = gy, l.grid[2] = gz, l.block[0] = bx, l.block[1] = by, l.block[2] = bz;
	l.dynamic_shared = shared, l.cooperative = cooperative;
	return l;
}
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared, CUstream stream, void **parameters, void **extra) {
	NEEDS_CONTEXT;
	NEEDS(!extra);
	return start(device, f, launch_of(false, gx, gy, gz, bx, by, bz, shared), stream, parameters);
}
CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                                   unsigned by, unsigned bz, unsigned shared, CUstream stream,
                                   void **parameters) {
	NEEDS_CONTEXT;
	return start(device, f, launch_of(true, gx, gy, gz, bx, by, bz, shared), stream, parameters);
}

// ---- graphs

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
	NEEDS_CONTEXT;
	NEEDS(stream); // a GPU refuses the stream 0, too
	if (stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
	return stream->capture = std::make_unique<CUgraph_st>(), CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
	NEEDS_CONTEXT;
	*graph = nullptr;
	if (!stream || !stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
	auto recorded = std::move(stream->capture);
	CUresult spoiled = stream->spoiled;
	stream->spoiled = CUDA_SUCCESS;
	if (spoiled) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	return device.graphs++, *graph = recorded.release(), CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *made, CUgraph graph, unsigned long long flags) {
	NEEDS_CONTEXT;
	if (setting("CPUDRIVER_VERSION", 0, 12040) < 11040) return CUDA_ERROR_NOT_SUPPORTED;
	if (long long status = setting("CPUDRIVER_INSTANTIATE", device.ordinal, 0)) return CUresult(status);
	NEEDS(graph && !flags);
	return device.graphs++, *made = new CUgraphExec_st{&device, graph->tasks, graph->cooperative},
	       CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
	NEEDS_CONTEXT;
	NEEDS(graph && graph->device == &device);
	if (CUresult status = device.waits(stream)) return status; // a GPU would record it
	if (long long status = setting("CPUDRIVER_REPLAY", device.ordinal, 0)) return CUresult(status);
	if (long long status = graph->cooperative ? setting("CPUDRIVER_COOPERATIVE", device.ordinal, 0) : 0)
		return CUresult(status);
	log_line("replay " + std::to_string(graph->tasks.size()));
	for (const Task &task : graph->tasks) device.later(stream, task);
	if (text_setting("CUDA_LAUNCH_BLOCKING", "0") == "1")
		return device.drain(stream ? stream : &device.null_stream);
	return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
	NEEDS_CONTEXT;
	NEEDS(graph);
	return device.graphs--, delete graph, CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec graph) {
	NEEDS_CONTEXT;
	NEEDS(graph);
	return device.graphs--, delete graph, CUDA_SUCCESS;
}

// For libnvidia-ml.so.1.
extern "C" __attribute__((visibility("default"))) unsigned long long cpudriver_free(int ordinal) {
	LOCK;
	Device *device = device_of(ordinal);
	return device ? device->free_bytes() : 0;
}
