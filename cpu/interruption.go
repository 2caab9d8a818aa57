package cpu

// interruption is what passes over the measurements ask between their parts, so that a pass that takes
// minutes can be ended early. The zero value, and nil, never end one.
type interruption struct {
	ask func() error // [solver.Batch].Interrupted, or ctx's error while the engine is being opened
}

// err returns why a pass is to end now; nil if it is to go on.
func (i *interruption) err() error {
	if i == nil || i.ask == nil {
		return nil
	}
	return i.ask()
}
