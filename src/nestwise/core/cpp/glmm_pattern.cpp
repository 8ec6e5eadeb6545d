// The rows on the pattern of the cross-products: new weights, products with Z, leverages.
#include <algorithm>

#include "elimination.hpp"
#include "glmm.hpp"
#include "small.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Where each row's pair (its level of f, its level of g) stands.
std::vector<i32> pair_slots(const CrossProducts& cp, const Glmm& g, size_t f, size_t h) {
    const Pairs& pr = cp.pairs[f][h];
    std::vector<i32> out(static_cast<size_t>(g.n));
    for (i64 r = 0; r < g.n; ++r) {
        const i64 l = g.factors[f].codes[r];
        const auto begin = pr.level.begin() + pr.start[l], end = pr.level.begin() + pr.start[l + 1];
        const auto at = std::lower_bound(begin, end, g.factors[h].codes[r]);
        out[r] = static_cast<i32>(at - pr.level.begin());
    }
    return out;
}

// Diagonal blocks and Z't of one factor, of width K.
template <int K>
void reweight_own(const RowFactor& rows, i64 n, int kd, const double* w, const double* t, Factor& f) {
    const int k = K ? K : kd;
    const i32* codes = rows.codes.data();
    if (rows.z.empty()) {
        for (i64 r = 0; r < n; ++r) {
            f.diagonal[codes[r]] += w[r];
            f.xy[codes[r]] += t[r];
        }
        return;
    }
    for (i64 r = 0; r < n; ++r) {
        const double* z = rows.z.data() + r * k;
        double *D = f.diagonal.data() + static_cast<i64>(codes[r]) * k * k,
               *y = f.xy.data() + static_cast<i64>(codes[r]) * k;
        for (int i = 0; i < k; ++i) {
            const double c = w[r] * z[i];
            for (int j = 0; j < k; ++j) D[i * k + j] += c * z[j];
            y[i] += t[r] * z[i];
        }
    }
}

void reweight_pair(const Glmm& g, size_t f, size_t h, const double* w, Pairs& pairs) {
    const RowFactor &a = g.factors[f], &b = g.factors[h];
    const int ka = g.cp->factors[f].k, kb = g.cp->factors[h].k;
    const i32* slot = g.slot[f][h].data();
    const double one = 1.0;
    if (a.z.empty() && b.z.empty()) {
        for (i64 r = 0; r < g.n; ++r) pairs.value[slot[r]] += w[r];
        return;
    }
    for (i64 r = 0; r < g.n; ++r) {
        const double *za = a.z.empty() ? &one : a.z.data() + r * ka,
                     *zb = b.z.empty() ? &one : b.z.data() + r * kb;
        double* v = pairs.value.data() + static_cast<i64>(slot[r]) * ka * kb;
        for (int i = 0; i < ka; ++i)
            for (int j = 0; j < kb; ++j) v[i * kb + j] += w[r] * za[i] * zb[j];
    }
}

RowFactor row_factor(const FactorRows& in, i64 n) {
    RowFactor out;
    out.codes.assign(in.codes, in.codes + n);
    const size_t k = in.columns.size();
    if (k == 1 && !in.columns[0]) return out;
    out.z.resize(static_cast<size_t>(n) * k);
    for (i64 r = 0; r < n; ++r)
        for (size_t j = 0; j < k; ++j)
            out.z[static_cast<size_t>(r) * k + j] =
                in.columns[j] ? in.columns[j][r] * in.inverse_scale[j] : 1.0;
    return out;
}

// Scaled rows a_i = Lambda'z_i of one factor at one row.
void scaled_row(const RowFactor& f, const std::vector<double>& lambda, int k, i64 r, double* a) {
    if (f.z.empty()) {
        a[0] = lambda[0];
        return;
    }
    lambda_t_times<0>(lambda.data(), k, f.z.data() + r * k, 1, a);
}

// a'Ca of one row when every factor has a single column: `first` is where each factor's columns
// begin among the neighbours, less the number of its first pair.
double narrow_form(const Glmm& g, const Lambdas& lambda, i64 r, const std::vector<i64>& first,
                   double own, const double* across, const double* among, i64 total) {
    const auto value = [&](size_t f) {
        return g.factors[f].z.empty() ? lambda[f][0] : lambda[f][0] * g.factors[f].z[r];
    };
    const auto place = [&](size_t f) {
        return first[f] + (static_cast<int>(f) < g.cp->n_chain ? 0 : g.slot[0][f][r]);
    };
    const double a = value(0);
    double sum = a * a * own;
    for (size_t f = 1; f < g.factors.size(); ++f) {
        const double b = value(f);
        const i64 at = place(f);
        sum += b * (2.0 * a * across[at] + b * among[at * total + at]);
        for (size_t e = 1; e < f; ++e) sum += 2.0 * b * value(e) * among[at * total + place(e)];
    }
    return sum;
}

}  // namespace

std::unique_ptr<Glmm> make_glmm(const Rows& rows, int solver, double memory) {
    auto g = std::make_unique<Glmm>();
    g->n = rows.n;
    g->cp = cross_products(rows, solver, memory);
    const size_t F = rows.factors.size(), n = static_cast<size_t>(rows.n);
    for (const Factor& f : g->cp->factors)
        g->factors.push_back(row_factor(rows.factors[static_cast<size_t>(f.input)], rows.n));
    g->slot.resize(F);
    for (size_t f = 0; f < F; ++f) {
        g->slot[f].resize(F);
        for (size_t h = f + 1; h < F; ++h) g->slot[f][h] = pair_slots(*g->cp, *g, f, h);
    }
    g->first_row.assign(static_cast<size_t>(g->cp->factors[0].m) + 1, 0);
    for (i32 c : g->factors[0].codes) ++g->first_row[static_cast<size_t>(c) + 1];
    for (size_t l = 1; l < g->first_row.size(); ++l) g->first_row[l] += g->first_row[l - 1];
    for (RowValues* v : {&g->values, &g->trial_values})
        for (auto* part : {&v->d1, &v->observed, &v->expected, &v->slope}) part->resize(n);
    for (auto* part : {&g->eta, &g->trial, &g->target, &g->move, &g->leverage, &g->adjoint})
        part->resize(n);
    g->solution.resize(static_cast<size_t>(g->cp->q));
    g->effects.resize(static_cast<size_t>(g->cp->q));
    return g;
}

void reweight(Glmm& g, const double* weights, const double* t) {
    CrossProducts& cp = *g.cp;
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        Factor& own = cp.factors[f];
        std::fill(own.diagonal.begin(), own.diagonal.end(), 0.0);
        std::fill(own.xy.begin(), own.xy.end(), 0.0);
        with_width(own.k, [&](auto width) {
            reweight_own<decltype(width)::value>(g.factors[f], g.n, own.k, weights, t, own);
        });
        for (size_t h = f + 1; h < cp.factors.size(); ++h) {
            Pairs& pairs = cp.pairs[f][h];
            std::fill(pairs.value.begin(), pairs.value.end(), 0.0);
            reweight_pair(g, f, h, weights, pairs);
        }
    }
}

void times_z(const Glmm& g, const double* b, double* out) {
    std::fill(out, out + g.n, 0.0);
    for (size_t f = 0; f < g.factors.size(); ++f) {
        const RowFactor& rows = g.factors[f];
        const int k = g.cp->factors[f].k;
        const double* own = b + g.cp->factors[f].offset;
        const i32* codes = rows.codes.data();
        if (rows.z.empty()) {
            for (i64 r = 0; r < g.n; ++r) out[r] += own[codes[r]];
            continue;
        }
        for (i64 r = 0; r < g.n; ++r)
            for (int j = 0; j < k; ++j)
                out[r] += rows.z[r * k + j] * own[static_cast<i64>(codes[r]) * k + j];
    }
}

void times_z_transposed(const Glmm& g, const double* t, double* out) {
    std::fill(out, out + g.cp->q, 0.0);
    for (size_t f = 0; f < g.factors.size(); ++f) {
        const RowFactor& rows = g.factors[f];
        const int k = g.cp->factors[f].k;
        double* own = out + g.cp->factors[f].offset;
        const i32* codes = rows.codes.data();
        if (rows.z.empty()) {
            for (i64 r = 0; r < g.n; ++r) own[codes[r]] += t[r];
            continue;
        }
        for (i64 r = 0; r < g.n; ++r)
            for (int j = 0; j < k; ++j)
                own[static_cast<i64>(codes[r]) * k + j] += rows.z[r * k + j] * t[r];
    }
}

void row_leverages(Glmm& g, const Lambdas& lambda, Workspace& w, Faces& faces, double* h) {
    const CrossProducts& cp = *g.cp;
    const size_t F = cp.factors.size();
    const int k0 = cp.factors[0].k;
    std::vector<std::vector<double>> a(F);
    for (size_t f = 0; f < F; ++f) a[f].resize(static_cast<size_t>(cp.factors[f].k));
    std::vector<i64> at(F, 0), first(F, 0);
    const bool narrow = std::all_of(cp.factors.begin(), cp.factors.end(),
                                    [](const Factor& f) { return f.k == 1; });
    // Columns of the other factors among the neighbours of a level: ancestors, then the tail.
    const auto visit = [&](i64 l, const double* own, const double* across, const double* among, i64 total) {
        i64 column = 0;
        for (size_t f = 1; f < F; ++f) {
            const bool ancestor = static_cast<int>(f) < cp.n_chain;
            const Pairs& pr = cp.pairs[0][f];
            first[f] = column - (ancestor ? 0 : pr.start[l] * cp.factors[f].k);
            column += ancestor ? cp.factors[f].k : (pr.start[l + 1] - pr.start[l]) * cp.factors[f].k;
        }
        for (i64 r = g.first_row[l]; r < g.first_row[l + 1]; ++r) {
            if (narrow) {
                h[r] = narrow_form(g, lambda, r, first, own[0], across, among, total);
                continue;
            }
            double sum = 0.0;
            for (size_t f = 0; f < F; ++f) {
                scaled_row(g.factors[f], lambda[f], cp.factors[f].k, r, a[f].data());
                if (f == 0) continue;
                const bool ancestor = static_cast<int>(f) < cp.n_chain;
                at[f] = first[f] + (ancestor ? 0 : static_cast<i64>(g.slot[0][f][r]) * cp.factors[f].k);
            }
            for (int i = 0; i < k0; ++i) {
                double s = 0.0;
                for (int j = 0; j < k0; ++j) s += own[i * k0 + j] * a[0][j];
                for (size_t f = 1; f < F; ++f)
                    for (int j = 0; j < cp.factors[f].k; ++j)
                        s += 2.0 * across[i * total + at[f] + j] * a[f][j];
                sum += a[0][i] * s;
            }
            for (size_t f = 1; f < F; ++f)
                for (size_t e = 1; e < F; ++e)
                    for (int i = 0; i < cp.factors[f].k; ++i)
                        for (int j = 0; j < cp.factors[e].k; ++j)
                            sum += a[f][i] * among[(at[f] + i) * total + at[e] + j] * a[e][j];
            h[r] = sum;
        }
    };
    selected_inverse(cp, lambda, false, w, faces, nullptr, visit);
}

}  // namespace nw
