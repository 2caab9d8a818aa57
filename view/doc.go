// Package view presents runs and sweeps to people: summaries in text, figures with their captions, and report
// pages. It takes what package experiment recorded and sets it with package report. It knows no flags and no
// terminal: a function writes to an io.Writer, or returns a page, a figure or a text.
package view
