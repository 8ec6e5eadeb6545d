// X = Q R and least squares, for designs with few columns.
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

// X (n, p) column-major, of full column rank. Gram-Schmidt, each column twice.
// Source: Giraud, Langou, Rozloznik & van den Eshof (2005), Numer. Math. 101, 87-100 (twice is enough).
LeastSquares least_squares(const double* X, const double* y, std::size_t n, int p);

}  // namespace nw
