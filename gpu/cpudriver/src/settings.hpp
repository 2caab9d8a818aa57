// The environment variables of the driver. They are read each time that they matter, so that a test may change them.
//
//	CPUDRIVER_SEED                   of the order in which threads run (1); a fault tells it
//	CPUDRIVER_COPIES                 when cp.async copies: late (at the wait; the default), early (at once) or random
//	CPUDRIVER_LOG                    a file to which launches, retained contexts and released ones are appended
//
//	CPUDRIVER_DEVICES                how many devices there are (1)
//	CPUDRIVER_VERSION                the driver's version: 12040 (the default) is CUDA 12.4, which knows PTX 8.4
//	CPUDRIVER_CAPABILITY             compute capability (9.0)
//	CPUDRIVER_MULTIPROCESSORS        how many (4)
//	CPUDRIVER_MEMORY                 bytes of device memory (4 GiB)
//	CPUDRIVER_BLOCK_SHARED           bytes of shared memory that a block may have (232448)
//	CPUDRIVER_COMPUTE_MODE           attribute COMPUTE_MODE (0)
//	CPUDRIVER_WATCHDOG               attribute KERNEL_EXEC_TIMEOUT (0)
//	CPUDRIVER_COOPERATIVE_ATTRIBUTE  attribute COOPERATIVE_LAUNCH (1)
//
//	CPUDRIVER_INIT                   what cuInit answers (0)
//	CPUDRIVER_RETAIN                 what cuDevicePrimaryCtxRetain answers (0)
//	CPUDRIVER_LAUNCH                 what every launch answers (0)
//	CPUDRIVER_COOPERATIVE            what every cooperative launch answers (0)
//	CPUDRIVER_KERNEL                 how every kernel ends (0); if it is an error, the device is lost
//	CPUDRIVER_WATCHDOG_WORK          a launch of more thread instructions than this ends with LAUNCH_TIMEOUT (0: no limit)
//	CPUDRIVER_ALLOCATIONS            how many allocations there is room for, as if other processes then took the rest (no limit)
//
//	CPUDRIVER_NVML                   0: nvmlInit_v2 fails, as without a driver (1)
//	CPUDRIVER_NVML_FREE              bytes that NVML calls free (what this process left)
//
// The value of a number is one for all devices, "46", or a list by ordinal, "0:46,2:46"; devices that it lacks have the default.
#pragma once
#include <cstdlib>
#include <cstring>
#include <string>

inline long long setting(const char *name, int device, long long otherwise) {
	const char *text = std::getenv(name);
	if (!text || !*text) return otherwise;
	if (!std::strchr(text, ':')) return std::atoll(text);
	for (const char *p = text; p; p = std::strchr(p, ',')) {
		if (*p == ',') p++;
		char *end;
		long ordinal = std::strtol(p, &end, 10);
		if (*end == ':' && ordinal == device) return std::atoll(end + 1);
	}
	return otherwise;
}

inline std::string text_setting(const char *name, const char *otherwise) {
	const char *text = std::getenv(name);
	return text && *text ? text : otherwise;
}

inline unsigned long long memory_bytes(int device) {
	return static_cast<unsigned long long>(setting("CPUDRIVER_MEMORY", device, 4ll << 30));
}
