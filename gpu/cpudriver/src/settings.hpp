// The environment variables of the driver. They are read at each use, so that a test may change them.
//
//	CPUDRIVER_SEED                   seed of the order in which threads run (1); a fault reports it
//	CPUDRIVER_COPIES                 when cp.async copies: late (the default), early (at once) or random
//	CPUDRIVER_LOG                    a file to which launches and retained and released contexts are appended
//
//	CPUDRIVER_DEVICES                how many devices there are (1)
//	CPUDRIVER_VERSION                the driver's version (12040: CUDA 12.4, which knows PTX 8.4)
//	CPUDRIVER_CAPABILITY             compute capability (9.0)
//	CPUDRIVER_MULTIPROCESSORS        how many (4)
//	CPUDRIVER_MEMORY                 bytes of device memory (4 GiB)
//	CPUDRIVER_BLOCK_SHARED           bytes of shared memory that a block may have (232448)
//	CPUDRIVER_CLOCK                  attribute CLOCK_RATE in kHz (0, because the driver has no clock)
//	CPUDRIVER_MEMORY_CLOCK           attribute MEMORY_CLOCK_RATE in kHz (0)
//	CPUDRIVER_BUS_WIDTH              attribute GLOBAL_MEMORY_BUS_WIDTH in bits (0)
//	CPUDRIVER_SINGLE_TO_DOUBLE       attribute SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO (2)
//	CPUDRIVER_COMPUTE_MODE           attribute COMPUTE_MODE (0)
//	CPUDRIVER_WATCHDOG               attribute KERNEL_EXEC_TIMEOUT (0)
//	CPUDRIVER_COOPERATIVE_ATTRIBUTE  attribute COOPERATIVE_LAUNCH (1)
//
//	CPUDRIVER_INIT                   status that cuInit returns (0)
//	CPUDRIVER_RETAIN                 status that cuDevicePrimaryCtxRetain returns (0)
//	CPUDRIVER_LAUNCH                 status that every launch returns (0)
//	CPUDRIVER_COOPERATIVE            status that every cooperative launch returns, and every replay of one (0)
//	CPUDRIVER_CAPTURE                status that a launch returns to a stream that records a graph (0)
//	CPUDRIVER_INSTANTIATE            status that cuGraphInstantiateWithFlags returns (0)
//	CPUDRIVER_REPLAY                 status that cuGraphLaunch returns (0)
//	CPUDRIVER_PEER                   status that cuMemcpyPeerAsync returns (0)
//	CPUDRIVER_KERNEL                 status with which every kernel ends (0); an error loses the device
//	CPUDRIVER_KERNEL_AFTER           launches of the device that CPUDRIVER_KERNEL spares (0)
//	CPUDRIVER_WATCHDOG_WORK          thread instructions after which LAUNCH_TIMEOUT ends a launch (0: never)
//	CPUDRIVER_ALLOCATIONS            allocations that succeed, as if other processes then took all (no limit)
//
//	CPUDRIVER_NVML                   0 makes nvmlInit_v2 fail, as without a driver (1)
//	CPUDRIVER_NVML_FREE              bytes that NVML reports as free (the bytes that this process has left)
//
// A number holds for all devices, "46", or is a list by ordinal, "0:46,2:46"; devices not in the list have
// the default.
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
