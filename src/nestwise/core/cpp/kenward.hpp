// What Kenward & Roger's adjustment needs of the fixed effects: Gram matrices of V_a V0^-1 X.
#pragma once

#include "information.hpp"

namespace nw {

// With F_a = V_a V0^-1 X for each entry a and F_m = V0^-1 X for the residual (c = p (m + 1) columns):
// plain (c x c) = F'F, whose last block row is X'V0^-1 V_a V0^-1 X, and weighted (c x c) =
// F'V0^-1 F, whose blocks are X'V0^-1 V_a V0^-1 V_b V0^-1 X. After `eliminate`.
void kenward_gram(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                  Workspace& w, double* plain, double* weighted);

}  // namespace nw
