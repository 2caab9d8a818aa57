//go:build !cuda

package main

// tags are those that the program under test is built with: the test's own.
const tags = ""
