// Package cuda is a driver.Device on an NVIDIA GPU, through gorgonia.org/cu.
//
// The package is part of a build only with the tag cuda, on Linux (amd64 and arm64), with cgo and the cuda.h
// of CUDA 11.8 to 12.9. scripts/cuda-headers finds or fetches that file, and prints the settings that tell Go
// where it is:
//
//	eval "$(scripts/cuda-headers)"
//	go build -tags cuda ./...
//
// Building needs no CUDA library and no GPU. The program starts on every machine: the first call of Devices
// or Open looks for NVIDIA's driver, and returns an error if there is none. Without the tag, both always
// return an error.
//
// All work is done in the order of one stream of the device, in the device's primary context. Each call makes
// that context current and restores the previous one at its end, because contexts belong to threads and
// goroutines do not. A program may therefore also use CUDA in other ways.
//
// A kernel that fails (for example at an illegal address) fails after its launch has returned, and the device
// is lost. The first call that learns of the failure names the launch, if only one is possible, and otherwise
// the last launch. Every later call returns the same error, which wraps driver.ErrLost. With
// CUDA_LAUNCH_BLOCKING=1 in the environment, the driver waits for each launch, which shows the one that
// failed.
package cuda
