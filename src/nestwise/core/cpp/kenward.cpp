#include "kenward.hpp"

#include <algorithm>

#include "elimination.hpp"
#include "lapack.hpp"
#include "small.hpp"
#include "substitution.hpp"
#include "tail.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// The columns F = X alpha + Z beta: alpha is the identity for the residual, else zero; beta
// (q x c) is S_a E, and for the residual -Lambda U.
void fill_columns(const CrossProducts& cp, const std::vector<Entry>& entries, const FixedColumns& x,
                  int c, double* beta) {
    const int p = cp.p;
    const i64 m = static_cast<i64>(entries.size());
    std::fill_n(beta, cp.q * c, 0.0);
    for (i64 i = 0; i < cp.q; ++i)
        for (int j = 0; j < p; ++j) beta[i * c + m * p + j] = -x.B[i * p + j];
    for (i64 a = 0; a < m; ++a) {
        const Entry& e = entries[a];
        const Factor& f = cp.factors[e.factor];
        for (i64 l = 0; l < f.m; ++l) {
            const i64 r = f.offset + l * f.k + e.row, s = f.offset + l * f.k + e.column;
            std::copy_n(x.E.data() + s * p, p, beta + r * c + a * p);
            if (r != s) std::copy_n(x.E.data() + r * p, p, beta + s * c + a * p);
        }
    }
}

// gram (c x c) += sign A'B over the rows of two row-major arrays.
void add_gram(const double* A, const double* B, i64 rows, int c, double sign, double* gram) {
    if (rows == 0 || c == 0) return;
    int n = c, k = static_cast<int>(rows);
    double one = 1.0;
    // Row-major rows x c is column-major c x rows; the result is symmetric in the sum.
    lapack().dgemm(const_cast<char*>("N"), const_cast<char*>("T"), &n, &n, &k, &sign,
                   const_cast<double*>(A), &n, const_cast<double*>(B), &n, &one, gram, &n);
}

// R (q x c) = Z'F = Z'Z beta + Z'X alpha, and XF (p x c) = X'Z beta.
void right_sides(const CrossProducts& cp, const double* beta, int c, double* R, double* XF) {
    const int p = cp.p, p1 = p + 1, last = c - p;
    times_cross_product(cp, beta, c, R);
    std::fill_n(XF, static_cast<i64>(p) * c, 0.0);
    for (const Factor& f : cp.factors)
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i) {
            const double* zx = f.xy.data() + i * p1;
            const double* b = beta + (f.offset + i) * c;
            for (int j = 0; j < p; ++j) {
                R[(f.offset + i) * c + last + j] += zx[j];
                subtract_columns(XF + static_cast<i64>(j) * c, -zx[j], b, c);
            }
        }
}

// plain = F'F from beta, Z'F and X'Z beta.
void plain_gram(const CrossProducts& cp, const double* beta, const double* R, const double* XF,
                int c, double* plain) {
    const int p = cp.p, p1 = p + 1, last = c - p;
    std::fill_n(plain, static_cast<i64>(c) * c, 0.0);
    add_gram(R, beta, cp.q, c, 1.0, plain);
    // beta'Z'F is there; alpha'X'F = alpha'(X'Z beta + X'X alpha) remains, in the residual's rows.
    for (int j = 0; j < p; ++j) {
        for (int i = 0; i < c; ++i) plain[static_cast<i64>(last + j) * c + i] += XF[static_cast<i64>(j) * c + i];
        for (int i = 0; i < p; ++i) plain[static_cast<i64>(last + j) * c + last + i] += cp.xx[j * p1 + i];
    }
    for (int i = 0; i < c; ++i)
        for (int j = 0; j < i; ++j) {
            const double mean = 0.5 * (plain[i * c + j] + plain[j * c + i]);
            plain[i * c + j] = plain[j * c + i] = mean;
        }
}

}  // namespace

void kenward_gram(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                  Workspace& w, double* plain, double* weighted) {
    const int p = cp.p, Q = cp.tail, c = p * (static_cast<int>(entries.size()) + 1);
    if (p == 0) return;
    const size_t size = static_cast<size_t>(cp.q) * static_cast<size_t>(c);
    std::vector<double> beta(size), R(size), XF(static_cast<size_t>(p * c));
    {
        const FixedColumns x = fixed_columns(cp, lambda, w);
        fill_columns(cp, entries, x, c, beta.data());
    }
    right_sides(cp, beta.data(), c, R.data(), XF.data());
    plain_gram(cp, beta.data(), R.data(), XF.data(), c, plain);
    // F'V0^-1 F = F'F - |L^-1 Lambda'Z'F|^2.
    std::copy_n(plain, static_cast<i64>(c) * c, weighted);
    scale_columns(cp, lambda, c, R.data());
    w.R_tail.assign(static_cast<size_t>(Q + p) * static_cast<size_t>(c), 0.0);
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(R.data() + f.offset * c, static_cast<i64>(f.m) * f.k * c,
                    w.R_tail.data() + static_cast<i64>(f.tail_column) * c);
    }
    for (int i = 0; i < cp.n_chain; ++i) {
        forward_factor(cp, i, c, R.data(), w);
        const Factor& f = cp.factors[i];
        const double* own = R.data() + f.offset * c;
        add_gram(own, own, static_cast<i64>(f.m) * f.k, c, -1.0, weighted);
    }
    if (Q == 0) return;
    tail_forward(cp, w, c, false, w.R_tail.data());
    add_gram(w.R_tail.data(), w.R_tail.data(), Q, c, -1.0, weighted);
}

}  // namespace nw
