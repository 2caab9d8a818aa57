//go:build cuda && !(linux && cgo && (amd64 || arm64))

package cuda

// This name is not defined: the compiler's error about it is the message.
var _ = the_tag_cuda_needs_linux_on_amd64_or_arm64_and_cgo_with_a_C_compiler
