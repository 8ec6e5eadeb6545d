// Second derivatives as differences of exact gradients.
#pragma once

#include "gradient.hpp"
#include "information.hpp"

namespace nw {

// (m x m, symmetric): derivatives of the gradient logdet + precision * pwrss by the free entries, by
// differences over `steps`: central, or one-sided from `base` where this is given. The determinant is
// that of K with `reml`, else of M; NaN where a point beside is not positive definite.
void gradient_differences(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                          bool reml, double precision, const double* steps, const double* base, Workspace& w,
                          double* out);

}  // namespace nw
