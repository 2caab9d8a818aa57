package solver

// Activity is what a run is doing between its samples.
type Activity string

// The activities, in the order in which a run begins with them.
const (
	// Preparing makes the measurements and the memory for them.
	Preparing Activity = "measurements"
	// Estimating makes the spectral estimate.
	Estimating Activity = "estimate"
	// Stepping takes steps and measures iterates.
	Stepping Activity = "steps"
)

// watch tells Watch what the run is doing.
func (s *Settings) watch(a Activity, iteration int) {
	if s.Watch != nil {
		s.Watch(a, iteration)
	}
}
