// Starting values of a generalised model: a few working linear mixed models. The twin of
// fit/glmm_start.py and of `working_curvature` in fit/glmm_curvature.py.
#pragma once

#include "basis.hpp"
#include "glmm.hpp"

namespace nw {

enum class Dispersion { none, scale, shape };

struct BeginInput {
    Rows rows;  // without response, weights and scales of X: they are found here
    const RowFunctions& family;
    Dispersion dispersion;
    const double* offset;
    const double* eta;           // n: a first linear predictor, from the response
    std::vector<Entry> entries;  // factors in the caller's order
    int intercept, rounds, solver;
    double memory;
};

struct Beginning {
    bool found = false;
    std::unique_ptr<CrossProducts> cp;
    Basis basis;
    std::vector<double> par, beta, u, eta;  // par absolute; u in elimination order
    std::vector<double> curvature;          // (m + p) x (m + p), positive
    double phi = 1.0;                       // 1 without dispersion
    double log_weights = 0.0;
};

Beginning begin_glmm(const BeginInput& in);

}  // namespace nw
