#include "structured_covariance.hpp"

#include <cmath>

#include "dense_rows.hpp"

namespace nw {

namespace {

using Values = std::vector<double>;

// Most distinct positions for which fourth-order sums are kept.
constexpr int MOST = 24;

Values standard_deviations(const StructuredModel& model, const StructuredState& state,
                           const StructuredPattern& one) {
    Values sd = one.root;
    for (int j = 0; j < one.v; ++j) {
        double log_sd = 0.0;
        for (int i = 0; i < model.f; ++i) log_sd += one.features[j * model.f + i] * state.log_sd[i];
        sd[j] *= std::exp(log_sd);
    }
    return sd;
}

// Residual covariance R = S C S.
Values residual_covariance(const StructuredModel& model, const StructuredState& state,
                           const StructuredPattern& one, const Values& sd) {
    const int v = one.v, u = model.u;
    Values V(static_cast<size_t>(v) * v, 0.0);
    for (int j = 0; j < v; ++j) {
        if (!model.structured) {
            V[j * v + j] = sd[j] * sd[j];
            continue;
        }
        const double* R = state.R + static_cast<size_t>(one.arm[j]) * u * u;
        for (int k = 0; k < v; ++k)
            if (one.subject[j] == one.subject[k])
                V[j * v + k] = R[one.position[j] * u + one.position[k]] * sd[j] * sd[k];
    }
    return V;
}

// Z Lambda of a term, (v, k).
Values half_of(const StructuredModel& model, const StructuredState& state, const StructuredPattern& one,
               size_t t) {
    const int k = model.widths[t];
    Values half(static_cast<size_t>(one.v) * k);
    multiply(one.Z[t].data(), state.Lambda[t].data(), half.data(), one.v, k, k);
    return half;
}

}  // namespace

Values structured_covariance(const StructuredModel& model, const StructuredState& state,
                             const StructuredPattern& one) {
    const int v = one.v;
    Values V = residual_covariance(model, state, one, standard_deviations(model, state, one));
    for (size_t t = 0; t < model.widths.size(); ++t) {
        const int k = model.widths[t];
        const Values half = half_of(model, state, one, t);
        for (int i = 0; i < v; ++i)
            for (int j = 0; j < v; ++j) {
                if (one.level[t][i] != one.level[t][j]) continue;
                for (int a = 0; a < k; ++a) V[i * v + j] += half[i * k + a] * half[j * k + a];
            }
    }
    return V;
}

Derivatives covariance_derivatives(const StructuredModel& model, const StructuredState& state,
                                   const StructuredPattern& one) {
    const int v = one.v, u = model.u, e = static_cast<int>(model.entries.size());
    const size_t vv = static_cast<size_t>(v) * v;
    const Values sd = standard_deviations(model, state, one);
    Derivatives out;
    auto next = [&](int parameter) {
        out.active.push_back(parameter);
        out.values.resize(out.values.size() + vv, 0.0);
        return out.values.data() + out.values.size() - vv;
    };
    std::vector<Values> halves;
    for (size_t t = 0; t < model.widths.size(); ++t) halves.push_back(half_of(model, state, one, t));
    for (int i = 0; i < e; ++i) {
        const StructuredEntry& entry = model.entries[i];
        const int k = model.widths[entry.term];
        const Values &Z = one.Z[entry.term], &half = halves[entry.term];
        const std::vector<int>& level = one.level[entry.term];
        double* D = next(i);
        for (int a = 0; a < v; ++a)
            for (int b = 0; b < v; ++b)
                if (level[a] == level[b])
                    D[a * v + b] = Z[a * k + entry.row] * half[b * k + entry.column] +
                                   Z[b * k + entry.row] * half[a * k + entry.column];
    }
    for (int arm = 0; model.structured && arm < model.arms; ++arm) {
        bool here = false;
        for (int j = 0; j < v; ++j) here = here || one.arm[j] == arm;
        for (int i = 0; here && i < model.s; ++i) {
            const double* dR = state.dR + (static_cast<size_t>(arm) * model.s + i) * u * u;
            double* D = next(e + arm * model.s + i);
            for (int a = 0; a < v; ++a)
                for (int b = 0; b < v; ++b)
                    if (one.subject[a] == one.subject[b] && one.arm[a] == arm)
                        D[a * v + b] = dR[one.position[a] * u + one.position[b]] * sd[a] * sd[b];
        }
    }
    if (!model.f) return out;
    const Values R = residual_covariance(model, state, one, sd);
    for (int i = 0; i < model.f; ++i) {
        double* D = next(e + model.arms * model.s + i);
        for (int a = 0; a < v; ++a)
            for (int b = 0; b < v; ++b)
                D[a * v + b] = (one.features[a * model.f + i] + one.features[b * model.f + i]) * R[a * v + b];
    }
    return out;
}

TableSums::TableSums(const StructuredModel& model) : model_(model) {
    const size_t u = static_cast<size_t>(model.u);
    use_ = model.structured && model.arms == 1 && !model.f && model.entries.empty() && model.u <= MOST &&
           3 * model.s >= model.u;
    if (!use_) return;
    trace_.assign(u * u, 0.0);
    seen_.assign(u * u, 0.0);
    pairs_.assign(u * u * u * u, 0.0);
    mixed_.assign(u * u * static_cast<size_t>(model.c - 1), 0.0);
}

bool TableSums::takes(const StructuredPattern& one) const {
    for (int j = 0; use_ && j < one.v; ++j)
        if (one.subject[j] != one.subject[0]) return false;
    return use_;
}

void TableSums::add(const StructuredPattern& one, const double* W, const double* trace, const double* seen,
                    const double* mixed) {
    const int v = one.v, p = model_.c - 1;
    const size_t u = static_cast<size_t>(model_.u);
    const Values& sd = one.root;
    Values scaled(static_cast<size_t>(v) * v);
    for (int j = 0; j < v; ++j)
        for (int k = 0; k < v; ++k) {
            const size_t at = one.position[j] * u + one.position[k];
            const double by = sd[j] * sd[k];
            trace_[at] += by * trace[j * v + k];
            seen_[at] += by * seen[j * v + k];
            scaled[j * v + k] = by * seen[j * v + k];
            for (int a = 0; a < p; ++a)
                mixed_[at * p + a] += by * mixed[(static_cast<size_t>(j) * v + k) * p + a];
        }
    for (int j = 0; j < v; ++j)
        for (int k = 0; k < v; ++k) {
            double* block = &pairs_[(one.position[j] * u + one.position[k]) * u * u];
            for (int l = 0; l < v; ++l) {
                const double w = W[j * v + l] * sd[j] * sd[l];
                double* row = block + one.position[l] * u;
                for (int n = 0; n < v; ++n) row[one.position[n]] += w * scaled[n * v + k];
            }
        }
}

void TableSums::collect(const StructuredState& state, StructuredSums& out) const {
    if (!use_) return;
    const int uu = model_.u * model_.u, s = model_.s, p = model_.c - 1;
    Values half(static_cast<size_t>(s) * uu), gram(static_cast<size_t>(s) * s),
        mixed(static_cast<size_t>(s) * p);
    multiply(state.dR, pairs_.data(), half.data(), s, uu, uu);
    multiply_transposed(half.data(), state.dR, gram.data(), s, uu, s);
    multiply(state.dR, mixed_.data(), mixed.data(), s, uu, p);
    for (int i = 0; i < s; ++i) {
        for (int jk = 0; jk < uu; ++jk) {
            out.trace[i] += state.dR[static_cast<size_t>(i) * uu + jk] * trace_[jk];
            out.score[i] += state.dR[static_cast<size_t>(i) * uu + jk] * seen_[jk];
        }
        for (int j = 0; j < s; ++j) out.gram[static_cast<size_t>(i) * s + j] += gram[static_cast<size_t>(i) * s + j];
        for (int a = 0; a < p; ++a) out.mixed[static_cast<size_t>(i) * p + a] += mixed[static_cast<size_t>(i) * p + a];
    }
}

}  // namespace nw
