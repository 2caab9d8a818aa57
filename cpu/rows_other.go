//go:build !linux

package cpu

func adviseHugePages[E any]([]E) {}
