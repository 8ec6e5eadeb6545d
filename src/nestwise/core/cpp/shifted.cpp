#include "shifted.hpp"

#include <limits>
#include <vector>

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

void gradient_differences(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                          bool reml, double precision, const double* steps, const double* base, Workspace& w,
                          double* out) {
    const size_t m = entries.size();
    std::vector<double> shift(m, 0.0), logdet(m), pwrss(m), up(m), down(m);
    auto gradient = [&](size_t i, double step, std::vector<double>& to) {
        shift[i] = step;
        shifted_gradient(cp, lambda, entries, reml, shift.data(), w, logdet.data(), pwrss.data());
        shift[i] = 0.0;
        for (size_t j = 0; j < m; ++j) to[j] = logdet[j] + precision * pwrss[j];
    };
    if (base) down.assign(base, base + m);
    for (size_t i = 0; i < m; ++i) {
        gradient(i, steps[i], up);
        if (!base) gradient(i, -steps[i], down);
        const double width = base ? steps[i] : 2.0 * steps[i];
        for (size_t j = 0; j < m; ++j) out[i * m + j] = (up[j] - down[j]) / width;
    }
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < i; ++j) out[i * m + j] = out[j * m + i] = 0.5 * (out[i * m + j] + out[j * m + i]);
}

}  // namespace nw
