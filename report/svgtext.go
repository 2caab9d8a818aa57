package report

import (
	"bytes"
	"fmt"
	"regexp"
)

// svgTexts finds the texts of an SVG.
var svgTexts = regexp.MustCompile(`(?s)<text (.*?)>([^<]*)</text>`)

// svgText mends the texts of an SVG for readers without the font that they were measured with. The library
// names one font alone; Times has the same measures, and most machines have it. Exponents are raised within
// their text, which therefore follow one another in any font. Blanks stay.
func svgText(svg []byte) []byte {
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Serif;"),
		[]byte("font-family:'Liberation Serif','Times New Roman',Times,serif;"))
	return svgTexts.ReplaceAllFunc(svg, func(element []byte) []byte {
		m := svgTexts.FindSubmatch(element)
		var b bytes.Buffer
		fmt.Fprintf(&b, `<text xml:space="preserve" %s>`, m[1])
		raised := false
		for _, p := range pieces(string(m[2])) {
			switch {
			case p.text == "":
				continue
			case p.up: // dy is in units of the small font
				fmt.Fprintf(&b, `<tspan dy="%.3gem" style="font-size:%g%%">%s</tspan>`,
					-raisedBy/raisedSize, 100*raisedSize, p.text)
			case raised:
				fmt.Fprintf(&b, `<tspan dy="%.3gem">%s</tspan>`, raisedBy, p.text)
			default:
				b.WriteString(p.text)
			}
			raised = p.up
		}
		b.WriteString("</text>")
		return b.Bytes()
	})
}
