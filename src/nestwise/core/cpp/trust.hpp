// Steps within a ball: the twin of `trust_step` in fit/newton.py.
#pragma once

#include <vector>

namespace nw {

// Eigenvalues and vectors (columns of V) of a small symmetric matrix by Jacobi rotations.
// Source: Golub & Van Loan (2013), Matrix Computations, 4th ed., algorithm 8.5.2.
void symmetric_eigen(std::vector<double> A, int m, std::vector<double>& values, std::vector<double>& V);

struct Step {
    std::vector<double> move;
    double length, predicted;
};

// Minimise the quadratic model with the absolute eigenvalues of `hessian` within `radius`.
Step trust_step(const std::vector<double>& gradient, const std::vector<double>& hessian, double radius);

}  // namespace nw
