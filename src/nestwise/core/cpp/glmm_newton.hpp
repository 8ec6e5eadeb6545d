// The outer optimiser of generalised models: the twin of fit/glmm_newton.py and the first half of
// fit/glmm_descent.py, with no Python in between.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace nw {

// The fixed part of the linear predictor: columns (x - center) / scale of X (n x p, by columns).
struct FixedPart {
    std::int64_t n = 0;
    int p = 0;
    const double *X = nullptr, *center = nullptr, *scale = nullptr, *offset = nullptr;
    const std::int64_t* order = nullptr;  // row at each place of the kernel; null: as they are

    // offset + X beta, n values in the kernel's order.
    std::vector<double> predictor(const double* beta) const;
    // X't of t in the kernel's order.
    std::vector<double> transposed(const std::vector<double>& t) const;
};

// One evaluation; psi is (par, beta, log phi), eta in the kernel's order. hessian (m x m) and
// slopes (modes x m, how they move with psi) are empty where the kernel does not know them.
struct GlmmPoint {
    std::vector<double> psi, gradient, u, eta, hessian, slopes;
    double value = std::numeric_limits<double>::quiet_NaN();
    double ldL2 = std::numeric_limits<double>::quiet_NaN();
    int n_steps = 0;
};

// Criterion and gradient at psi, the modes sought from u.
using GlmmFunction = std::function<GlmmPoint(const std::vector<double>& psi, const std::vector<double>& u)>;

// In the order of `STOPPED` in core/glmm_optimum.py.
enum class GlmmStopped { tolerance, noise, evaluations, edge, degenerate, left };

struct GlmmPath {
    GlmmPoint point;
    std::vector<double> hessian;
    int evaluations;
    double decrease;
    GlmmStopped stopped;
};

// `near`: promised decrease at which learning the curvature ends; without `exact` all ends there.
// Beyond `low` and `high` of the last parameter, log phi, it leaves.
struct GlmmLimits {
    double near, tolerance;
    int evaluations;
    bool exact;
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

// A trust region from psi on a curvature that is first guessed, then learnt, then made exact by
// differences of the gradient; or the kernel's own from the beginning, where it knows it. A guess
// that ends with NaN is told its last curvature first.
GlmmPath descend_glmm(const GlmmFunction& function, const std::vector<double>& psi,
                      const std::vector<double>& u, std::vector<double> guess, const GlmmLimits& limits);

}  // namespace nw
