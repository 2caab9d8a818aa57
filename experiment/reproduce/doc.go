// Package reproduce compares the claims of papers with experiments: the theory of small random starts (Stöger
// and Soltanolkotabi, arXiv 2106.15013), and that of the other methods, parametrizations and ensembles. Each
// claim names its paper. Each experiment is a sweep file in a quick and a full size.
//
// A verdict is a pure function of a sweep's results: agrees, disagrees or cannot be told, with the numbers
// behind it. The thresholds are written down here and were not fitted to a result, so that a verdict can
// fail.
package reproduce
