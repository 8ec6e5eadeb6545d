#include "differences.hpp"

#include <limits>

#include "elimination.hpp"

namespace nw {

namespace {

std::vector<double> gradient_at(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                                bool reml, double precision, Workspace& w) {
    std::vector<double> out(entries.size(), std::numeric_limits<double>::quiet_NaN());
    if (!eliminate(cp, lambda, w).positive) return out;
    Faces faces;
    solve_modes(cp, lambda, w);
    selected_inverse(cp, lambda, reml, w, faces, nullptr);
    score_sums(cp, w, faces);
    for (size_t i = 0; i < entries.size(); ++i) {
        const Entry& e = entries[i];
        const int at = e.row * cp.factors[e.factor].k + e.column;
        out[i] = 2.0 * faces.logdet[e.factor][at] - 2.0 * precision * faces.score[e.factor][at];
    }
    return out;
}

}  // namespace

void gradient_differences(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                          bool reml, double precision, const double* steps, const double* base, Workspace& w,
                          double* out) {
    const size_t m = entries.size();
    for (size_t i = 0; i < m; ++i) {
        const Entry& e = entries[i];
        const auto moved = [&](double step) {
            Lambdas beside = lambda;
            beside[e.factor][e.row * cp.factors[e.factor].k + e.column] += step;
            return gradient_at(cp, beside, entries, reml, precision, w);
        };
        const std::vector<double> up = moved(steps[i]);
        const std::vector<double> down = base ? std::vector<double>(base, base + m) : moved(-steps[i]);
        const double width = base ? steps[i] : 2.0 * steps[i];
        for (size_t j = 0; j < m; ++j) out[i * m + j] = (up[j] - down[j]) / width;
    }
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < i; ++j) out[i * m + j] = out[j * m + i] = 0.5 * (out[i * m + j] + out[j * m + i]);
}

}  // namespace nw
