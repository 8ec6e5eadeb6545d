// One random intercept and a canonical link: adaptive quadrature (one point: Laplace's
// approximation) with gradient and Hessian. Twin: nestwise/core/quadrature.py.
#pragma once

#include <cstdint>
#include <vector>

#include "quadrature.hpp"

namespace nw {

// Rows in the order of their levels, each level filled up to whole lanes by rows of no weight.
struct InterceptRows {
    std::int64_t n = 0, size = 0;  // rows, and places for them
    int l = 0, p = 0;
    int ones = -1;       // a column of X that is one everywhere, -1: none
    bool plain = false;  // all weights are one
    RowFamily family = RowFamily::binomial_logit;
    std::vector<std::int64_t> starts, counts;  // first place of each level; its rows
    std::vector<std::int64_t> row;             // the caller's row at each place, -1: none
    // d1 = success q - failure mu for the logit, success - failure mu for the logarithm.
    std::vector<double> success, failure, offset, X;  // X by columns, p x size
};

// What of the levels is summed: those whose scattered number lies below `part` of 2^32, all with 1.
struct LevelSample {
    double part = 1.0;

    bool has(int level) const {
        const std::uint32_t place = static_cast<std::uint32_t>(level) * 2654435761u;
        return place < part * 4294967296.0;
    }
};

struct InterceptSums {
    double loglik = 0.0;   // without the rows' constants
    double log_det = 0.0;  // sum of log(H) / 2
    bool found = true;
    int n_steps = 0;
    std::vector<double> u;         // l
    std::vector<double> gradient;  // 1 + p: by lambda, by beta
    std::vector<double> hessian;   // (1 + p) x (1 + p)
    std::vector<double> slopes;    // l x (1 + p): how the modes move with (lambda, beta)
};

// Log-likelihood at lambda and beta, modes sought from u. order 1: with gradient; 2: with Hessian.
InterceptSums intercept_quadrature(const InterceptRows& rows, double lambda, const double* beta,
                                   const double* u, const QuadratureRule& rule, int order,
                                   LevelSample sample = {});

// n predictors at random effects u, the caller's order.
std::vector<double> intercept_predictors(const InterceptRows& rows, double lambda, const double* beta,
                                         const double* u);

}  // namespace nw
