// V^-1 times a vector, row by row; see chain.hpp.
#include <cmath>

#include "chain.hpp"
#include "dense_rows.hpp"

namespace nw {

namespace {

using Values = std::vector<double>;

// R^-1 e = L'D^-1 L e with L unit lower bidiagonal, in the order of the chain; in place.
void apply_inverse(const ChainModel& model, const std::vector<Correlation>& by, Values& e) {
    const size_t n = e.size();
    double before = 0.0;
    for (size_t i = 0; i < n; ++i) {
        const double own = e[i];
        if (model.gap[i] >= 0) {
            const Correlation& at = by[static_cast<size_t>(model.gap[i])];
            e[i] = (own - at.r * before) / (at.short_of_one * (1.0 + at.r));
        }
        before = own;
    }
    for (size_t i = 0; i + 1 < n; ++i)
        if (model.gap[i + 1] >= 0) e[i] -= by[static_cast<size_t>(model.gap[i + 1])].r * e[i + 1];
}

// Z'R^-1 Z of every cluster, one after the other.
Values cluster_grams(const ChainModel& model, const std::vector<Correlation>& by) {
    const size_t k = static_cast<size_t>(model.k), w = k + static_cast<size_t>(model.c), block = k * w;
    Values out(model.clusters.size() * k * k);
    for (size_t s = 0; s < model.clusters.size(); ++s)
        for (size_t i = 0; i < k; ++i)
            for (size_t j = 0; j < k; ++j) {
                double total = model.cluster_first[s * block + i * w + j];
                for (const ClusterPairs& pairs : model.clusters[s]) {
                    const Correlation& at = by[static_cast<size_t>(pairs.gap)];
                    const double* sums = &model.cluster_sums[pairs.begin + i * w + j];
                    const double u = at.short_of_one, v = 1.0 + at.r;
                    total += sums[0] / (u * v) + sums[block] / v + sums[2 * block] * u / v;
                }
                out[(s * k + i) * k + j] = total;
            }
    return out;
}

// (I + Lambda'A Lambda)^-1 for one cluster.
Values inner_inverse(const Values& Lambda, const double* A, int k) {
    Values half(static_cast<size_t>(k) * k), out(half);
    multiply(A, Lambda.data(), half.data(), k, k, k);
    std::fill(out.begin(), out.end(), 0.0);
    add_transposed_product(Lambda.data(), half.data(), out.data(), k, k, k);
    for (int i = 0; i < k; ++i) out[static_cast<size_t>(i) * k + i] += 1.0;
    double logdet = 0.0;
    cholesky_lower(out.data(), k, logdet);
    invert_from_cholesky(out.data(), k);
    return out;
}

// e less Z b with b = Lambda (I + Lambda'A Lambda)^-1 Lambda'Z'R^-1 e; `weighed` is R^-1 e.
void subtract_effects(const ChainModel& model, const std::vector<Correlation>& by, const Values& par,
                      const Values& weighed, Values& e) {
    const int k = model.k;
    const size_t width = static_cast<size_t>(k);
    Values Lambda(width * width, 0.0), sums(model.clusters.size() * width, 0.0), b(sums), half(width);
    for (size_t i = 0; i < model.entries.size(); ++i)
        Lambda[static_cast<size_t>(model.entries[i].row * k + model.entries[i].column)] = par[i];
    for (size_t i = 0; i < e.size(); ++i)
        for (size_t j = 0; j < width; ++j)
            sums[static_cast<size_t>(model.cluster[i]) * width + j] += model.Z[i * width + j] * weighed[i];
    const Values A = cluster_grams(model, by);
    for (size_t s = 0; s < model.clusters.size(); ++s) {
        const Values inverse = inner_inverse(Lambda, &A[s * width * width], k);
        multiply(&sums[s * width], Lambda.data(), half.data(), 1, k, k);
        Values inner(width);
        multiply(half.data(), inverse.data(), inner.data(), 1, k, k);
        multiply_transposed(inner.data(), Lambda.data(), &b[s * width], 1, k, k);
    }
    for (size_t i = 0; i < e.size(); ++i)
        for (size_t j = 0; j < width; ++j)
            e[i] -= model.Z[i * width + j] * b[static_cast<size_t>(model.cluster[i]) * width + j];
}

}  // namespace

std::vector<double> weigh_chain(const ChainModel& model, const std::vector<double>& par, const double* e) {
    const std::vector<Correlation> by = correlations(model, par.back());
    const bool weighted = !model.root.empty();
    Values own(model.order.size()), out(own.size());
    for (size_t i = 0; i < own.size(); ++i)
        own[i] = e[model.order[i]] * (weighted ? model.root[i] : 1.0);
    if (model.k) {
        Values weighed = own;
        apply_inverse(model, by, weighed);
        subtract_effects(model, by, par, weighed, own);
    }
    apply_inverse(model, by, own);
    for (size_t i = 0; i < own.size(); ++i)
        out[static_cast<size_t>(model.order[i])] = own[i] * (weighted ? model.root[i] : 1.0);
    return out;
}

std::vector<double> whiten_chain(const ChainModel& model, double par, const double* e) {
    const std::vector<Correlation> by = correlations(model, par);
    const bool weighted = !model.root.empty();
    Values out(model.order.size());
    double before = 0.0;
    for (size_t i = 0; i < out.size(); ++i) {
        const size_t at = static_cast<size_t>(model.order[i]);
        const double own = e[at] * (weighted ? model.root[i] : 1.0);
        out[at] = own;
        if (model.gap[i] >= 0) {
            const Correlation& r = by[static_cast<size_t>(model.gap[i])];
            out[at] = (own - r.r * before) / std::sqrt(r.short_of_one * (1.0 + r.r));
        }
        before = own;
    }
    return out;
}

std::vector<double> colour_chain(const ChainModel& model, double par, const double* e) {
    const std::vector<Correlation> by = correlations(model, par);
    const bool weighted = !model.root.empty();
    Values out(model.order.size());
    double before = 0.0;
    for (size_t i = 0; i < out.size(); ++i) {
        const size_t at = static_cast<size_t>(model.order[i]);
        double own = e[at];
        if (model.gap[i] >= 0) {
            const Correlation& r = by[static_cast<size_t>(model.gap[i])];
            own = r.r * before + std::sqrt(r.short_of_one * (1.0 + r.r)) * own;
        }
        before = own;
        out[at] = own / (weighted ? model.root[i] : 1.0);
    }
    return out;
}

}  // namespace nw
