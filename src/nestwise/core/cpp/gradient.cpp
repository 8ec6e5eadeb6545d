#include "gradient.hpp"

#include <algorithm>

#include "lapack.hpp"
#include "small.hpp"
#include "tail.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Neighbours from which a level's products are left to BLAS.
constexpr int blas_from = 48;

// The neighbours of one level: ancestors, tail columns, then X; what is needed of each.
struct Neighbours {
    int n_ancestor;  // scalar columns of the chain ancestors
    int nc, nx;      // tail columns, X columns
    int total() const { return n_ancestor + nc + nx; }
};

// Entries of the tail's inverse, dense or sparse.
struct TailInverse {
    const CrossProducts& cp;
    const double* C;
    i64 n;  // order of the dense inverse
    double operator()(i64 r, i64 c) const {
        return cp.sparse ? C[tail_at(cp, std::max(r, c), std::min(r, c))] : C[r + c * n];
    }
};

// Square (total x total) of the inverse among the neighbours of level l, gathered.
void gather_square(const CrossProducts& cp, int i, i64 l, const Neighbours& nb, int n, Workspace& w) {
    const int total = nb.total(), Q = cp.tail, p = cp.p;
    double* G = w.square.data();
    const TailRows& rows = cp.rows[i];
    const i32* col = rows.column.data() + rows.start[l];
    const int t0 = nb.n_ancestor, x0 = t0 + nb.nc;
    const double* C = w.S_inverse.data();
    const i64* square = cp.sparse ? rows.square.data() + rows.square_start[l] : nullptr;
    for (int a = 0; a < nb.nc; ++a) {
        double* g = G + static_cast<i64>(t0 + a) * total;
        if (square) {
            for (int e = a; e < nb.nc; ++e)
                g[t0 + e] = G[static_cast<i64>(t0 + e) * total + t0 + a] = C[*square++];
        } else {
            const double* column = C + static_cast<i64>(col[a]) * n;
            for (int e = 0; e < nb.nc; ++e) g[t0 + e] = column[col[e]];
        }
        const double* below = cp.sparse ? C + cp.x_at[col[a]] : C + static_cast<i64>(col[a]) * n + Q;
        for (int j = 0; j < nb.nx; ++j)
            g[x0 + j] = G[static_cast<i64>(x0 + j) * total + t0 + a] = below[j];
    }
    const TailInverse inverse{cp, C, n};
    for (int a = 0; a < nb.nx; ++a)
        for (int j = 0; j < nb.nx; ++j)
            G[static_cast<i64>(x0 + a) * total + x0 + j] = inverse(Q + j, Q + a);
    int at = 0;
    for (int j = i + 1; j < cp.n_chain; ++j) {
        const int kj = cp.factors[j].k;
        const i64 a = cp.pairs[i][j].level[l];
        const ChainWork& up = w.chain[j];
        const TailRows& above = cp.rows[j];
        const i64 nca = above.start[a + 1] - above.start[a];
        const i32* pos = rows.in_ancestor[j].data() + rows.start[l];
        for (int r = 0; r < kj; ++r) {
            const i64 row = at + r;
            const auto put = [&](i64 column, double value) {
                G[row * total + column] = value;
                G[column * total + row] = value;
            };
            for (int s = 0; s < kj; ++s) put(at + s, up.C[a * kj * kj + r * kj + s]);
            int to = at + kj;
            for (int g = j + 1; g < cp.n_chain; ++g) {
                const int kg = cp.factors[g].k;
                for (int s = 0; s < kg; ++s) put(to + s, up.C_ancestor[g][a * kj * kg + r * kg + s]);
                to += kg;
            }
            for (int e = 0; e < nb.nc; ++e)
                put(t0 + e, up.C_tail[above.start[a] * kj + r * nca + pos[e]]);
            for (int s = 0; s < nb.nx; ++s) put(x0 + s, up.C_x[a * kj * p + r * p + s]);
        }
        at += kj;
    }
}

// Whether level l has the neighbours of the level before it: the same ancestors, and no tail.
bool shares_neighbours(const CrossProducts& cp, int i, i64 l) {
    if (l == 0 || cp.tail > 0) return false;
    if (i + 1 >= cp.n_chain) return true;
    const auto& nearest = cp.pairs[i][i + 1].level;
    return nearest[l] == nearest[l - 1];
}

// The level's rows of the factor side by side: ancestors, tail, X.
void gather_panel(const CrossProducts& cp, int i, i64 l, int k, const Neighbours& nb, Workspace& w) {
    const int total = nb.total(), p1 = cp.p + 1;
    const ChainWork& own = w.chain[i];
    for (int r = 0; r < k; ++r) {
        double* out = w.panel.data() + static_cast<i64>(r) * total;
        for (int j = i + 1; j < cp.n_chain; ++j) {
            const int kj = cp.factors[j].k;
            out = std::copy_n(own.ancestor[j].data() + (l * k + r) * kj, kj, out);
        }
        out = std::copy_n(own.tail.data() + cp.rows[i].start[l] * k + static_cast<i64>(r) * nb.nc,
                          nb.nc, out);
        std::copy_n(own.xy.data() + (l * k + r) * p1, nb.nx, out);
    }
}

// Adds A Lambda_g C' (k x k) to `own` and A' Lambda_f C (k_g x k_g) to `other`: one co-occurring
// pair seen from both sides. A is k x k_g, C = C_{l, partner} is k x k_g with row stride ldc.
void add_pair(const double* A, const double* C, i64 ldc, const double* Lf, int k, const double* Lg,
              int kg, double* own, double* other) {
    for (int t = 0; t < kg; ++t)
        for (int r = 0; r < k; ++r) {
            double al = 0.0;
            for (int s = t; s < kg; ++s) al += A[r * kg + s] * Lg[s * kg + t];
            for (int s = 0; s < k; ++s) own[r * k + s] += al * C[s * ldc + t];
        }
    for (int r = 0; r < k; ++r)
        for (int t = 0; t < kg; ++t) {
            double al = 0.0;
            for (int s = r; s < k; ++s) al += Lf[s * k + r] * A[s * kg + t];
            for (int s = 0; s < kg; ++s) other[t * kg + s] += al * C[r * ldc + s];
        }
}

// out (k x n) = -W G, G symmetric n x n; W and out row-major. N is n where it is small.
template <int N>
void multiply_symmetric(const double* W, int k, const double* G, int columns, double* out) {
    int n = N ? N : columns;
    if (n >= blas_from && k > 1) {
        double minus = -1.0, zero = 0.0;
        lapack().dgemm(const_cast<char*>("N"), const_cast<char*>("N"), &n, &k, &n, &minus,
                       const_cast<double*>(G), &n, const_cast<double*>(W), &n, &zero, out, &n);
        return;
    }
    std::fill_n(out, static_cast<i64>(k) * n, 0.0);
    for (int r = 0; r < k; ++r) {
        double* y = out + static_cast<i64>(r) * n;
        for (int a = 0; a < n; ++a) {
            const double c = W[static_cast<i64>(r) * n + a];
            const double* g = G + static_cast<i64>(a) * n;
            for (int e = 0; e < n; ++e) y[e] -= c * g[e];
        }
    }
}

void store_inverse(const CrossProducts& cp, int i, i64 l, int k, const Neighbours& nb,
                   const double* C_ll, const double* C_ln, Workspace& w) {
    ChainWork& own = w.chain[i];
    const int total = nb.total(), p = cp.p;
    std::copy_n(C_ll, k * k, own.C.data() + l * k * k);
    for (int r = 0; r < k; ++r) {
        const double* from = C_ln + static_cast<i64>(r) * total;
        for (int j = i + 1; j < cp.n_chain; ++j) {
            const int kj = cp.factors[j].k;
            std::copy_n(from, kj, own.C_ancestor[j].data() + (l * k + r) * kj);
            from += kj;
        }
        std::copy_n(from, nb.nc, own.C_tail.data() + cp.rows[i].start[l] * k + static_cast<i64>(r) * nb.nc);
        std::copy_n(from + nb.nc, nb.nx, own.C_x.data() + (l * k + r) * p);
    }
}

// The contributions of level l's diagonal, ancestors, tail and X to the log-determinant's sums.
void add_level(const CrossProducts& cp, const Lambdas& lambda, int i, i64 l, int k,
               const Neighbours& nb, const double* C_ll, const double* C_ln, Faces& out) {
    const Factor& f = cp.factors[i];
    const int total = nb.total(), p1 = cp.p + 1;
    double* own = out.logdet[i].data();
    const double *Lf = lambda[i].data(), *D = f.diagonal.data() + l * k * k;
    for (int r = 0; r < k; ++r)
        for (int t = 0; t < k; ++t) {
            double al = 0.0;
            for (int s = t; s < k; ++s) al += D[r * k + s] * Lf[s * k + t];
            for (int s = 0; s < k; ++s) own[r * k + s] += al * C_ll[t * k + s];
        }
    int at = 0;
    for (int j = i + 1; j < cp.n_chain; ++j) {
        const int kj = cp.factors[j].k;
        add_pair(cp.pairs[i][j].value.data() + l * k * kj, C_ln + at, total, Lf, k,
                 lambda[j].data(), kj, own, out.logdet[j].data());
        at += kj;
    }
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t) {
        const Pairs& pr = cp.pairs[i][t];
        const int kt = cp.factors[t].k;
        if (k == 1 && kt == 1) {
            double sum = 0.0;
            for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) sum += pr.value[e] * C_ln[at++];
            own[0] += sum * lambda[t][0];
            out.logdet[t][0] += sum * Lf[0];
            continue;
        }
        for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e, at += kt)
            add_pair(pr.value.data() + e * k * kt, C_ln + at, total, Lf, k, lambda[t].data(), kt,
                     own, out.logdet[t].data());
    }
    const double* X = f.xy.data() + l * k * p1;
    for (int r = 0; r < k; ++r)
        for (int s = 0; s < k; ++s)
            for (int j = 0; j < nb.nx; ++j)
                own[r * k + s] += X[r * p1 + j] * C_ln[static_cast<i64>(s) * total + at + j];
}

// N is the number of neighbours where it is small and the same for all levels.
template <int K, int N>
void invert_factor(const CrossProducts& cp, const Lambdas& lambda, int i, int n, int nx,
                   Workspace& w, Faces& out, double* all_faces, const LevelVisitor& visit) {
    const Factor& f = cp.factors[i];
    const int k = K ? K : f.k;
    Neighbours nb{0, 0, nx};
    for (int j = i + 1; j < cp.n_chain; ++j) nb.n_ancestor += cp.factors[j].k;
    std::vector<double> C_ll(static_cast<size_t>(k * k)), C_ln;
    const bool whole = cp.rows[i].full && !cp.sparse && nb.n_ancestor == 0 && cp.tail > 0;
    for (i64 l = 0; l < f.m; ++l) {
        nb.nc = static_cast<int>(cp.rows[i].start[l + 1] - cp.rows[i].start[l]);
        const int total = N ? N : nb.total();
        const size_t panel = static_cast<size_t>(k) * static_cast<size_t>(total);
        const size_t square = static_cast<size_t>(total) * static_cast<size_t>(total);
        if (w.panel.size() < panel) w.panel.resize(panel);
        if (w.square.size() < square) w.square.resize(square);
        if (C_ln.size() < panel) C_ln.resize(panel);
        gather_panel(cp, i, l, k, nb, w);
        // A level that meets the whole tail, and no ancestor, has the whole inverse as its square.
        const double* square_of = whole ? w.S_inverse.data() : w.square.data();
        if (!whole && !shares_neighbours(cp, i, l)) gather_square(cp, i, l, nb, n, w);
        const double* L = w.chain[i].L.data() + l * k * k;
        // C_lN = -L^-T W C_NN and C_ll = L^-T (I + W C_NN W') L^-1.
        multiply_symmetric<N>(w.panel.data(), k, square_of, total, C_ln.data());
        for (int r = 0; r < k; ++r)
            for (int s = 0; s < k; ++s) {
                double value = r == s;
                for (int e = 0; e < total; ++e)
                    value -= C_ln[static_cast<i64>(r) * total + e] * w.panel[static_cast<i64>(s) * total + e];
                C_ll[r * k + s] = value;
            }
        solve_lower_transposed<K>(L, k, C_ln.data(), total, total);
        solve_lower_transposed<K>(L, k, C_ll.data(), k, k);
        for (int r = 0; r < k; ++r)
            for (int s = 0; s < r; ++s) std::swap(C_ll[r * k + s], C_ll[s * k + r]);
        solve_lower_transposed<K>(L, k, C_ll.data(), k, k);
        if (i > 0) store_inverse(cp, i, l, k, nb, C_ll.data(), C_ln.data(), w);
        if (all_faces) std::copy_n(C_ll.data(), k * k, all_faces + l * k * k);
        for (int t = 0; t < k * k; ++t) out.inverse[i][t] += C_ll[t];
        if (i == 0 && visit) visit(l, C_ll.data(), C_ln.data(), square_of, total);
        add_level(cp, lambda, i, l, k, nb, C_ll.data(), C_ln.data(), out);
    }
}

// Width and number of neighbours of a chain factor as constants, where they are small: of one column
// without a tail, loops of known length are unrolled.
template <class Body>
void with_neighbours(const CrossProducts& cp, int i, int nx, Body&& body) {
    int total = nx;
    for (int j = i + 1; j < cp.n_chain; ++j) total += cp.factors[j].k;
    if (cp.factors[i].k == 1 && cp.tail == 0) {
        switch (total) {
            case 2: return body(Width<1>(), Width<2>());
            case 3: return body(Width<1>(), Width<3>());
            case 4: return body(Width<1>(), Width<4>());
            case 5: return body(Width<1>(), Width<5>());
            case 6: return body(Width<1>(), Width<6>());
            default: return body(Width<1>(), Width<0>());
        }
    }
    with_width(cp.factors[i].k, [&](auto width) { body(width, Width<0>()); });
}

// Faces of the tail's own factors, from the dense inverse.
void tail_faces(const CrossProducts& cp, const Lambdas& lambda, size_t t, int n, int nx,
                const Workspace& w, Faces& out, double* all_faces) {
    const Factor& f = cp.factors[t];
    const int k = f.k, p1 = cp.p + 1, Q = cp.tail;
    const double* La = lambda[t].data();
    const TailInverse inverse{cp, w.S_inverse.data(), n};
    double* own = out.logdet[t].data();
    std::vector<double> C(static_cast<size_t>(k * cp.max_k));
    for (i64 l = 0; l < f.m; ++l) {
        const i64 c0 = f.tail_column + l * k;
        const double *D = f.diagonal.data() + l * k * k, *X = f.xy.data() + l * k * p1;
        for (int r = 0; r < k; ++r)
            for (int s = 0; s < k; ++s) C[r * k + s] = inverse(c0 + r, c0 + s);
        for (int r = 0; r < k; ++r)
            for (int s = 0; s < k; ++s) {
                const double* below = cp.sparse ? w.S_inverse.data() + cp.x_at[c0 + s]
                                                : w.S_inverse.data() + (c0 + s) * n + Q;
                double sum = 0.0;
                for (int e = 0; e < k; ++e)
                    for (int g = 0; g <= e; ++g) sum += D[r * k + e] * La[e * k + g] * C[g * k + s];
                for (int j = 0; j < nx; ++j) sum += X[r * p1 + j] * below[j];
                own[r * k + s] += sum;
                out.inverse[t][r * k + s] += C[r * k + s];
                if (all_faces) all_faces[l * k * k + r * k + s] = C[r * k + s];
            }
        for (size_t g = t + 1; g < cp.factors.size(); ++g) {
            const Factor& other = cp.factors[g];
            const Pairs& pr = cp.pairs[t][g];
            for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) {
                const i64 to = other.tail_column + static_cast<i64>(pr.level[e]) * other.k;
                for (int r = 0; r < k; ++r)
                    for (int s = 0; s < other.k; ++s) C[r * other.k + s] = inverse(to + s, c0 + r);
                add_pair(pr.value.data() + e * k * other.k, C.data(), other.k, La, k,
                         lambda[g].data(), other.k, own, out.logdet[g].data());
            }
        }
    }
}

}  // namespace

void selected_inverse(const CrossProducts& cp, const Lambdas& lambda, bool augmented, Workspace& w,
                      Faces& out, double* all_faces, const LevelVisitor& visit) {
    const int nx = augmented ? cp.p : 0, n = cp.tail + nx;
    invert_tail(cp, augmented, w);
    std::vector<i64> start(cp.factors.size() + 1, 0);
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const size_t kk = static_cast<size_t>(cp.factors[f].k) * static_cast<size_t>(cp.factors[f].k);
        out.logdet.emplace_back(kk, 0.0);
        out.inverse.emplace_back(kk, 0.0);
        start[f + 1] = start[f] + cp.factors[f].m * static_cast<i64>(kk);
    }
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t)
        tail_faces(cp, lambda, t, n, nx, w, out, all_faces ? all_faces + start[t] : nullptr);
    for (int i = cp.n_chain - 1; i >= 0; --i)
        with_neighbours(cp, i, nx, [&](auto width, auto neighbours) {
            invert_factor<decltype(width)::value, decltype(neighbours)::value>(
                cp, lambda, i, n, nx, w, out, all_faces ? all_faces + start[i] : nullptr, visit);
        });
}

void score_sums(const CrossProducts& cp, const Workspace& w, Faces& out) {
    for (const Factor& f : cp.factors) {
        const int k = f.k;
        std::vector<double> vu(static_cast<size_t>(k * k), 0.0), vv(static_cast<size_t>(k * k), 0.0);
        for (i64 l = 0; l < f.m; ++l) {
            const double* v = w.v.data() + f.offset + l * k;
            const double* u = w.u.data() + f.offset + l * k;
            for (int r = 0; r < k; ++r)
                for (int s = 0; s < k; ++s) {
                    vu[r * k + s] += v[r] * u[s];
                    vv[r * k + s] += v[r] * v[s];
                }
        }
        out.score.push_back(std::move(vu));
        out.residual.push_back(std::move(vv));
    }
}

}  // namespace nw
