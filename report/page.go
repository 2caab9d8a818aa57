package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
)

// Page is a report in one HTML file that needs nothing else: no network, no other file. Parts that are empty
// are left out. A server may renew it: then page.js asks for the page again, and the curves grow.
type Page struct {
	// Up leads to the page of a server that lists this one, under the name Here.
	Up       Link
	Here     string
	Title    string
	Subtitle string
	Verdict  Verdict
	// Progress stands below the verdict while something goes on; nil otherwise.
	Progress *Progress
	List     *List
	Charts   []Chart
	Tables   []Table
	Repeat   Repeat
	// Downloads are files that the page has in it.
	Downloads []File
	// Notes stand below the downloads.
	Notes []string
	// Renew is how many seconds after an answer the page is asked for again; 0 if it does not change, as in
	// a file.
	Renew int
}

// Verdict says in a line how it ended.
type Verdict struct {
	Mood Mood
	// Headline is in bold.
	Headline, Text string
}

// Mood gives a verdict its color and its sign.
type Mood string

// The moods.
const (
	Neutral Mood = "neutral"
	Good    Mood = "good"
	Bad     Mood = "bad"
	Working Mood = "working"
)

// Table is a table of a page.
type Table struct {
	Title string
	// Head names the columns; nil if the first column says all.
	Head []string
	// Rows have their own names first.
	Rows [][]Cell
	// Wide tables take the whole width of the page.
	Wide bool
	// Records says that rows are many and alike: each is one line, and if there are too many columns they
	// are scrolled.
	Records bool
	// Note explains the table.
	Note string
}

// Cell is a cell of a table.
type Cell struct {
	Text string
	// Value has all digits of a number whose Text is rounded.
	Value string
	// Small is set for words that explain, which narrow screens leave out.
	Small bool
}

// Text returns a cell of words.
func Text(s string) Cell { return Cell{Text: s} }

// Number returns a cell with a number, rounded to be read as page.js does it; one that is not finite is
// unknown.
func Number(v float64) Cell {
	size := math.Abs(v)
	switch {
	case !finite(v):
		return Text("unknown")
	case v == math.Trunc(v) && size < 1e9:
		return Whole(int(v))
	}
	var text string
	if size < 1e-3 || size >= 1e6 {
		text = strconv.FormatFloat(v, 'e', 3, 64)
		text = strings.Replace(strings.Replace(text, "e-0", "e-", 1), "e+0", "e+", 1)
	} else {
		// 0.999999 has one digit before the point.
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(size, 'e', 4, 64), 64)
		text = strconv.FormatFloat(v, 'f', max(0, 4-int(math.Floor(math.Log10(rounded)))), 64)
	}
	return Cell{Text: text, Value: strconv.FormatFloat(v, 'g', -1, 64)}
}

// Whole returns a cell with a whole number.
func Whole(v int) Cell { return Cell{Text: strconv.Itoa(v), Value: strconv.Itoa(v)} }

// Repeat says how to get the same again.
type Repeat struct {
	Commands []string
	Note     string
	// Config is the file that the commands read.
	Config File
}

// File is a file of text within a page.
type File struct {
	Name string
	// Type is its media type, as in "text/csv".
	Type string
	Text []byte
}

// URI returns the file as an address that has all of it.
func (f File) URI() template.URL {
	const plain = "-_.~,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	b.WriteString("data:" + f.Type + ";charset=utf-8,")
	for _, c := range f.Text {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return template.URL(b.String())
}

// Size tells how long the file is.
func (f File) Size() string {
	if n := len(f.Text); n >= 1000 {
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return fmt.Sprintf("%d bytes", len(f.Text))
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// Policy is the page's content security policy. The style and the script of the page are the only ones that a
// browser may take. A page that is renewed may ask its server, and nobody else.
func (p Page) Policy() string {
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; "+
		"base-uri 'none'; form-action 'none'", hash(pageJS), hash(pageCSS))
	if p.Renew > 0 {
		policy += "; connect-src 'self'"
	}
	return policy
}

// Write writes the page. The same page is the same bytes.
func (p Page) Write(w io.Writer) error {
	content := struct {
		Page
		Data   []chartData
		Style  template.CSS
		Script template.JS
	}{p, nil, template.CSS(pageCSS), template.JS(pageJS)}
	for _, c := range p.Charts {
		content.Data = append(content.Data, c.data())
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, content); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// hash is what a content security policy calls a text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
