package reproduce

import "testing"

func TestPhases(t *testing.T) {
	one := func(change func(o *observation)) Verdict { return judgePhases([]observation{observe(change)}) }
	expect(t, "in order", one(func(*observation) {}), Agrees)
	expect(t, "no floor yet", one(func(o *observation) { o.FloorStart = nil }), Unclear)
	expect(t, "saddle avoidance before alignment", one(func(o *observation) {
		o.AlignmentEnd, o.SaddleEnd = o.SaddleEnd, o.AlignmentEnd
	}), Disagrees)
	expect(t, "a factor that is not small", one(func(o *observation) {
		o.Trajectory[1].TestError = 0.5
	}), Disagrees)
	expect(t, "a floor that is high", one(func(o *observation) { o.Final.TestError = 0.1 }), Disagrees)
}
