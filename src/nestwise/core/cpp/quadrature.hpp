// Adaptive Gauss-Hermite quadrature, level by level, for the families whose log density is a few
// exponentials: binomial with logit, Poisson with log. A single random intercept has its own
// (intercept.hpp). Twin: nestwise/core/quadrature.py.
#pragma once

#include <cstdint>
#include <vector>

namespace nw {

enum class RowFamily { binomial_logit = 0, poisson_log = 1 };

// Rows brought into the order of their levels. Row-major Z of k columns.
struct LevelRows {
    std::int64_t n = 0;
    int l = 0;
    int k = 0;
    RowFamily family = RowFamily::binomial_logit;
    bool plain = false;   // all weights are one
    std::vector<std::int64_t> starts, order;
    std::vector<double> y, w, Z;
};

struct QuadratureRule {
    int n_nodes;
    const double* z;            // n_nodes x k
    const double* log_weights;  // n_nodes
};

struct QuadratureSums {
    double loglik = 0.0;      // without the rows' constants
    double log_det = 0.0;     // sum of log|L|
    bool found = true;        // every level has its mode
    int n_steps = 0;          // of the slowest level
    std::vector<double> u;    // l x k
    std::vector<double> eta;           // n, the caller's order: predictors at the modes
    std::vector<double> by_predictor;  // n, the caller's order
    std::vector<double> by_lambda;     // k x k
};

// Log-likelihood at Lambda (k x k, row-major) and fixed (n, the caller's order: offset + X beta),
// modes sought from u; with order 1 the derivatives by the predictors and by Lambda.
QuadratureSums quadrature(const LevelRows& rows, const double* Lambda, const double* fixed,
                          const double* u, const QuadratureRule& rule, int order);

}  // namespace nw
