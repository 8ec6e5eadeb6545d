// Everything that one evaluation writes. Kept between evaluations, so that nothing is allocated.
#pragma once

#include <memory>
#include <vector>

#include "crossproducts.hpp"

namespace nw {

// One chain factor during elimination; each array starts as the scaled cross-product and ends as
// the corresponding part of the Cholesky factor.
struct ChainWork {
    std::vector<double> L;                      // m x k x k, lower triangle
    std::vector<std::vector<double>> ancestor;  // [j]: m x k x k_j
    std::vector<double> tail;                   // for each level k x (its tail columns)
    std::vector<double> xy;                     // m x k x (p + 1)
    // The inverse on the same pattern; kept for every factor that has children.
    std::vector<double> C;
    std::vector<std::vector<double>> C_ancestor;
    std::vector<double> C_tail;
    std::vector<double> C_x;
};

struct Workspace {
    std::vector<ChainWork> chain;
    std::vector<double> S;      // (tail + p)^2, column-major, lower: Schur complement, then L
    std::vector<double> S_inverse;
    std::vector<double> y_row;  // tail + p: right-hand side, then L^-1 of it
    double yy = 0.0;
    std::vector<double> u, b, v;  // q, elimination order
    std::vector<double> beta;     // p
    std::vector<double> panel, square;
    std::vector<double> R, c;  // q x n_theta
    std::vector<double> R_tail;

    explicit Workspace(const CrossProducts& cp);
};

// Relative Cholesky factors, one k x k row-major lower triangle for each factor, in elimination
// order.
using Lambdas = std::vector<std::vector<double>>;

}  // namespace nw
