#include "information.hpp"

#include <algorithm>

#include "elimination.hpp"
#include "lapack.hpp"
#include "small.hpp"
#include "tail.hpp"
#include "substitution.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Columns c_i = dLambda_i u + Lambda dLambda_i' v (q x m, row-major).
void direction_columns(const CrossProducts& cp, const Lambdas& lambda,
                       const std::vector<Entry>& entries, Workspace& w) {
    const i64 m = static_cast<i64>(entries.size());
    w.c.assign(static_cast<size_t>(cp.q * m), 0.0);
    for (i64 i = 0; i < m; ++i) {
        const Entry& e = entries[i];
        const Factor& f = cp.factors[e.factor];
        const double* La = lambda[e.factor].data();
        for (i64 l = 0; l < f.m; ++l) {
            const i64 at = f.offset + l * f.k;
            w.c[(at + e.row) * m + i] += w.u[at + e.column];
            const double v = w.v[at + e.row];
            for (int r = e.column; r < f.k; ++r)
                w.c[(at + r) * m + i] += La[r * f.k + e.column] * v;
        }
    }
}

void add_gram(const double* A, const double* B, i64 rows, int m, double sign, double* gram) {
    if (m >= 8 && rows >= 8) {
        int n = m, k = static_cast<int>(rows);
        double one = 1.0;
        lapack().dgemm(const_cast<char*>("N"), const_cast<char*>("T"), &n, &n, &k, &sign,
                       const_cast<double*>(A), &n, const_cast<double*>(B), &n, &one, gram, &n);
        return;
    }
    for (i64 r = 0; r < rows; ++r)
        for (int i = 0; i < m; ++i) {
            const double a = sign * A[r * m + i];
            if (a == 0.0) continue;
            for (int j = 0; j < m; ++j) gram[i * m + j] += a * B[r * m + j];
        }
}

}  // namespace

void scale_columns(const CrossProducts& cp, const Lambdas& lambda, int m, double* R) {
    std::vector<double> block(static_cast<size_t>(cp.max_k * m));
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const Factor& g = cp.factors[f];
        for (i64 l = 0; l < g.m; ++l) {
            double* r = R + (g.offset + l * g.k) * m;
            lambda_t_times<0>(lambda[f].data(), g.k, r, m, block.data());
            std::copy_n(block.data(), g.k * m, r);
        }
    }
}

void average_information(const CrossProducts& cp, const Lambdas& lambda,
                         const std::vector<Entry>& entries, Workspace& w, double* gram) {
    const int m = static_cast<int>(entries.size()), p = cp.p, p1 = p + 1, Q = cp.tail;
    direction_columns(cp, lambda, entries, w);
    w.R.resize(w.c.size());
    times_cross_product(cp, w.c.data(), m, w.R.data());
    std::fill_n(gram, m * m, 0.0);
    add_gram(w.c.data(), w.R.data(), cp.q, m, 1.0, gram);
    w.R_tail.assign(static_cast<size_t>(Q + p) * static_cast<size_t>(m), 0.0);
    for (const Factor& f : cp.factors)
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i)
            for (int j = 0; j < p; ++j)
                subtract_columns(w.R_tail.data() + static_cast<i64>(Q + j) * m, -f.xy[i * p1 + j],
                                 w.c.data() + (f.offset + i) * m, m);
    scale_columns(cp, lambda, m, w.R.data());
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(w.R.data() + f.offset * m, static_cast<i64>(f.m) * f.k * m,
                    w.R_tail.data() + static_cast<i64>(f.tail_column) * m);
    }
    for (int i = 0; i < cp.n_chain; ++i) {
        forward_factor(cp, i, m, w.R.data(), w);
        const Factor& f = cp.factors[i];
        const double* R = w.R.data() + f.offset * m;
        add_gram(R, R, static_cast<i64>(f.m) * f.k, m, -1.0, gram);
    }
    tail_forward(cp, w, m, true, w.R_tail.data());
    add_gram(w.R_tail.data(), w.R_tail.data(), Q + p, m, -1.0, gram);
}

namespace {

// U = M^-1 Lambda'Z'WX (q x p) from the factor's own X rows: the X part of L read backwards.
void solve_x_columns(const CrossProducts& cp, Workspace& w, double* U) {
    const int p = cp.p, p1 = p + 1, Q = cp.tail;
    std::vector<double> T(static_cast<size_t>(Q + p) * static_cast<size_t>(p), 0.0);
    for (i64 c = 0; c < Q; ++c) std::copy_n(w.S.data() + tail_x_at(cp, c), p, T.data() + c * p);
    tail_backward(cp, w, p, false, T.data());
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(T.data() + static_cast<i64>(f.tail_column) * p, static_cast<i64>(f.m) * f.k * p,
                    U + f.offset * p);
    }
    for (int i = cp.n_chain - 1; i >= 0; --i) {
        const Factor& f = cp.factors[i];
        const ChainWork& own = w.chain[i];
        const TailRows& rows = cp.rows[i];
        for (i64 l = 0; l < f.m; ++l) {
            double* u = U + (f.offset + l * f.k) * p;
            const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
            for (int r = 0; r < f.k; ++r) {
                double* ur = u + static_cast<i64>(r) * p;
                std::copy_n(own.xy.data() + (l * f.k + r) * p1, p, ur);
                const double* W = own.tail.data() + rows.start[l] * f.k + static_cast<i64>(r) * nc;
                for (int e = 0; e < nc; ++e)
                    subtract_columns(ur, W[e], &T[static_cast<i64>(rows.column[rows.start[l] + e]) * p], p);
                for (int j = i + 1; j < cp.n_chain; ++j) {
                    const Factor& g = cp.factors[j];
                    const double* A = own.ancestor[j].data() + (l * f.k + r) * g.k;
                    const double* up = U + (g.offset + static_cast<i64>(cp.pairs[i][j].level[l]) * g.k) * p;
                    for (int s = 0; s < g.k; ++s) subtract_columns(ur, A[s], up + s * p, p);
                }
            }
            solve_lower_transposed<0>(own.L.data() + l * f.k * f.k, f.k, u, p, p);
        }
    }
}

}  // namespace

FixedColumns fixed_columns(const CrossProducts& cp, const Lambdas& lambda, Workspace& w) {
    const int p = cp.p, p1 = p + 1;
    // With U = M^-1 Lambda'Z'WX, E = Z'V0^-1 X = Z'WX - Z'WZ Lambda U and Lambda'E = U.
    FixedColumns x;
    x.U.resize(static_cast<size_t>(cp.q * p));
    x.B.resize(x.U.size());
    x.E.resize(x.U.size());
    solve_x_columns(cp, w, x.U.data());
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const Factor& g = cp.factors[f];
        for (i64 l = 0; l < g.m; ++l)
            for (int r = 0; r < g.k; ++r) {
                double* b = x.B.data() + (g.offset + l * g.k + r) * p;
                for (int t = 0; t <= r; ++t)
                    subtract_columns(b, -lambda[f][r * g.k + t],
                                     x.U.data() + (g.offset + l * g.k + t) * p, p);
            }
    }
    times_cross_product(cp, x.B.data(), p, x.E.data());
    for (const Factor& f : cp.factors)
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i)
            for (int j = 0; j < p; ++j) {
                double& e = x.E[(f.offset + i) * p + j];
                e = f.xy[i * p1 + j] - e;
            }
    return x;
}

void covariance_forms(const CrossProducts& cp, const Lambdas& lambda,
                      const std::vector<Entry>& entries, Workspace& w, double* out) {
    const int p = cp.p;
    const FixedColumns x = fixed_columns(cp, lambda, w);
    for (size_t i = 0; i < entries.size(); ++i) {
        const Entry& entry = entries[i];
        const Factor& f = cp.factors[entry.factor];
        double* form = out + static_cast<i64>(i) * p * p;
        std::fill_n(form, p * p, 0.0);
        for (i64 l = 0; l < f.m; ++l) {
            const double* e = x.E.data() + (f.offset + l * f.k + entry.row) * p;
            const double* u = x.U.data() + (f.offset + l * f.k + entry.column) * p;
            for (int a = 0; a < p; ++a)
                for (int b = 0; b < p; ++b) form[a * p + b] += e[a] * u[b] + u[a] * e[b];
        }
    }
}

}  // namespace nw
