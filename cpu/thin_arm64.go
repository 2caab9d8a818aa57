package cpu

// thinOf returns the loops of an instruction set.
func thinOf(simd SIMD) ([]thinTile, packLoop) {
	if simd == Off {
		return plainThin, packPlain
	}
	return []thinTile{{8, []thinLoop{
		thin1x8NEON, thin2x8NEON, thin3x8NEON, thin4x8NEON, thin5x8NEON, thin6x8NEON,
	}}}, transpose8NEON
}
