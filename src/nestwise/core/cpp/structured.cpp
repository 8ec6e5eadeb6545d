// Patterns of a model with structured residuals, one after the other; see structured.hpp.
//
// Source: Gilmour, Thompson & Cullis (1995), Biometrics 51, 1440-1450, eq. 4-7 (average information).
#include "structured.hpp"

#include <cmath>

#include "dense_rows.hpp"
#include "structured_covariance.hpp"

namespace nw {

namespace {

using std::int64_t;
using Values = std::vector<double>;

// Sum over blocks of D'W D into C (c, c).
void add_cross(const StructuredPattern& one, int c, const double* W, double* C, Values& work) {
    const int v = one.v;
    if (!one.table.empty()) {
        for (int jk = 0; jk < v * v; ++jk) {
            const double w = W[jk];
            const double* t = &one.table[static_cast<size_t>(jk) * c * c];
            for (int ab = 0; ab < c * c; ++ab) C[ab] += w * t[ab];
        }
        return;
    }
    work.assign(static_cast<size_t>(v) * c, 0.0);
    for (int64_t b = 0; b < one.count; ++b) {
        const double* D = &one.rows[static_cast<size_t>(b) * v * c];
        multiply(W, D, work.data(), v, v, c);
        add_transposed_product(D, work.data(), C, v, c, c);
    }
}

// Cholesky of the weighted cross-products: estimates, residual sum of squares, root of Phi.
bool solve_fixed(const Values& C, int c, StructuredSums& out) {
    const int p = c - 1;
    Values L(static_cast<size_t>(p) * p);
    for (int i = 0; i < p; ++i)
        for (int j = 0; j < p; ++j) L[i * p + j] = C[i * c + j];
    if (!cholesky_lower(L.data(), p, out.fixed_logdet)) return false;
    invert_lower(L.data(), p);
    Values z(p, 0.0);
    out.pwrss = C[p * c + p];
    for (int i = 0; i < p; ++i) {
        for (int j = 0; j <= i; ++j) z[i] += L[i * p + j] * C[j * c + p];
        out.pwrss -= z[i] * z[i];
    }
    out.delta.assign(p, 0.0);
    out.half.assign(static_cast<size_t>(p) * p, 0.0);
    for (int i = 0; i < p; ++i)
        for (int j = 0; j <= i; ++j) {
            out.delta[j] += L[i * p + j] * z[i];
            out.half[j * p + i] = L[i * p + j];
        }
    return out.pwrss > 0.0;
}

// Sums over blocks at the estimates: E = e e', A = X Phi X', F = e[j] X[k, a].
struct Moments {
    Values E, A, F;
};

void table_moments(const StructuredPattern& one, int c, const Values& g, const Values& Phi, bool reml,
                   Moments& out) {
    const int v = one.v, p = c - 1;
    for (int jk = 0; jk < v * v; ++jk) {
        const double* t = &one.table[static_cast<size_t>(jk) * c * c];
        double* F = &out.F[static_cast<size_t>(jk) * p];
        double e = 0.0;
        for (int a = 0; a < c; ++a) {
            const double by = g[a];
            const double* row = t + a * c;
            for (int b = 0; b < p; ++b) F[b] += by * row[b];
            e += by * row[p] * g[p];
        }
        for (int b = 0; b < p; ++b) e += F[b] * g[b];
        out.E[jk] = e;
        if (!reml) continue;
        double total = 0.0;
        for (int a = 0; a < p; ++a)
            for (int b = 0; b < p; ++b) total += Phi[a * p + b] * t[a * c + b];
        out.A[jk] = total;
    }
}

double dot(const double* a, const double* b, int64_t n) {
    double total = 0.0;
    for (int64_t i = 0; i < n; ++i) total += a[i] * b[i];
    return total;
}

// w_i'V^-1 w_j and w_i'V^-1 X of one block, w_i = dV_i V^-1 e.
void add_directions(const Derivatives& d, const double* W, const Values& We, const Values& WX, int v, int p,
                    int m, StructuredSums& out) {
    const size_t a = d.active.size(), vv = static_cast<size_t>(v) * v;
    Values moved(a * v), Wmoved(a * v);
    for (size_t i = 0; i < a; ++i) {
        multiply(&d.values[i * vv], We.data(), &moved[i * v], v, v, 1);
        multiply(W, &moved[i * v], &Wmoved[i * v], v, v, 1);
        double* mixed = &out.mixed[static_cast<size_t>(d.active[i]) * p];
        for (int j = 0; j < v; ++j)
            for (int k = 0; k < p; ++k) mixed[k] += moved[i * v + j] * WX[j * p + k];
    }
    for (size_t i = 0; i < a; ++i)
        for (size_t j = 0; j < a; ++j)
            out.gram[static_cast<size_t>(d.active[i]) * m + d.active[j]] += dot(&moved[i * v], &Wmoved[j * v], v);
}

// A pattern whose blocks are kept as rows, block by block: P y and P X need W times a vector only, so
// that no product of matrices of order v is formed. Fills seen and trace, and adds the derivatives.
void add_rows(const StructuredModel& model, const StructuredState& state, const StructuredPattern& one,
              const double* W, const Values& g, const Values& half, bool reml, TableSums& tables,
              Values& seen, Values& trace, StructuredSums& out) {
    const int v = one.v, c = model.c, p = c - 1;
    const size_t vv = static_cast<size_t>(v) * v;
    const bool shared = tables.takes(one);
    const Derivatives d = shared ? Derivatives{} : covariance_derivatives(model, state, one);
    Values e(v), We(v), X(static_cast<size_t>(v) * p), WX(X), S(X), both(shared ? vv * p : 0, 0.0);
    for (size_t jk = 0; jk < vv; ++jk) trace[jk] = static_cast<double>(one.count) * W[jk];
    for (int64_t b = 0; b < one.count; ++b) {
        const double* D = &one.rows[static_cast<size_t>(b) * v * c];
        for (int j = 0; j < v; ++j) {
            e[j] = dot(D + j * c, g.data(), c);
            for (int k = 0; k < p; ++k) X[j * p + k] = D[j * c + k];
        }
        multiply(W, e.data(), We.data(), v, v, 1);
        multiply(W, X.data(), WX.data(), v, v, p);
        if (reml) multiply(WX.data(), half.data(), S.data(), v, p, p);
        for (int j = 0; j < v; ++j)
            for (int k = 0; k < v; ++k) {
                seen[j * v + k] += We[j] * We[k];
                if (reml) trace[j * v + k] -= dot(&S[j * p], &S[k * p], p);
                for (int k2 = 0; shared && k2 < p; ++k2)
                    both[(static_cast<size_t>(j) * v + k) * p + k2] += We[j] * WX[k * p + k2];
            }
        if (!shared) add_directions(d, W, We, WX, v, p, model.m(), out);
    }
    if (shared) tables.add(one, W, trace.data(), seen.data(), both.data());
    for (size_t i = 0; i < d.active.size(); ++i) {
        out.trace[d.active[i]] += dot(&d.values[i * vv], trace.data(), static_cast<int64_t>(vv));
        out.score[d.active[i]] += dot(&d.values[i * vv], seen.data(), static_cast<int64_t>(vv));
    }
}

// W A W for symmetric W.
void sandwich(const double* W, const double* A, double* out, double* work, int v) {
    multiply(W, A, work, v, v, v);
    multiply(work, W, out, v, v, v);
}

// What a pattern adds through the derivatives of its covariance, each written out.
void add_derivatives(const Derivatives& d, const double* W, const double* trace, const double* seen,
                     const double* F, int v, int p, int m, StructuredSums& out) {
    const int64_t vv = static_cast<int64_t>(v) * v;
    const size_t a = d.active.size();
    Values left(vv), both(vv), columns(a * vv);
    for (size_t i = 0; i < a; ++i) {
        const double* D = &d.values[i * vv];
        const int at = d.active[i];
        out.trace[at] += dot(D, trace, vv);
        out.score[at] += dot(D, seen, vv);
        multiply(W, D, left.data(), v, v, v);
        multiply(left.data(), seen, &columns[i * vv], v, v, v);
        multiply(left.data(), W, both.data(), v, v, v);
        double* mixed = &out.mixed[static_cast<size_t>(at) * p];
        for (int64_t jk = 0; jk < vv; ++jk)
            for (int b = 0; b < p; ++b) mixed[b] += both[jk] * F[jk * p + b];
    }
    for (size_t i = 0; i < a; ++i)
        for (size_t j = 0; j < a; ++j)
            out.gram[static_cast<size_t>(d.active[i]) * m + d.active[j]] +=
                dot(&d.values[i * vv], &columns[j * vv], vv);
}

// <d2V, S> of the entries of Lambda: 2 Z'S Z for two entries of the same column of a term.
void add_curvature(const StructuredModel& model, const StructuredPattern& one, const double* trace,
                   const double* seen, double ratio, StructuredSums& out) {
    const int v = one.v, m = model.m();
    for (size_t i = 0; i < model.entries.size(); ++i)
        for (size_t j = 0; j < model.entries.size(); ++j) {
            const StructuredEntry &a = model.entries[i], &b = model.entries[j];
            if (a.term != b.term || a.column != b.column) continue;
            const int k = model.widths[a.term];
            const Values& Z = one.Z[a.term];
            const std::vector<int>& level = one.level[a.term];
            double total = 0.0;
            for (int r = 0; r < v; ++r)
                for (int s = 0; s < v; ++s)
                    if (level[r] == level[s])
                        total += Z[r * k + a.row] * (trace[r * v + s] - ratio * seen[r * v + s]) *
                                 Z[s * k + b.row];
            out.extra[i * m + j] += 2.0 * total;
        }
}

// A pattern of which sums over blocks are kept; fills seen and trace, and adds the derivatives.
void add_table(const StructuredModel& model, const StructuredState& state, const StructuredPattern& one,
               const double* W, const Values& g, const Values& Phi, bool reml, TableSums& tables,
               Values& seen, Values& trace, StructuredSums& out) {
    const int v = one.v, p = model.c - 1;
    const size_t vv = static_cast<size_t>(v) * v;
    Moments found{Values(vv, 0.0), Values(vv, 0.0), Values(vv * p, 0.0)};
    table_moments(one, model.c, g, Phi, reml, found);
    Values work(vv);
    sandwich(W, found.E.data(), seen.data(), work.data(), v);
    if (reml) sandwich(W, found.A.data(), trace.data(), work.data(), v);
    for (size_t jk = 0; jk < vv; ++jk)
        trace[jk] = static_cast<double>(one.count) * W[jk] - (reml ? trace[jk] : 0.0);
    if (tables.takes(one)) {
        // W F W for every column of F: first along rows, then along columns.
        Values side(vv * p), both(vv * p);
        multiply(W, found.F.data(), side.data(), v, v, v * p);
        for (int j = 0; j < v; ++j)
            multiply(W, &side[static_cast<size_t>(j) * v * p], &both[static_cast<size_t>(j) * v * p], v, v, p);
        tables.add(one, W, trace.data(), seen.data(), both.data());
        return;
    }
    const Derivatives d = covariance_derivatives(model, state, one);
    add_derivatives(d, W, trace.data(), seen.data(), found.F.data(), v, p, model.m(), out);
}

struct Weights {
    std::vector<Values> inverse;  // V^-1 of each pattern
};

bool factorise(const StructuredModel& model, const StructuredState& state, Weights& found, Values& C,
               StructuredSums& out) {
    Values work;
    for (const StructuredPattern& one : model.patterns) {
        Values V = structured_covariance(model, state, one);
        double logdet = 0.0;
        if (!cholesky_lower(V.data(), one.v, logdet)) return false;
        invert_from_cholesky(V.data(), one.v);
        out.logdet += static_cast<double>(one.count) * logdet;
        add_cross(one, model.c, V.data(), C.data(), work);
        found.inverse.push_back(std::move(V));
    }
    return std::isfinite(out.logdet);
}

}  // namespace

StructuredSums evaluate_structured(const StructuredModel& model, const StructuredState& state,
                                   double df, bool reml) {
    const int c = model.c, p = c - 1, m = model.m();
    StructuredSums out;
    Weights weights;
    Values C(static_cast<size_t>(c) * c, 0.0);
    if (!factorise(model, state, weights, C, out) || !solve_fixed(C, c, out)) return out;
    const double ratio = df / out.pwrss;
    Values g(c, 1.0), Phi(static_cast<size_t>(p) * p, 0.0);
    for (int a = 0; a < p; ++a) g[a] = -out.delta[a];
    multiply_transposed(out.half.data(), out.half.data(), Phi.data(), p, p, p);
    out.trace.assign(m, 0.0);
    out.score.assign(m, 0.0);
    out.gram.assign(static_cast<size_t>(m) * m, 0.0);
    out.mixed.assign(static_cast<size_t>(m) * p, 0.0);
    out.extra.assign(static_cast<size_t>(m) * m, 0.0);
    TableSums tables(model);
    for (size_t i = 0; i < model.patterns.size(); ++i) {
        const StructuredPattern& one = model.patterns[i];
        const int v = one.v;
        const size_t vv = static_cast<size_t>(v) * v;
        const double* W = weights.inverse[i].data();
        Values seen(vv, 0.0), trace(vv, 0.0);
        if (one.table.empty()) {
            add_rows(model, state, one, W, g, out.half, reml, tables, seen, trace, out);
        } else {
            add_table(model, state, one, W, g, Phi, reml, tables, seen, trace, out);
        }
        add_curvature(model, one, trace.data(), seen.data(), ratio, out);
    }
    tables.collect(state, out);
    out.finite = true;
    return out;
}

}  // namespace nw
