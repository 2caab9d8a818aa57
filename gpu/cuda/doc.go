// Package cuda is a driver.Device on an NVIDIA GPU, through gorgonia.org/cu.
//
// It is part of a build only with the tag cuda, on Linux (amd64 and arm64), with cgo and cuda.h of CUDA 11.8 to 12.9
// (scripts/cuda-headers finds or fetches it, and prints how Go is told):
//
//	eval "$(scripts/cuda-headers)"
//	go build -tags cuda ./...
//
// No CUDA library and no GPU is needed to build. The program starts everywhere: NVIDIA's driver is looked for when Devices
// or Open is first called, and where there is none they say so. Without the tag they say that.
//
// Everything is done in the order of one stream of the device's own, in the device's primary context. That context is made
// current for each call and taken back after it, because contexts belong to threads and goroutines do not; so a program
// may use CUDA in other ways beside this.
//
// A kernel that fails (an illegal address, say) fails later than its launch, and takes the device with it: the first call
// that learns of it names the launch if it can only be one, otherwise the last of them, and every later call returns
// the same error, which wraps driver.ErrLost. CUDA_LAUNCH_BLOCKING=1 in the environment makes the driver wait for each
// launch, and so finds the one that failed.
package cuda
