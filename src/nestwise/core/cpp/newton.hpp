// The optimiser of `fit/newton.py` for refits by the thousand: same steps, no Python in between.
#pragma once

#include "information.hpp"

namespace nw {

struct Optimum {
    std::vector<double> par;  // one for each entry
    double criterion;         // without constants of the scaling of X and of the weights
    double ldL2, ldRX2, pwrss;
    double decrease;          // what the curvature still promises
    int evaluations;
    bool finite;
};

// Minimise the profiled criterion over the free entries from `par`: a trust region on the absolute
// eigenvalues of average information + 2 S (x) I. Leaves the optimum in the workspace.
Optimum minimise(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
                 bool reml, double tolerance, int max_evaluations, Workspace& w);

}  // namespace nw
