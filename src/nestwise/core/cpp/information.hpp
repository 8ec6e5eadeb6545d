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

// R <- Lambda'R, factor by factor (q x m, row-major).
void scale_columns(const CrossProducts& cp, const Lambdas& lambda, int m, double* R);

// What the fixed effects meet in the random ones (q x p, row-major): U = M^-1 Lambda'Z'WX,
// B = Lambda U and E = Z'V0^-1 X = Z'WX - Z'WZ B.
struct FixedColumns {
    std::vector<double> U, B, E;
};
FixedColumns fixed_columns(const CrossProducts& cp, const Lambdas& lambda, Workspace& w);

// out[i] (p x p) = X'V0^-1 (dV0/dtheta_i) V0^-1 X, after `eliminate`.
void covariance_forms(const CrossProducts& cp, const Lambdas& lambda,
                      const std::vector<Entry>& entries, Workspace& w, double* out);

}  // namespace nw
