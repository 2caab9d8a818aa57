// Package view presents runs and sweeps to people: summaries as text, figures with captions, and report
// pages. It draws and lays out with package report what package experiment recorded. It knows no flags and no
// terminal: a function writes to an io.Writer, or returns a page, a figure or a text.
package view
