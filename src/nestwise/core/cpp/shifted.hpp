// The gradient at a Lambda beside another: what second derivatives are differences of.
#pragma once

#include "gradient.hpp"
#include "information.hpp"

namespace nw {

// Derivatives of the log-determinant (of K with `reml`, else of M) and of rho^2 by the free entries,
// at `lambda` with `shift` added to these entries; NaN where it is not positive definite.
void shifted_gradient(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                      bool reml, const double* shift, Workspace& w, double* logdet, double* pwrss);

// (m x m, symmetric): derivatives of that gradient, logdet + precision * pwrss, by differences over
// `steps`: central, or one-sided from `base` where this is given.
void gradient_differences(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                          bool reml, double precision, const double* steps, const double* base, Workspace& w,
                          double* out);

}  // namespace nw
