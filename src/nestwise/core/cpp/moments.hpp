// Moments of the variance components: starting values, and what the data can tell apart.
#pragma once

#include "information.hpp"

namespace nw {

// For the components V_i = Z E_i Z' (E_i the symmetric unit matrix of entry i) and, last, the
// identity: gram[i, j] = tr(V_i V_j) and quadratic[i] = y'V_i y, y the least-squares residual.
// Source: Rao (1971), J. Multivariate Anal. 1, 257-275 (MINQUE with unit prior weights).
void component_moments(const CrossProducts& cp, const std::vector<Entry>& entries, double* gram,
                       double* quadratic);

}  // namespace nw
