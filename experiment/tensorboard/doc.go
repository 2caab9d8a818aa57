// Package tensorboard writes what runs measure into event files, which TensorBoard shows while the runs go
// on. A run has a folder of its own. Nothing here stops or slows a run: what cannot be written is told.
package tensorboard
