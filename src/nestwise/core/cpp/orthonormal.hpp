// X = Q R and least squares. The readable twin is numpy.linalg.qr.
#pragma once

#include <cstddef>
#include <vector>

namespace nw {

struct LeastSquares {
    std::vector<double> Q;          // (n, p) row-major
    std::vector<double> R;          // (p, p) row-major, upper triangular
    std::vector<double> beta;       // (p)
    std::vector<double> residuals;  // (n) y - X beta
};

// X (n, p) column-major, of full column rank. Gram-Schmidt, each column twice; Cholesky factors, twice,
// where there is much to do and no column is near the others.
// Source: Giraud, Langou, Rozloznik & van den Eshof (2005), Numer. Math. 101, 87-100 (twice is enough);
// Yamamoto, Nakatsukasa, Yanagisawa & Fukaya (2015), Electron. Trans. Numer. Anal. 44, 306-326.
LeastSquares least_squares(const double* X, const double* y, std::size_t n, int p);

}  // namespace nw
