// A libnvidia-ml.so.1 with the functions that report a device's free memory without a context. The types and
// numbers are those of NVIDIA's NVML API Reference Guide.
#include <dlfcn.h>

#include <cstdio>

#include "settings.hpp"

namespace {
enum Answer { success = 0, uninitialized = 1, invalid_argument = 2, not_found = 6, driver_not_loaded = 9 };
struct Memory {
	unsigned long long total, free, used;
};
struct Device {
	int ordinal;
};
Device devices[256];
int opened;
} // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Answer nvmlInit_v2() {
	if (!setting("CPUDRIVER_NVML", 0, 1)) return driver_not_loaded;
	return opened++, success;
}

EXPORT Answer nvmlShutdown() {
	if (!opened) return uninitialized;
	return opened--, success;
}

EXPORT Answer nvmlDeviceGetHandleByPciBusId_v2(const char *id, Device **device) {
	if (!opened) return uninitialized;
	unsigned domain, bus;
	if (!id || !device || std::sscanf(id, "%x:%x:", &domain, &bus) != 2) return invalid_argument;
	if (bus < 1 || bus > sizeof devices / sizeof *devices || int(bus) > setting("CPUDRIVER_DEVICES", 0, 1))
		return not_found;
	devices[bus - 1].ordinal = int(bus) - 1;
	return *device = &devices[bus - 1], success;
}

EXPORT Answer nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
	if (!opened) return uninitialized;
	if (!device || !memory) return invalid_argument;
	unsigned long long total = memory_bytes(device->ordinal), free = total;
	// libcuda.so.1, if it is loaded, knows how much this process has taken.
	if (void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD)) {
		auto left = reinterpret_cast<unsigned long long (*)(int)>(dlsym(driver, "cpudriver_free"));
		if (left) free = left(device->ordinal);
		dlclose(driver);
	}
	free = static_cast<unsigned long long>(
		setting("CPUDRIVER_NVML_FREE", device->ordinal, static_cast<long long>(free)));
	return *memory = {total, free, total - free}, success;
}

EXPORT const char *nvmlErrorString(Answer answer) {
	switch (answer) {
	case success: return "The operation was successful";
	case uninitialized: return "NVML was not first initialized with nvmlInit()";
	case invalid_argument: return "A supplied argument is invalid";
	case not_found: return "A query to find an object was unsuccessful";
	case driver_not_loaded: return "NVIDIA driver is not loaded";
	}
	return "Unknown error";
}
