// Package reproduce has experiments on what papers claim, as sweep files in a quick and a full size, and judges what came out: the
// theory of small random starts (Stöger and Soltanolkotabi, arXiv 2106.15013), and that of the other methods, parametrizations and
// ensembles, which each claim names.
//
// A verdict is a pure function of a sweep's results. It says agrees, disagrees or cannot be told, with the numbers behind
// it, and it can come out any way: the thresholds are written down here, and were not fitted to a result.
package reproduce
