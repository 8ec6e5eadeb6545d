// First and second derivatives of log|V0| by the (co)variances themselves, not by Lambda.
#pragma once

#include "information.hpp"

namespace nw {

// With V0 = I + sum_a t_a V_a, V_a = Z S_a Z' and S_a the symmetric unit matrix of entry a:
// first[a] = tr(V0^-1 V_a) and second[a, b] = tr(V0^-1 V_a V0^-1 V_b). The chain is eliminated
// with hyperdual numbers, one pass for each pair of its entries; the tail is dense. Both are
// smooth where Lambda is singular. After `eliminate`.
void covariance_curvature(const CrossProducts& cp, const Lambdas& lambda,
                          const std::vector<Entry>& entries, const Workspace& w, double* first,
                          double* second);

}  // namespace nw
