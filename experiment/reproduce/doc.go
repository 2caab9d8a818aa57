// Package reproduce compares the claims of papers with experiments: the theory of small random starts (Stöger
// and Soltanolkotabi, arXiv 2106.15013), and that of the other methods, parametrizations and ensembles. Each
// claim names its paper. Each experiment is a sweep file in a quick and a full size.
//
// A verdict is a pure function of a sweep's results: agrees, disagrees or cannot be told, with the numbers
// behind it. The thresholds are written down here, so that a verdict can fail, but not all before the first
// run: the target of weight-normalization then moved from 1e-3 to 0.1, and trials changed the ranges of
// mirror-descent, single-index, single-index-sizes and covariates.
package reproduce
