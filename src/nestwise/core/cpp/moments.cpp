#include "moments.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// tr(E_a A E_b A') for the symmetric unit matrices of two entries; A is k_a x k_b.
double unit_trace(const Entry& a, const Entry& b, const double* A, int kb) {
    const double* row = A + a.row * kb;
    const double* column = A + a.column * kb;
    const double sum = column[b.row] * row[b.column] + column[b.column] * row[b.row];
    return 2.0 * sum * (a.row == a.column ? 0.5 : 1.0) * (b.row == b.column ? 0.5 : 1.0);
}

// Sum of `unit_trace` over the blocks in which the factors of two entries meet.
double pair_trace(const CrossProducts& cp, const Entry& a, const Entry& b) {
    const Factor &fa = cp.factors[a.factor], &fb = cp.factors[b.factor];
    double sum = 0.0;
    if (a.factor == b.factor) {
        for (i64 l = 0; l < fa.m; ++l)
            sum += unit_trace(a, b, fa.diagonal.data() + l * fa.k * fa.k, fa.k);
        return sum;
    }
    const Pairs& pr = cp.pairs[a.factor][b.factor];
    const i64 size = static_cast<i64>(fa.k) * fb.k;
    for (size_t e = 0; e < pr.level.size(); ++e)
        sum += unit_trace(a, b, pr.value.data() + static_cast<i64>(e) * size, fb.k);
    return sum;
}

}  // namespace

void component_moments(const CrossProducts& cp, const std::vector<Entry>& entries, double* gram,
                       double* quadratic) {
    const int m = static_cast<int>(entries.size()), p1 = cp.p + 1;
    for (int i = 0; i < m; ++i) {
        const Entry& a = entries[i];
        const Factor& f = cp.factors[a.factor];
        const double twice = a.row == a.column ? 1.0 : 2.0;
        double trace = 0.0, square = 0.0;
        for (i64 l = 0; l < f.m; ++l) {
            trace += f.diagonal[(l * f.k + a.row) * f.k + a.column];
            square += f.xy[(l * f.k + a.row) * p1 + cp.p] * f.xy[(l * f.k + a.column) * p1 + cp.p];
        }
        quadratic[i] = twice * square;
        gram[i * (m + 1) + m] = gram[m * (m + 1) + i] = twice * trace;
        for (int j = 0; j <= i; ++j) {
            const Entry& b = entries[j];
            const double g = a.factor <= b.factor ? pair_trace(cp, a, b) : pair_trace(cp, b, a);
            gram[i * (m + 1) + j] = gram[j * (m + 1) + i] = g;
        }
    }
    gram[m * (m + 1) + m] = static_cast<double>(cp.n);
    quadratic[m] = cp.xx[cp.p * p1 + cp.p];
}

}  // namespace nw
