// Centred and scaled coordinates of the fixed effects, and what a first fit leaves of y.
#pragma once

#include <cstdint>
#include <vector>

namespace nw {

struct Basis {
    std::vector<double> center, scale, shift;  // p each; see core/basis.py
    std::vector<double> residual;              // n: y less the first fit
};

// X is column-major n x p; `intercept` is the position of its column of ones, -1 without one.
Basis make_basis(const double* y, const double* X, std::int64_t n, int p, int intercept);

}  // namespace nw
