// Package report draws what runs recorded.
package report
