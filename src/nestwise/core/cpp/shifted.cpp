#include "shifted.hpp"

#include <limits>

#include "elimination.hpp"

namespace nw {

void shifted_gradient(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                      bool reml, const double* shift, Workspace& w, double* logdet, double* pwrss) {
    Lambdas moved = lambda;
    for (size_t i = 0; i < entries.size(); ++i) {
        const Entry& e = entries[i];
        moved[e.factor][e.row * cp.factors[e.factor].k + e.column] += shift[i];
    }
    const bool positive = eliminate(cp, moved, w).positive;
    Faces faces;
    if (positive) {
        solve_modes(cp, moved, w);
        selected_inverse(cp, moved, reml, w, faces, nullptr);
        score_sums(cp, w, faces);
    }
    for (size_t i = 0; i < entries.size(); ++i) {
        const Entry& e = entries[i];
        const int at = e.row * cp.factors[e.factor].k + e.column;
        const double nan = std::numeric_limits<double>::quiet_NaN();
        logdet[i] = positive ? 2.0 * faces.logdet[e.factor][at] : nan;
        pwrss[i] = positive ? -2.0 * faces.score[e.factor][at] : nan;
    }
}

}  // namespace nw
