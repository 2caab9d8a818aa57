// Package report draws what runs recorded, and sets it on pages: a [Page] is made of charts, tables and
// files, and knows no run.
package report
