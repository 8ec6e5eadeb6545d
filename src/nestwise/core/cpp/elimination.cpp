#include "elimination.hpp"

#include <algorithm>
#include <cmath>

#include "interrupt.hpp"
#include "lapack.hpp"
#include "small.hpp"
#include "tail.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Tail columns from which a rank-mk update is left to BLAS.
constexpr int blas_from = 8;

// Scaled blocks of one chain factor: Lambda'A Lambda (+ I), Lambda'Z'W[X, y].
template <int K>
void assemble_chain(const CrossProducts& cp, const Lambdas& lambda, int i, ChainWork& w) {
    const Factor& f = cp.factors[i];
    const int k = K ? K : f.k, p1 = cp.p + 1;
    const double* La = lambda[i].data();
    const TailRows& rows = cp.rows[i];
    for (i64 l = 0; l < f.m; ++l) {
        double* D = w.L.data() + l * k * k;
        lambda_t_times<K>(La, k, f.diagonal.data() + l * k * k, k, D);
        times_lambda(D, k, k, La, k);
        for (int t = 0; t < k; ++t) D[t * k + t] += 1.0;
        lambda_t_times<K>(La, k, f.xy.data() + l * k * p1, p1, w.xy.data() + l * k * p1);
    }
    for (int j = i + 1; j < cp.n_chain; ++j) {
        const int kj = cp.factors[j].k;
        const Pairs& pr = cp.pairs[i][j];
        for (i64 l = 0; l < f.m; ++l) {
            double* B = w.ancestor[j].data() + l * k * kj;
            lambda_t_times<K>(La, k, pr.value.data() + l * k * kj, kj, B);
            times_lambda(B, k, kj, lambda[j].data(), kj);
        }
    }
    if (cp.tail == 0) return;
    std::vector<double> block(static_cast<size_t>(k * cp.max_k));
    for (i64 l = 0; l < f.m; ++l) {
        const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
        double* T = w.tail.data() + rows.start[l] * k;
        int at = 0;
        for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
            const int kt = cp.factors[t].k;
            const Pairs& pr = cp.pairs[i][t];
            if (K == 1 && kt == 1) {
                const double c = La[0] * lambda[t][0];
                for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) T[at++] = c * pr.value[e];
                continue;
            }
            for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e, at += kt) {
                lambda_t_times<K>(La, k, pr.value.data() + e * k * kt, kt, block.data());
                times_lambda(block.data(), k, kt, lambda[t].data(), kt);
                for (int r = 0; r < k; ++r)
                    for (int s = 0; s < kt; ++s) T[r * nc + at + s] = block[r * kt + s];
            }
        }
    }
}

// Lower triangle of the scaled tail: its own diagonal blocks and pairs, and X.
void assemble_tail(const CrossProducts& cp, const Lambdas& lambda, Workspace& w) {
    const int p = cp.p, p1 = p + 1, Q = cp.tail;
    double* S = w.S.data();
    std::fill(w.S.begin(), w.S.end(), 0.0);
    std::vector<double> block(static_cast<size_t>(cp.max_k * std::max(cp.max_k, p1)));
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        const int k = f.k;
        for (i64 l = 0; l < f.m; ++l) {
            const i64 c0 = f.tail_column + l * k;
            lambda_t_times<0>(lambda[t].data(), k, f.diagonal.data() + l * k * k, k, block.data());
            times_lambda(block.data(), k, k, lambda[t].data(), k);
            for (int r = 0; r < k; ++r)
                for (int s = 0; s <= r; ++s)
                    S[tail_at(cp, c0 + r, c0 + s)] = block[r * k + s] + (r == s);
            lambda_t_times<0>(lambda[t].data(), k, f.xy.data() + l * k * p1, p1, block.data());
            for (int r = 0; r < k; ++r) {
                std::copy_n(block.data() + r * p1, p, S + tail_x_at(cp, c0 + r));
                w.y_row[c0 + r] = block[r * p1 + p];
            }
        }
        for (size_t g = t + 1; g < cp.factors.size(); ++g) {
            const Factor& other = cp.factors[g];
            const Pairs& pr = cp.pairs[t][g];
            for (i64 l = 0; l < f.m; ++l)
                for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) {
                    const i64 c0 = f.tail_column + l * k;
                    const i64 r0 = other.tail_column + static_cast<i64>(pr.level[e]) * other.k;
                    const double* A = pr.value.data() + e * k * other.k;
                    lambda_t_times<0>(lambda[t].data(), k, A, other.k, block.data());
                    times_lambda(block.data(), k, other.k, lambda[g].data(), other.k);
                    for (int r = 0; r < k; ++r)
                        for (int s = 0; s < other.k; ++s)
                            S[tail_at(cp, r0 + s, c0 + r)] = block[r * other.k + s];
                }
        }
    }
    for (int i = 0; i < p; ++i) {
        for (int j = 0; j <= i; ++j) S[tail_at(cp, Q + i, Q + j)] = cp.xx[i * p1 + j];
        w.y_row[Q + i] = cp.xx[i * p1 + p];
    }
    w.yy = cp.xx[p * p1 + p];
}

// Subtract a'b from a target block: target (ka x kb, stride ld) -= A' B over k rows.
inline void subtract_gram(double* target, i64 ld, const double* A, i64 lda, int ka, const double* B,
                          i64 ldb, int kb, int k) {
    for (int r = 0; r < k; ++r)
        for (int a = 0; a < ka; ++a) {
            const double c = A[r * lda + a];
            double* t = target + a * ld;
            const double* b = B + r * ldb;
            for (int j = 0; j < kb; ++j) t[j] -= c * b[j];
        }
}

// What eliminating level l of factor i takes from its chain ancestors.
template <int K>
void update_ancestors(const CrossProducts& cp, int i, i64 l, int k, Workspace& w) {
    ChainWork& own = w.chain[i];
    const TailRows& rows = cp.rows[i];
    const int p1 = cp.p + 1, nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
    const double* T = own.tail.data() + rows.start[l] * k;
    for (int j = i + 1; j < cp.n_chain; ++j) {
        const int kj = cp.factors[j].k;
        const i64 a = cp.pairs[i][j].level[l];
        ChainWork& up = w.chain[j];
        const double* W = own.ancestor[j].data() + l * k * kj;
        subtract_gram(up.L.data() + a * kj * kj, kj, W, kj, kj, W, kj, kj, k);
        subtract_gram(up.xy.data() + a * kj * p1, p1, W, kj, kj, own.xy.data() + l * k * p1, p1, p1, k);
        for (int g = j + 1; g < cp.n_chain; ++g) {
            const int kg = cp.factors[g].k;
            subtract_gram(up.ancestor[g].data() + a * kj * kg, kg, W, kj, kj,
                          own.ancestor[g].data() + l * k * kg, kg, kg, k);
        }
        if (nc == 0) continue;
        const TailRows& above = cp.rows[j];
        const i64 nca = above.start[a + 1] - above.start[a];
        double* target = up.tail.data() + above.start[a] * kj;
        const i32* at = rows.in_ancestor[j].data() + rows.start[l];
        for (int r = 0; r < k; ++r)
            for (int s = 0; s < kj; ++s) {
                const double c = W[r * kj + s];
                for (int e = 0; e < nc; ++e) target[s * nca + at[e]] -= c * T[r * nc + e];
            }
    }
}

// What eliminating level l of factor i takes from the tail, its X rows and y.
void update_tail(const CrossProducts& cp, int i, i64 l, const double* T, int nc, const double* X, int k,
                 bool own_columns, Workspace& w) {
    const TailRows& rows = cp.rows[i];
    const i32* col = rows.column.data() + rows.start[l];
    const int p = cp.p, p1 = p + 1, Q = cp.tail;
    const i64 N = Q + p, ldx = cp.sparse ? p : N, xx = p > 0 ? tail_at(cp, Q, Q) : 0;
    double* S = w.S.data();
    for (int r = 0; r < k; ++r) {
        const double *t = T + static_cast<i64>(r) * nc, *x = X + static_cast<i64>(r) * p1;
        const i64* square = cp.sparse ? rows.square.data() + rows.square_start[l] : nullptr;
        for (int a = 0; a < nc; ++a) {
            const double c = t[a];
            if (square) {
                for (int e = a; e < nc; ++e) S[*square++] -= c * t[e];
            } else if (own_columns) {
                double* column = S + col[a] * N;
                for (int e = a; e < nc; ++e) column[col[e]] -= c * t[e];
            }
            if (p > 0) {
                double* below = S + tail_x_at(cp, col[a]);
                for (int j = 0; j < p; ++j) below[j] -= c * x[j];
            }
            w.y_row[col[a]] -= c * x[p];
        }
        for (int j = 0; j < p; ++j) {
            double* column = S + xx + j * ldx;
            for (int e = j; e < p; ++e) column[e] -= x[j] * x[e];
            w.y_row[Q + j] -= x[j] * x[p];
        }
        w.yy -= x[p] * x[p];
    }
}

template <int K>
bool eliminate_factor(const CrossProducts& cp, int i, Workspace& w, double& ldL2) {
    const Factor& f = cp.factors[i];
    const int k = K ? K : f.k, p1 = cp.p + 1;
    ChainWork& own = w.chain[i];
    const TailRows& rows = cp.rows[i];
    // A level that meets the whole tail gives a dense update: one rank-mk update by BLAS.
    const bool by_blas = rows.full && cp.tail > blas_from && !cp.sparse;
    double product = 1.0;
    for (i64 l = 0; l < f.m; ++l) {
        double* L = own.L.data() + l * k * k;
        if (!cholesky<K>(L, k)) return false;
        for (int t = 0; t < k; ++t) {
            product *= L[t * k + t];
            if (product > 1e100 || l + 1 == f.m) {
                ldL2 += 2.0 * std::log(product);
                product = 1.0;
            }
        }
        const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
        double* T = own.tail.data() + rows.start[l] * k;
        double* X = own.xy.data() + l * k * p1;
        solve_lower<K>(L, k, T, nc, nc);
        solve_lower<K>(L, k, X, p1, p1);
        for (int j = i + 1; j < cp.n_chain; ++j) {
            const int kj = cp.factors[j].k;
            solve_lower<K>(L, k, own.ancestor[j].data() + l * k * kj, kj, kj);
        }
        update_ancestors<K>(cp, i, l, k, w);
        update_tail(cp, i, l, T, nc, X, k, !by_blas, w);
    }
    if (by_blas) {
        int Q = cp.tail, N = Q + cp.p;
        double minus = -1.0, one = 1.0;
        const i64 mk = f.m * k, piece = std::max<i64>(256, static_cast<i64>(1e10) / (static_cast<i64>(Q) * Q));
        for (i64 from = 0; from < mk; from += piece) {
            if (from > 0) listen();
            int columns = static_cast<int>(std::min(piece, mk - from));
            lapack().dsyrk(const_cast<char*>("L"), const_cast<char*>("N"), &Q, &columns, &minus,
                           own.tail.data() + from * Q, &Q, &one, w.S.data(), &N);
        }
    }
    return true;
}

// u of one chain factor, given the solution of everything eliminated after it.
void back_substitute(const CrossProducts& cp, int i, const double* tail_solution, Workspace& w) {
    const Factor& f = cp.factors[i];
    const int k = f.k, p = cp.p, p1 = p + 1, Q = cp.tail;
    const ChainWork& own = w.chain[i];
    const TailRows& rows = cp.rows[i];
    for (i64 l = 0; l < f.m; ++l) {
        double* u = w.u.data() + f.offset + l * k;
        const double* X = own.xy.data() + l * k * p1;
        const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
        const i32* col = rows.column.data() + rows.start[l];
        const double* T = own.tail.data() + rows.start[l] * k;
        for (int r = 0; r < k; ++r) {
            double s = X[r * p1 + p];
            for (int j = 0; j < p; ++j) s -= X[r * p1 + j] * tail_solution[Q + j];
            for (int e = 0; e < nc; ++e) s -= T[r * nc + e] * tail_solution[col[e]];
            u[r] = s;
        }
        for (int j = i + 1; j < cp.n_chain; ++j) {
            const int kj = cp.factors[j].k;
            const double* A = own.ancestor[j].data() + l * k * kj;
            const double* up = w.u.data() + cp.factors[j].offset + cp.pairs[i][j].level[l] * kj;
            for (int r = 0; r < k; ++r)
                for (int s = 0; s < kj; ++s) u[r] -= A[r * kj + s] * up[s];
        }
        solve_lower_transposed<0>(own.L.data() + l * k * k, k, u, 1, 1);
    }
}

}  // namespace

Determinants eliminate(const CrossProducts& cp, const Lambdas& lambda, Workspace& w) {
    Determinants out{false, 0.0, 0.0, 0.0};
    assemble_tail(cp, lambda, w);
    for (int i = 0; i < cp.n_chain; ++i)
        with_width(cp.factors[i].k, [&](auto width) {
            assemble_chain<decltype(width)::value>(cp, lambda, i, w.chain[i]);
        });
    for (int i = 0; i < cp.n_chain; ++i) {
        bool good = false;
        with_width(cp.factors[i].k, [&](auto width) {
            good = eliminate_factor<decltype(width)::value>(cp, i, w, out.ldL2);
        });
        if (!good) return out;
    }
    const int N = cp.tail + cp.p;
    if (!factorise_tail(cp, w)) return out;
    for (int j = 0; j < N; ++j)
        (j < cp.tail ? out.ldL2 : out.ldRX2) += 2.0 * std::log(w.S[tail_at(cp, j, j)]);
    tail_forward(cp, w, 1, true, w.y_row.data());
    out.pwrss = w.yy;
    for (int j = 0; j < N; ++j) out.pwrss -= w.y_row[j] * w.y_row[j];
    out.positive = true;
    return out;
}

void solve_effects(const CrossProducts& cp, Workspace& w) {
    const int Q = cp.tail;
    std::vector<double> x(w.y_row);
    tail_backward(cp, w, 1, true, x.data());
    std::copy(x.begin() + Q, x.end(), w.beta.begin());
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        std::copy_n(x.begin() + f.tail_column, static_cast<i64>(f.m) * f.k, w.u.begin() + f.offset);
    }
    for (int i = cp.n_chain - 1; i >= 0; --i) back_substitute(cp, i, x.data(), w);
}

void solve_modes(const CrossProducts& cp, const Lambdas& lambda, Workspace& w) {
    const int p = cp.p, p1 = p + 1;
    solve_effects(cp, w);
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const Factor& g = cp.factors[f];
        for (i64 l = 0; l < g.m; ++l)
            for (int r = 0; r < g.k; ++r) {
                double s = 0.0;
                for (int t = 0; t <= r; ++t)
                    s += lambda[f][r * g.k + t] * w.u[g.offset + l * g.k + t];
                w.b[g.offset + l * g.k + r] = s;
            }
    }
    times_cross_product(cp, w.b.data(), 1, w.v.data());
    for (const Factor& f : cp.factors)
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i) {
            const double* row = f.xy.data() + i * p1;
            double s = row[p] - w.v[f.offset + i];
            for (int j = 0; j < p; ++j) s -= row[j] * w.beta[j];
            w.v[f.offset + i] = s;
        }
}

void times_cross_product(const CrossProducts& cp, const double* in, int c, double* out) {
    std::fill(out, out + cp.q * c, 0.0);
    const auto add = [c](double* o, double a, const double* x) {
        for (int j = 0; j < c; ++j) o[j] += a * x[j];
    };
    for (size_t i = 0; i < cp.factors.size(); ++i) {
        const Factor& f = cp.factors[i];
        const int k = f.k;
        for (i64 l = 0; l < f.m; ++l) {
            const i64 at = f.offset + l * k;
            const double* D = f.diagonal.data() + l * k * k;
            for (int r = 0; r < k; ++r)
                for (int s = 0; s < k; ++s) add(out + (at + r) * c, D[r * k + s], in + (at + s) * c);
        }
        for (size_t j = i + 1; j < cp.factors.size(); ++j) {
            const Factor& g = cp.factors[j];
            const Pairs& pr = cp.pairs[i][j];
            for (i64 l = 0; l < f.m; ++l)
                for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) {
                    const i64 at = f.offset + l * k;
                    const i64 to = g.offset + static_cast<i64>(pr.level[e]) * g.k;
                    const double* A = pr.value.data() + e * k * g.k;
                    for (int r = 0; r < k; ++r)
                        for (int s = 0; s < g.k; ++s) {
                            add(out + (at + r) * c, A[r * g.k + s], in + (to + s) * c);
                            add(out + (to + s) * c, A[r * g.k + s], in + (at + r) * c);
                        }
                }
        }
    }
}

}  // namespace nw
