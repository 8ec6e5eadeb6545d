#include "probes.hpp"

#include <cmath>

#include "elimination.hpp"
#include "substitution.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// Source: Steele, Lea & Flood (2014), OOPSLA, 453-472: the generator splitmix64.
struct Splitmix {
    std::uint64_t state = 20261121;
    std::uint64_t next() {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
};

// out <- Lambda V, factor by factor (q x m, row-major).
void times_lambda(const CrossProducts& cp, const Lambdas& lambda, int m, const double* V, double* out) {
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const Factor& g = cp.factors[f];
        for (i64 l = 0; l < g.m; ++l) {
            const i64 at = (g.offset + l * g.k) * m;
            for (int r = 0; r < g.k; ++r)
                for (int c = 0; c < m; ++c) {
                    double sum = 0.0;
                    for (int s = 0; s <= r; ++s) sum += lambda[f][r * g.k + s] * V[at + s * m + c];
                    out[at + r * m + c] = sum;
                }
        }
    }
}

// Sum over the levels of factor f of a_l z_l', for each of its columns (k x k x count).
std::vector<double> level_sums(const Factor& g, size_t f, const Probes& probes, const double* A) {
    const int m = probes.m, n = probes.count(f), c0 = probes.first[f];
    std::vector<double> out(static_cast<size_t>(g.k * g.k) * static_cast<size_t>(n), 0.0);
    for (i64 l = 0; l < g.m; ++l) {
        const i64 at = (g.offset + l * g.k) * m + c0;
        for (int r = 0; r < g.k; ++r)
            for (int s = 0; s < g.k; ++s) {
                const double *a = A + at + r * m, *z = probes.z.data() + at + s * m;
                double* to = out.data() + static_cast<i64>(r * g.k + s) * n;
                for (int c = 0; c < n; ++c) to[c] += a[c] * z[c];
            }
    }
    return out;
}

std::vector<double> average_of(const std::vector<double>& each, int n, bool complete) {
    std::vector<double> out(each.size() / static_cast<size_t>(n), 0.0);
    for (size_t t = 0; t < out.size(); ++t) {
        for (int c = 0; c < n; ++c) out[t] += each[t * static_cast<size_t>(n) + static_cast<size_t>(c)];
        if (!complete) out[t] /= n;
    }
    return out;
}

}  // namespace

Probes make_probes(const CrossProducts& cp, int signs, int complete) {
    Probes out;
    out.first.push_back(0);
    for (const Factor& f : cp.factors) {
        const i64 size = static_cast<i64>(f.m) * f.k;
        out.complete.push_back(size <= complete);
        out.m += size <= complete ? static_cast<int>(size) : signs;
        out.first.push_back(out.m);
    }
    out.z.assign(static_cast<size_t>(cp.q) * static_cast<size_t>(out.m), 0.0);
    Splitmix bits;
    for (size_t f = 0; f < cp.factors.size(); ++f)
        for (i64 i = 0; i < static_cast<i64>(cp.factors[f].m) * cp.factors[f].k; ++i) {
            double* z = out.z.data() + (cp.factors[f].offset + i) * out.m + out.first[f];
            if (out.complete[f])
                z[i] = 1.0;
            else
                for (int c = 0; c < out.count(f); ++c) z[c] = bits.next() >> 63 ? 1.0 : -1.0;
        }
    return out;
}

Estimates estimated_faces(const CrossProducts& cp, const Lambdas& lambda, bool augmented,
                          const Probes& probes, Workspace& w) {
    const int p = cp.p, p1 = p + 1, Q = cp.tail, m = probes.m;
    w.R = probes.z;
    w.R_tail.assign(static_cast<size_t>(Q + p) * static_cast<size_t>(m), 0.0);
    solve_equations(cp, m, augmented, w.R.data(), w);
    w.c.resize(w.R.size());
    times_lambda(cp, lambda, m, w.R.data(), w.c.data());
    std::vector<double> product(w.R.size());
    times_cross_product(cp, w.c.data(), m, product.data());
    Estimates out;
    for (size_t at = 0; at < cp.factors.size(); ++at) {
        const Factor& f = cp.factors[at];
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i)
            for (int j = 0; j < p && augmented; ++j)
                subtract_columns(product.data() + (f.offset + i) * m, -f.xy[i * p1 + j],
                                 w.R_tail.data() + static_cast<i64>(Q + j) * m, m);
        out.logdet.push_back(level_sums(f, at, probes, product.data()));
        out.inverse.push_back(level_sums(f, at, probes, w.R.data()));
    }
    return out;
}

Estimates since(const Estimates& now, const Estimates& before) {
    Estimates out = now;
    for (size_t f = 0; f < before.logdet.size(); ++f)
        for (size_t t = 0; t < before.logdet[f].size(); ++t) {
            out.logdet[f][t] -= before.logdet[f][t];
            out.inverse[f][t] -= before.inverse[f][t];
        }
    return out;
}

void add_sums(const Faces& other, Faces& out) {
    for (size_t f = 0; f < other.logdet.size(); ++f)
        for (size_t t = 0; t < other.logdet[f].size(); ++t) {
            out.logdet[f][t] += other.logdet[f][t];
            out.inverse[f][t] += other.inverse[f][t];
        }
}

void average(const Probes& probes, const Estimates& estimates, Faces& out) {
    for (size_t f = 0; f < estimates.logdet.size(); ++f) {
        const int n = probes.count(f);
        out.logdet.push_back(average_of(estimates.logdet[f], n, probes.complete[f]));
        out.inverse.push_back(average_of(estimates.inverse[f], n, probes.complete[f]));
        // The inverse is symmetric, its estimate is not.
        std::vector<double>& C = out.inverse.back();
        const auto k = static_cast<size_t>(std::lround(std::sqrt(static_cast<double>(C.size()))));
        for (size_t r = 0; r < k; ++r)
            for (size_t s = 0; s < r; ++s) C[r * k + s] = C[s * k + r] = 0.5 * (C[r * k + s] + C[s * k + r]);
    }
}

}  // namespace nw
