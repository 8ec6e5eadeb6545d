#include "curvature.hpp"

#include <algorithm>
#include <cmath>

#include "hyperdual.hpp"
#include "lapack.hpp"
#include "tail.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;
using Dense = std::vector<double>;

// A = Z'V_(i)^-1 Z among what is not yet eliminated, V_(i) having the factors eliminated so far.
struct ChainBlocks {
    std::vector<Hyperdual> diagonal;               // m x k x k
    std::vector<std::vector<Hyperdual>> ancestor;  // [j]: m x k x k_j
    std::vector<Hyperdual> tail;                   // for each level k x (its tail columns)
};

struct Elimination {
    std::vector<ChainBlocks> chain;
    Dense A, A_a, A_b, A_ab;  // tail x tail, column-major
    Hyperdual log_det;
};

void lift(const std::vector<double>& from, std::vector<Hyperdual>& to) {
    to.assign(from.size(), Hyperdual{});
    for (size_t i = 0; i < from.size(); ++i) to[i].v = from[i];
}

void assemble_chain(const CrossProducts& cp, Elimination& e) {
    e.chain.resize(static_cast<size_t>(cp.n_chain));
    for (int i = 0; i < cp.n_chain; ++i) {
        const Factor& f = cp.factors[i];
        const TailRows& rows = cp.rows[i];
        ChainBlocks& own = e.chain[i];
        lift(f.diagonal, own.diagonal);
        own.ancestor.resize(static_cast<size_t>(cp.n_chain));
        for (int j = i + 1; j < cp.n_chain; ++j) lift(cp.pairs[i][j].value, own.ancestor[j]);
        own.tail.assign(rows.column.size() * static_cast<size_t>(f.k), Hyperdual{});
        for (i64 l = 0; l < f.m; ++l) {
            const i64 nc = rows.start[l + 1] - rows.start[l];
            Hyperdual* T = own.tail.data() + rows.start[l] * f.k;
            i64 at = 0;
            for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
                const int kt = cp.factors[t].k;
                const Pairs& pr = cp.pairs[i][t];
                for (i64 c = pr.start[l]; c < pr.start[l + 1]; ++c, at += kt)
                    for (int r = 0; r < f.k; ++r)
                        for (int s = 0; s < kt; ++s)
                            T[r * nc + at + s].v = pr.value[(c * f.k + r) * kt + s];
            }
        }
    }
}

// Lower triangle of Z'Z among the tail's columns.
void assemble_tail(const CrossProducts& cp, Elimination& e) {
    const i64 Q = cp.tail;
    for (Dense* x : {&e.A, &e.A_a, &e.A_b, &e.A_ab}) x->assign(static_cast<size_t>(Q * Q), 0.0);
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Factor& f = cp.factors[t];
        for (i64 l = 0; l < f.m; ++l) {
            const i64 c0 = f.tail_column + l * f.k;
            for (int r = 0; r < f.k; ++r)
                for (int s = 0; s <= r; ++s)
                    e.A[c0 + r + (c0 + s) * Q] = f.diagonal[(l * f.k + r) * f.k + s];
            for (size_t g = t + 1; g < cp.factors.size(); ++g) {
                const Factor& other = cp.factors[g];
                const Pairs& pr = cp.pairs[t][g];
                for (i64 c = pr.start[l]; c < pr.start[l + 1]; ++c) {
                    const i64 r0 = other.tail_column + static_cast<i64>(pr.level[c]) * other.k;
                    for (int r = 0; r < f.k; ++r)
                        for (int s = 0; s < other.k; ++s)
                            e.A[r0 + s + (c0 + r) * Q] = pr.value[(c * f.k + r) * other.k + s];
                }
            }
        }
    }
}

// T = Lambda Lambda' of one factor, with derivative one along the entries that belong to it.
std::vector<Hyperdual> covariance(const Factor& f, const std::vector<double>& Lambda, int factor,
                                  const Entry& a, const Entry& b) {
    const int k = f.k;
    std::vector<Hyperdual> T(static_cast<size_t>(k * k));
    for (int r = 0; r < k; ++r)
        for (int s = 0; s < k; ++s)
            for (int t = 0; t <= std::min(r, s); ++t)
                T[r * k + s].v += Lambda[r * k + t] * Lambda[s * k + t];
    if (a.factor == factor) T[a.row * k + a.column].a = T[a.column * k + a.row].a = 1.0;
    if (b.factor == factor) T[b.row * k + b.column].b = T[b.column * k + b.row].b = 1.0;
    return T;
}

// H (k x k) <- (T^-1 + A)^-1 = (I + T A)^-1 T by elimination with pivoting; log|I + T A| is added.
void invert_level(const Hyperdual* A, const std::vector<Hyperdual>& T, int k,
                  std::vector<Hyperdual>& M, std::vector<Hyperdual>& H, Hyperdual& log_det) {
    M.assign(static_cast<size_t>(k * k), Hyperdual{});
    H = T;
    for (int r = 0; r < k; ++r) {
        M[r * k + r].v = 1.0;
        for (int s = 0; s < k; ++s)
            for (int t = 0; t < k; ++t) M[r * k + s] += T[r * k + t] * A[t * k + s];
    }
    for (int c = 0; c < k; ++c) {
        int pivot = c;
        for (int r = c + 1; r < k; ++r)
            if (std::fabs(M[r * k + c].v) > std::fabs(M[pivot * k + c].v)) pivot = r;
        for (int s = 0; s < k && pivot != c; ++s) {
            std::swap(M[c * k + s], M[pivot * k + s]);
            std::swap(H[c * k + s], H[pivot * k + s]);
        }
        log_det += log_size(M[c * k + c]);
        const Hyperdual inverse = reciprocal(M[c * k + c]);
        for (int s = 0; s < k; ++s) {
            M[c * k + s] = M[c * k + s] * inverse;
            H[c * k + s] = H[c * k + s] * inverse;
        }
        for (int r = 0; r < k; ++r) {
            if (r == c) continue;
            const Hyperdual by = M[r * k + c];
            for (int s = 0; s < k; ++s) {
                M[r * k + s] -= by * M[c * k + s];
                H[r * k + s] -= by * H[c * k + s];
            }
        }
    }
}

// target (ka x kb, stride ld, columns at[e] or e) -= P_a' HP_b over k rows.
void subtract(Hyperdual* target, i64 ld, const Hyperdual* P, i64 ldp, int ka, const Hyperdual* HP,
              i64 ldh, int kb, int k, const i32* at) {
    for (int r = 0; r < k; ++r)
        for (int i = 0; i < ka; ++i)
            for (int e = 0; e < kb; ++e)
                target[i * ld + (at ? at[e] : e)] -= P[r * ldp + i] * HP[r * ldh + e];
}

// H times the rows of a panel (k x n).
void times(const std::vector<Hyperdual>& H, int k, const Hyperdual* P, int n,
           std::vector<Hyperdual>& out) {
    out.assign(static_cast<size_t>(k * n), Hyperdual{});
    for (int r = 0; r < k; ++r)
        for (int s = 0; s < k; ++s)
            for (int e = 0; e < n; ++e) out[r * n + e] += H[r * k + s] * P[s * n + e];
}

// What level l of chain factor i takes from its chain ancestors.
void update_ancestors(const CrossProducts& cp, int i, i64 l, const std::vector<Hyperdual>& H,
                      const std::vector<Hyperdual>& HT, std::vector<Hyperdual>& HP, Elimination& e) {
    const int k = cp.factors[i].k;
    const TailRows& rows = cp.rows[i];
    const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
    for (int j = i + 1; j < cp.n_chain; ++j) {
        const int kj = cp.factors[j].k;
        const i64 up = cp.pairs[i][j].level[l];
        const Hyperdual* P = e.chain[i].ancestor[j].data() + l * k * kj;
        ChainBlocks& above = e.chain[j];
        for (int g = j; g < cp.n_chain; ++g) {
            const int kg = cp.factors[g].k;
            times(H, k, e.chain[i].ancestor[g].data() + l * k * kg, kg, HP);
            Hyperdual* target = g == j ? above.diagonal.data() + up * kj * kj
                                       : above.ancestor[g].data() + up * kj * kg;
            subtract(target, kg, P, kj, kj, HP.data(), kg, kg, k, nullptr);
        }
        const TailRows& wide = cp.rows[j];
        subtract(above.tail.data() + wide.start[up] * kj, wide.start[up + 1] - wide.start[up], P,
                 kj, kj, HT.data(), nc, nc, k, rows.in_ancestor[j].data() + rows.start[l]);
    }
}

// What level l takes from the lower triangle of the dense tail; HT = H T, T its k x nc tail part.
void update_tail(i64 Q, const i32* col, const Hyperdual* T, const Hyperdual* HT, int nc, int k,
                 Elimination& e) {
    for (int r = 0; r < k; ++r)
        for (int c = 0; c < nc; ++c) {
            const Hyperdual x = T[r * nc + c];
            const i64 column = static_cast<i64>(col[c]) * Q;
            for (int d = c; d < nc; ++d) {
                const Hyperdual y = x * HT[r * nc + d];
                const size_t at = static_cast<size_t>(column + col[d]);
                e.A[at] -= y.v;
                e.A_a[at] -= y.a;
                e.A_b[at] -= y.b;
                e.A_ab[at] -= y.ab;
            }
        }
}

// Eliminate the chain with derivatives along entries a and b.
void eliminate_chain(const CrossProducts& cp, const Lambdas& lambda, const Entry& a, const Entry& b,
                     Elimination& e) {
    assemble_chain(cp, e);
    assemble_tail(cp, e);
    e.log_det = Hyperdual{};
    std::vector<Hyperdual> M, H, HT, HP;
    for (int i = 0; i < cp.n_chain; ++i) {
        const Factor& f = cp.factors[i];
        const TailRows& rows = cp.rows[i];
        const std::vector<Hyperdual> T = covariance(f, lambda[i], i, a, b);
        for (i64 l = 0; l < f.m; ++l) {
            invert_level(e.chain[i].diagonal.data() + l * f.k * f.k, T, f.k, M, H, e.log_det);
            const int nc = static_cast<int>(rows.start[l + 1] - rows.start[l]);
            const Hyperdual* own = e.chain[i].tail.data() + rows.start[l] * f.k;
            times(H, f.k, own, nc, HT);
            update_ancestors(cp, i, l, H, HT, HP, e);
            update_tail(cp.tail, rows.column.data() + rows.start[l], own, HT.data(), nc, f.k, e);
        }
    }
}

void mirror(Dense& A, i64 Q) {
    for (i64 j = 0; j < Q; ++j)
        for (i64 i = j + 1; i < Q; ++i) A[j + i * Q] = A[i + j * Q];
}

double dot(const Dense& A, const Dense& B) {
    double sum = 0.0;
    for (size_t i = 0; i < A.size(); ++i) sum += A[i] * B[i];
    return sum;
}

// tr(A B) of two square matrices.
double trace_product(const Dense& A, const Dense& B, i64 Q) {
    double sum = 0.0;
    for (i64 j = 0; j < Q; ++j)
        for (i64 i = 0; i < Q; ++i) sum += A[i + j * Q] * B[j + i * Q];
    return sum;
}

Dense product(const Dense& A, const Dense& B, i64 Q) {
    Dense out(A.size());
    int n = static_cast<int>(Q);
    double one = 1.0, zero = 0.0;
    if (n > 0)
        lapack().dgemm(const_cast<char*>("N"), const_cast<char*>("N"), &n, &n, &n, &one,
                       const_cast<double*>(A.data()), &n, const_cast<double*>(B.data()), &n, &zero,
                       out.data(), &n);
    return out;
}

// H = Lambda M^-1 Lambda' of the dense tail, M from its factor in the workspace.
Dense tail_inverse(const CrossProducts& cp, const Lambdas& lambda, const Workspace& w) {
    const i64 Q = cp.tail;
    Dense H(static_cast<size_t>(Q * (Q + cp.p)), 0.0), half(static_cast<size_t>(Q * Q));
    for (i64 j = 0; j < Q; ++j) H[j * Q + j] = 1.0;
    tail_forward(cp, w, static_cast<int>(Q), false, H.data());
    tail_backward(cp, w, static_cast<int>(Q), false, H.data());
    H.resize(half.size());
    // Rows times Lambda, transposed, twice: Lambda (Lambda H)' = Lambda H Lambda'.
    for (int twice = 0; twice < 2; ++twice) {
        for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
            const Factor& f = cp.factors[t];
            for (i64 l = 0; l < f.m; ++l)
                for (int r = 0; r < f.k; ++r) {
                    const i64 row = f.tail_column + l * f.k;
                    for (i64 j = 0; j < Q; ++j) {
                        double sum = 0.0;
                        for (int s = 0; s <= r; ++s)
                            sum += lambda[t][r * f.k + s] * H[row + s + j * Q];
                        half[j + (row + r) * Q] = sum;
                    }
                }
        }
        std::swap(H, half);
    }
    return H;
}

// The dense tail: R = I - H A and G = A R, with A from the elimination of the chain.
struct Tail {
    i64 Q = 0;
    Dense H, R, G;
    std::vector<Dense> A_a, HA_a;  // for each entry of the chain
};

// tr(S_e X_ll) summed over the levels of a tail factor, X symmetric.
double unit_sum(const CrossProducts& cp, const Entry& e, const Dense& X, i64 Q) {
    const Factor& f = cp.factors[e.factor];
    double sum = 0.0;
    for (i64 l = 0; l < f.m; ++l) {
        const i64 c0 = f.tail_column + l * f.k;
        sum += X[c0 + e.row + (c0 + e.column) * Q];
    }
    return e.row == e.column ? sum : 2.0 * sum;
}

// tr(S_a G S_b G) of two entries of the tail.
double unit_pair_sum(const CrossProducts& cp, const Entry& a, const Entry& b, const Tail& tail) {
    const Factor &f = cp.factors[a.factor], &g = cp.factors[b.factor];
    double sum = 0.0;
    for (i64 l = 0; l < f.m; ++l) {
        const i64 c0 = f.tail_column + l * f.k;
        const double* row = tail.G.data() + (c0 + a.row) * tail.Q + g.tail_column;
        const double* column = tail.G.data() + (c0 + a.column) * tail.Q + g.tail_column;
        for (i64 at = 0; at < static_cast<i64>(g.m) * g.k; at += g.k)
            sum += column[at + b.row] * row[at + b.column] + column[at + b.column] * row[at + b.row];
    }
    return 2.0 * sum * (a.row == a.column ? 0.5 : 1.0) * (b.row == b.column ? 0.5 : 1.0);
}

// Derivatives that involve entries of the chain only; fills the tail's matrices on the way.
void chain_entries(const CrossProducts& cp, const Lambdas& lambda, const std::vector<Entry>& entries,
                   const Workspace& w, Tail& tail, double* first, double* second) {
    const int m = static_cast<int>(entries.size());
    Elimination e;
    tail.Q = cp.tail;
    tail.A_a.resize(static_cast<size_t>(m));
    tail.HA_a.resize(static_cast<size_t>(m));
    if (cp.tail) tail.H = tail_inverse(cp, lambda, w);
    for (int a = 0; a < m; ++a)
        for (int b = a; b >= 0; --b) {
            if (entries[a].factor >= cp.n_chain || entries[b].factor >= cp.n_chain) continue;
            eliminate_chain(cp, lambda, entries[a], entries[b], e);
            double curvature = e.log_det.ab;
            if (cp.tail) {
                mirror(e.A_ab, cp.tail);
                curvature += dot(tail.H, e.A_ab);
                if (a == b) {
                    mirror(e.A_a, cp.tail);
                    tail.A_a[a] = e.A_a;
                    tail.HA_a[a] = product(tail.H, e.A_a, cp.tail);
                }
                curvature -= trace_product(tail.HA_a[a], tail.HA_a[b], cp.tail);
            }
            if (a == b) first[a] = e.log_det.a + (cp.tail ? dot(tail.H, e.A_a) : 0.0);
            second[a * m + b] = second[b * m + a] = -curvature;
        }
    if (cp.tail == 0) return;
    mirror(e.A, cp.tail);
    tail.R = product(tail.H, e.A, cp.tail);
    for (i64 i = 0; i < cp.tail; ++i)
        for (i64 j = 0; j < cp.tail; ++j)
            tail.R[i + j * cp.tail] = (i == j) - tail.R[i + j * cp.tail];
    tail.G = product(e.A, tail.R, cp.tail);
}

// tr(S_b R'A_a R) over the levels of entry b's factor: only diagonal blocks of it are formed.
double mixed_sum(const CrossProducts& cp, const Entry& b, const Tail& tail, const Dense& AR) {
    const Factor& f = cp.factors[b.factor];
    double sum = 0.0;
    for (i64 l = 0; l < f.m; ++l) {
        const i64 c0 = f.tail_column + l * f.k;
        const double* R = tail.R.data() + (c0 + b.row) * tail.Q;
        const double* column = AR.data() + (c0 + b.column) * tail.Q;
        for (i64 i = 0; i < tail.Q; ++i) sum += R[i] * column[i];
    }
    return b.row == b.column ? sum : 2.0 * sum;
}

}  // namespace

void covariance_curvature(const CrossProducts& cp, const Lambdas& lambda,
                          const std::vector<Entry>& entries, const Workspace& w, double* first,
                          double* second) {
    const int m = static_cast<int>(entries.size());
    Tail tail;
    chain_entries(cp, lambda, entries, w, tail, first, second);
    if (cp.tail == 0) return;
    for (int a = 0; a < m; ++a) {
        if (entries[a].factor < cp.n_chain) {
            const Dense AR = product(tail.A_a[a], tail.R, tail.Q);
            for (int b = 0; b < m; ++b)
                if (entries[b].factor >= cp.n_chain)
                    second[a * m + b] = second[b * m + a] = -mixed_sum(cp, entries[b], tail, AR);
            continue;
        }
        first[a] = unit_sum(cp, entries[a], tail.G, tail.Q);
        for (int b = 0; b < m; ++b)
            if (entries[b].factor >= cp.n_chain)
                second[a * m + b] = unit_pair_sum(cp, entries[a], entries[b], tail);
    }
}

}  // namespace nw
