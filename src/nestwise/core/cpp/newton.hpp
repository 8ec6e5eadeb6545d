// The optimiser of `fit/newton.py`: same steps, no Python in between.
#pragma once

#include <limits>

#include "descent.hpp"
#include "elimination.hpp"
#include "gradient.hpp"
#include "information.hpp"

namespace nw {

// What is minimised: profiled, or ldL2 + pwrss, which is ML when the residual variance is one.
enum class Criterion { ml, reml, known_scale };
inline Criterion profiled(bool reml) { return reml ? Criterion::reml : Criterion::ml; }

// One evaluation; gradient and hessian by the free entries.
struct Point {
    std::vector<double> par, gradient, hessian, gram;
    Faces faces;
    double value = std::numeric_limits<double>::quiet_NaN();
    Determinants det{};
    int evaluations = 1;
    bool in_workspace = false;  // whether the workspace still holds its factor and modes
};

struct Path {
    Point point;
    double decrease;
    int evaluations;
    Stopped stopped;
};

// When to stop, and when to leave the rest to `fit/descent.py`: progress that is slow after
// `patience` evaluations, or a diagonal of Lambda below `leave`. With `probes` gradients
// are estimated from so many random signs where that is near enough: a large remainder is then
// inverted once or twice only.
struct Limits {
    double tolerance;
    int evaluations, patience;
    double leave;
    int probes = 0;
};

// Minimise the profiled criterion over the free entries from `par`: a trust region on the absolute
// eigenvalues of average information + 2 S (x) I. Leaves the last point in the workspace.
Path descend(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
             Criterion kind, const Limits& limits, Workspace& w);

struct Optimum {
    std::vector<double> par;  // one for each entry
    double criterion;         // without constants of the scaling of X and of the weights
    double ldL2, ldRX2, pwrss;
    double decrease;          // what the curvature still promises
    int evaluations;
    bool finite;
};

// `descend` to the end, for refits by the thousand; diagonals that are nearly zero become zero.
Optimum minimise(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
                 Criterion kind, double tolerance, int max_evaluations, Workspace& w);

}  // namespace nw
