// The blocked Cholesky factorisation, and the solutions that follow from it.
#pragma once

#include "workspace.hpp"

namespace nw {

struct Determinants {
    bool positive;  // false: the matrix was not positive definite, nothing else is valid
    double ldL2, ldRX2, pwrss;
};

// Factorise the mixed-model equations at Lambda: Bates et al. (2015) eq. 18, level by level.
Determinants eliminate(const CrossProducts& cp, const Lambdas& lambda, Workspace& w);

// u and beta, after `eliminate`.
void solve_effects(const CrossProducts& cp, Workspace& w);

// u, b = Lambda u, beta, and v = Z'W(y - X beta - Z b), after `eliminate`.
void solve_modes(const CrossProducts& cp, const Lambdas& lambda, Workspace& w);

// out_f (m k x c, row-major, elimination order) = Z'WZ in, for c columns at once.
void times_cross_product(const CrossProducts& cp, const double* in, int c, double* out);

}  // namespace nw
