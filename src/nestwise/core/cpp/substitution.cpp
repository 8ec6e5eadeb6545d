#include "substitution.hpp"

#include <algorithm>

#include "lapack.hpp"
#include "small.hpp"
#include "tail.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Rows that go through the dense tail at a time.
constexpr int chunk = 256;

// R <- L^-T R through chain factor i, everything eliminated after it being solved.
void backward_factor(const CrossProducts& cp, int i, int m, double* R, const Workspace& w) {
    const Factor& f = cp.factors[i];
    const int k = f.k, p = cp.p, p1 = p + 1, Q = cp.tail;
    const ChainWork& own = w.chain[i];
    const TailRows& rows = cp.rows[i];
    for (i64 l = 0; l < f.m; ++l) {
        double* r = R + (f.offset + l * k) * m;
        const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
        const i32* col = rows.column.data() + rows.start[l];
        for (int s = 0; s < k; ++s) {
            double* rs = r + static_cast<i64>(s) * m;
            for (int j = i + 1; j < cp.n_chain; ++j) {
                const Factor& g = cp.factors[j];
                const double* up = R + (g.offset + static_cast<i64>(cp.pairs[i][j].level[l]) * g.k) * m;
                const double* W = own.ancestor[j].data() + (l * k + s) * g.k;
                for (int t = 0; t < g.k; ++t) subtract_columns(rs, W[t], up + t * m, m);
            }
            const double* T = own.tail.data() + rows.start[l] * k + static_cast<i64>(s) * nc;
            for (int e = 0; e < nc; ++e)
                subtract_columns(rs, T[e], w.R_tail.data() + static_cast<i64>(col[e]) * m, m);
            const double* X = own.xy.data() + (l * k + s) * p1;
            for (int j = 0; j < p; ++j)
                subtract_columns(rs, X[j], w.R_tail.data() + static_cast<i64>(Q + j) * m, m);
        }
        solve_lower_transposed<0>(own.L.data() + l * k * k, k, r, m, m);
    }
}

// What one sparse row holds at the levels of one chain factor.
struct Touched {
    std::vector<i64> level;
    std::vector<double> value;

    double* at(i64 l, int k) {
        for (size_t i = 0; i < level.size(); ++i)
            if (level[i] == l) return value.data() + i * static_cast<size_t>(k);
        level.push_back(l);
        value.resize(level.size() * static_cast<size_t>(k), 0.0);
        return value.data() + (level.size() - 1) * static_cast<size_t>(k);
    }
    void clear() {
        level.clear();
        value.clear();
    }
};

// The chain part of one row's form; its tail and X parts are left in column r of `A` (stride m).
double chain_form(const CrossProducts& cp, const Workspace& w, std::vector<Touched>& touched,
                  double* A, int m, int r) {
    const int p = cp.p, p1 = p + 1, Q = cp.tail;
    double form = 0.0;
    for (int i = 0; i < cp.n_chain; ++i) {
        const int k = cp.factors[i].k;
        const ChainWork& own = w.chain[i];
        const TailRows& rows = cp.rows[i];
        for (size_t e = 0; e < touched[i].level.size(); ++e) {
            const i64 l = touched[i].level[e];
            double* y = touched[i].value.data() + e * static_cast<size_t>(k);
            solve_lower<0>(own.L.data() + l * k * k, k, y, 1, 1);
            const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
            const i32* col = rows.column.data() + rows.start[l];
            for (int s = 0; s < k; ++s) {
                form += y[s] * y[s];
                const double* T = own.tail.data() + rows.start[l] * k + static_cast<i64>(s) * nc;
                for (int c = 0; c < nc; ++c) A[static_cast<i64>(col[c]) * m + r] -= T[c] * y[s];
                const double* X = own.xy.data() + (l * k + s) * p1;
                for (int j = 0; j < p; ++j) A[static_cast<i64>(Q + j) * m + r] -= X[j] * y[s];
            }
            for (int j = i + 1; j < cp.n_chain; ++j) {
                const int kj = cp.factors[j].k;
                double* up = touched[j].at(cp.pairs[i][j].level[l], kj);
                const double* W = own.ancestor[j].data() + l * k * kj;
                for (int s = 0; s < k; ++s)
                    for (int t = 0; t < kj; ++t) up[t] -= W[s * kj + t] * y[s];
            }
        }
    }
    return form;
}

}  // namespace

void forward_factor(const CrossProducts& cp, int i, int m, double* R, Workspace& w) {
    const Factor& f = cp.factors[i];
    const int k = f.k, p = cp.p, p1 = p + 1, Q = cp.tail;
    const ChainWork& own = w.chain[i];
    const TailRows& rows = cp.rows[i];
    // Levels that meet the whole tail take from it by one product of matrices.
    const bool by_blas = rows.full && Q >= 32 && m >= 8;
    for (i64 l = 0; l < f.m; ++l) {
        double* r = R + (f.offset + l * k) * m;
        solve_lower<0>(own.L.data() + l * k * k, k, r, m, m);
        const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
        const i32* col = rows.column.data() + rows.start[l];
        for (int s = 0; s < k; ++s) {
            const double* rs = r + static_cast<i64>(s) * m;
            for (int j = i + 1; j < cp.n_chain; ++j) {
                const Factor& g = cp.factors[j];
                double* up = R + (g.offset + static_cast<i64>(cp.pairs[i][j].level[l]) * g.k) * m;
                const double* W = own.ancestor[j].data() + (l * k + s) * g.k;
                for (int t = 0; t < g.k; ++t) subtract_columns(up + t * m, W[t], rs, m);
            }
            const double* T = own.tail.data() + rows.start[l] * k + static_cast<i64>(s) * nc;
            for (int e = 0; e < nc && !by_blas; ++e)
                subtract_columns(w.R_tail.data() + static_cast<i64>(col[e]) * m, T[e], rs, m);
            const double* X = own.xy.data() + (l * k + s) * p1;
            for (int j = 0; j < p; ++j)
                subtract_columns(w.R_tail.data() + static_cast<i64>(Q + j) * m, X[j], rs, m);
        }
    }
    if (!by_blas) return;
    int c = m, order = Q, mk = f.m * k;
    double minus = -1.0, one = 1.0;
    lapack().dgemm(const_cast<char*>("N"), const_cast<char*>("T"), &c, &order, &mk, &minus,
                   R + f.offset * m, &c, const_cast<double*>(own.tail.data()), &order, &one,
                   w.R_tail.data(), &c);
}

void solve_equations(const CrossProducts& cp, int m, bool with_x, double* R, Workspace& w) {
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(R + f.offset * m, static_cast<i64>(f.m) * f.k * m,
                    w.R_tail.data() + static_cast<i64>(f.tail_column) * m);
    }
    for (int i = 0; i < cp.n_chain; ++i) forward_factor(cp, i, m, R, w);
    tail_forward(cp, w, m, with_x, w.R_tail.data());
    tail_backward(cp, w, m, with_x, w.R_tail.data());
    if (!with_x) std::fill(w.R_tail.begin() + static_cast<i64>(cp.tail) * m, w.R_tail.end(), 0.0);
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(w.R_tail.data() + static_cast<i64>(f.tail_column) * m,
                    static_cast<i64>(f.m) * f.k * m, R + f.offset * m);
    }
    for (int i = cp.n_chain - 1; i >= 0; --i) backward_factor(cp, i, m, R, w);
}

void row_forms(const CrossProducts& cp, const SparseRows& rows, Workspace& w, double* out) {
    const int p = cp.p, Q = cp.tail, N = Q + p;
    std::vector<Touched> touched(static_cast<size_t>(cp.n_chain));
    for (i64 first = 0; first < rows.n; first += chunk) {
        const int m = static_cast<int>(std::min<i64>(chunk, rows.n - first));
        w.R_tail.assign(static_cast<size_t>(N) * static_cast<size_t>(m), 0.0);
        double* A = w.R_tail.data();
        for (int r = 0; r < m; ++r) {
            const i64 row = first + r;
            for (Touched& t : touched) t.clear();
            for (size_t f = 0; f < cp.factors.size(); ++f) {
                const Factor& g = cp.factors[f];
                const i32 l = rows.level[f][row];
                if (l < 0) continue;
                const double* a = rows.value[f] + row * g.k;
                if (static_cast<int>(f) < cp.n_chain) {
                    double* to = touched[f].at(l, g.k);
                    for (int s = 0; s < g.k; ++s) to[s] += a[s];
                } else {
                    for (int s = 0; s < g.k; ++s)
                        A[static_cast<i64>(g.tail_column + l * g.k + s) * m + r] += a[s];
                }
            }
            for (int j = 0; j < p; ++j) A[static_cast<i64>(Q + j) * m + r] += rows.X[row * p + j];
            out[row] = chain_form(cp, w, touched, A, m, r);
        }
        tail_forward(cp, w, m, true, A);
        for (i64 c = 0; c < N; ++c)
            for (int r = 0; r < m; ++r) out[first + r] += A[c * m + r] * A[c * m + r];
    }
}

}  // namespace nw
