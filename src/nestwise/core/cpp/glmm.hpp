// Laplace's approximation of a generalised linear mixed model, on the pattern of its levels.
//
// The twin of core/glmm_reference.py. Rows are ordered by the level of the first factor in
// elimination order; the fixed effects enter as a known part of each row's linear predictor.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "gradient.hpp"
#include "information.hpp"

namespace nw {

// What the rows say at a linear predictor, n values each.
struct RowValues {
    std::vector<double> d1, observed, expected;  // first derivative, -second, its expected value
    std::vector<double> slope;                   // derivative by eta of the weights in log|M|
    std::vector<double> phi_loglik, phi_d1, phi_weight;  // by log phi; empty without dispersion
};

// A family with its data. `step` fills d1, observed and (unless canonical) expected, and returns
// the log-likelihood; `slopes` fills the rest. NaN or -inf: eta is outside the family's range.
struct RowFunctions {
    bool canonical = false;
    std::function<double(const double* eta, double phi, RowValues& out)> step;
    std::function<void(const double* eta, double phi, bool observed, RowValues& out)> slopes;
};

// Levels and scaled columns of the rows for one factor.
struct RowFactor {
    std::vector<std::int32_t> codes;
    std::vector<double> z;  // n x k row-major; empty: a single column of ones
};

struct Glmm {
    std::int64_t n = 0;
    std::unique_ptr<CrossProducts> cp;  // p = 0; the values are those of the last weights
    std::vector<RowFactor> factors;     // elimination order
    std::vector<std::vector<std::vector<std::int32_t>>> slot;  // [f][g]: pair of each row, f < g
    std::vector<std::int64_t> first_row;  // of each level of the first factor
    RowFunctions family;
    bool observed = true;
    bool moved_last = false;  // whether `move` was added to eta after M was made
    RowValues values, trial_values;
    std::vector<double> eta, trial, target, move, solution, effects, leverage, adjoint;
    std::mutex busy;
};

struct LaplaceResult {
    bool found = false;
    int iterations = 0;
    double criterion = 0.0, ldL2 = 0.0, by_log_phi = 0.0;
    std::vector<double> u;              // elimination order
    std::vector<double> slope;          // n: dD / d(fixed part of eta)
    std::vector<std::vector<double>> by_lambda;  // k x k for each factor, elimination order
};

// Lay out the pattern; `rows` has p = 0 and any y, its factors in the caller's order.
std::unique_ptr<Glmm> make_glmm(const Rows& rows, int solver, double memory);

// Cross-products with new weights, and Z't in the place of Z'Wy.
void reweight(Glmm& g, const double* weights, const double* t);

// out_i = sum over factors of z_i'b at the row's level; b in elimination order.
void times_z(const Glmm& g, const double* b, double* out);

// out (q) = Z't.
void times_z_transposed(const Glmm& g, const double* t, double* out);

// h_i = a_i'M^-1 a_i for every row, and the faces of the inverse, after `eliminate`.
void row_leverages(Glmm& g, const Lambdas& lambda, Workspace& w, Faces& faces, double* h);

// Criterion (order 0) and derivatives (order 1); u holds where the mode is sought from.
LaplaceResult laplace(Glmm& g, const Lambdas& lambda, const double* fixed, double phi,
                      std::vector<double> u, int order);

// Built-in families: fused loops over the rows. `constant` is added to the log-likelihood.
RowFunctions binomial_logit(std::vector<double> y, std::vector<double> weights, double constant);
RowFunctions poisson_log(std::vector<double> y, std::vector<double> weights, double constant);
// y whole numbers that are not huge.
RowFunctions negative_binomial_log(std::vector<double> y, std::vector<double> weights, double constant);
RowFunctions gamma_log(std::vector<double> y, std::vector<double> weights, double constant);
// One of these by its name, "binomial-logit" and so on; throws where there is none.
RowFunctions named_family(const std::string& name, std::vector<double> y, std::vector<double> weights,
                          double constant);

}  // namespace nw
