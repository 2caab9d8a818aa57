package report

import "math"

// Link leads to another page of a server.
type Link struct{ Text, Href string }

// Progress is how much of some work is done.
type Progress struct {
	// Share goes from 0 to 1.
	Share float64
	Text  string
}

// Percent is the share as a whole number from 0 to 100, at which nothing is left to do.
func (p Progress) Percent() int { return int(math.Floor(100 * min(max(p.Share, 0), 1))) }

// List is a list of pages. A reader can sort it, and search in it.
type List struct {
	Title string
	// Columns name the cells of items.
	Columns []string
	Items   []Item
	// Notes stand below.
	Notes []string
}

// Item is a line of a list.
type Item struct {
	Link
	// About says in some words what it is.
	About string
	// Mood and Status say how it is, and Note what there is to know of that.
	Mood         Mood
	Status, Note string
	// Progress is nil if it is not known.
	Progress *Progress
	// Cells stand below the list's columns.
	Cells []Cell
}

// Fraction is the progress to sort by.
func (i Item) Fraction() float64 {
	if i.Progress == nil {
		return -1
	}
	return i.Progress.Share
}
