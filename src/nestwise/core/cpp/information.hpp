// Average information, and the forms from which degrees of freedom come.
#pragma once

#include "workspace.hpp"

namespace nw {

struct Entry {
    int factor, row, column;  // factor in elimination order
};

// gram[i, j] = <w_i, w_j>_P with w_i = Z(dLambda_i u + Lambda dLambda_i' v): Gilmour, Thompson &
// Cullis (1995). The w_i are carried through the elimination as further right-hand columns.
void average_information(const CrossProducts& cp, const Lambdas& lambda,
                         const std::vector<Entry>& entries, Workspace& w, double* gram);

// out[i] (p x p) = X'V0^-1 (dV0/dtheta_i) V0^-1 X, after `eliminate`.
void covariance_forms(const CrossProducts& cp, const Lambdas& lambda,
                      const std::vector<Entry>& entries, Workspace& w, double* out);

}  // namespace nw
