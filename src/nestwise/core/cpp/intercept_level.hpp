// The rows of one level at a shift t of their predictors, all in lanes.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "intercept.hpp"
#include "lanes.hpp"

namespace nw {

constexpr double kNear = 100.0;        // up to here exp(base) exp(t) is formed
constexpr double kLimit = 500.0;       // beyond, exponentials are cut off
constexpr double kLogOfProduct = 600.0;  // logarithm up to which products of rows are formed

// Derivatives of a row's log density by its predictor, x = exp(eta).
template <RowFamily family>
struct LaneRow {
    double d1, d2, d3, d4;
    LaneRow(double x, double success, double failure) {
        if constexpr (family == RowFamily::poisson_log) {
            d2 = d3 = d4 = -failure * x;
            d1 = success + d2;
        } else {
            const double q = 1.0 / (1.0 + x), mu = x * q, v = (success + failure) * (mu * q);
            d1 = success * q - failure * mu;
            d2 = -v;
            d3 = -v * (q - mu);
            d4 = -v * (1.0 - 6.0 * (mu * q));
        }
    }
};

// What a level needs; buffers are kept between levels.
struct InterceptLevel {
    std::int64_t m = 0;
    double largest = 0.0, y_sum = 0.0, y_base = 0.0;
    bool near = false;
    const double *success = nullptr, *failure = nullptr;
    std::vector<double> base, exp_base, x, d1, d2, d3, d4;
};

// x = exp(base + t) of all rows.
inline void exponentials(InterceptLevel& a, double t) {
    double* x = a.x.data();
    if (a.near && std::abs(t) < kNear) {
        const double common = lane_exp(t), *exp_base = a.exp_base.data();
        for (std::int64_t r = 0; r < a.m; ++r) x[r] = exp_base[r] * common;
        return;
    }
    const double* base = a.base.data();
    for (std::int64_t r = 0; r < a.m; ++r)
        x[r] = lane_exp(std::min(std::max(base[r] + t, -kLimit), kLimit));
}

// Sum of the log densities, x filled.
template <RowFamily family>
inline double log_density(const InterceptLevel& a, double t, bool plain) {
    const double *x = a.x.data(), *base = a.base.data();
    double lane[kLanes] = {0.0, 0.0, 0.0, 0.0};
    if constexpr (family == RowFamily::poisson_log) {
        for (std::int64_t r = 0; r < a.m; r += kLanes)
            for (int i = 0; i < kLanes; ++i) lane[i] -= a.failure[r + i] * x[r + i];
        return a.y_base + t * a.y_sum + across(lane);
    }
    const double most = std::max(a.largest + t, 0.0) + 0.7;
    if (plain && a.near && std::abs(t) < kNear && static_cast<double>(a.m) * most < kLanes * kLogOfProduct) {
        double product[kLanes] = {1.0, 1.0, 1.0, 1.0};
        for (std::int64_t r = 0; r < a.m; r += kLanes)
            for (int i = 0; i < kLanes; ++i) product[i] *= 1.0 + x[r + i];
        for (int i = 0; i < kLanes; ++i) lane[i] = lane_log(product[i]);
        return a.y_base + t * a.y_sum - across(lane);
    }
    // y eta - max(eta, 0) - log(1 + exp(-|eta|)): no digits are lost where both are large.
    for (std::int64_t r = 0; r < a.m; r += kLanes)
        for (int i = 0; i < kLanes; ++i) {
            const double eta = base[r + i] + t, high = std::max(eta, 0.0);
            const double one = lane_log1p(lane_exp(-std::min(std::abs(eta), kLimit)));
            lane[i] += a.success[r + i] * (eta - high - one) - a.failure[r + i] * (high + one);
        }
    return across(lane);
}

// Sums of d1, d2, d3 over the rows at a shift t.
template <RowFamily family>
inline void newton_sums(InterceptLevel& a, double t, double* sums) {
    exponentials(a, t);
    double N1[kLanes] = {}, N2[kLanes] = {}, N3[kLanes] = {};
    for (std::int64_t r = 0; r < a.m; r += kLanes)
        for (int i = 0; i < kLanes; ++i) {
            const LaneRow<family> row(a.x[r + i], a.success[r + i], a.failure[r + i]);
            N1[i] += row.d1;
            N2[i] += row.d2;
            N3[i] += row.d3;
        }
    sums[0] = across(N1);
    sums[1] = across(N2);
    sums[2] = across(N3);
}

// The same with d4, and the derivatives of each row kept.
template <RowFamily family>
inline void full_sums(InterceptLevel& a, double t, double* sums) {
    exponentials(a, t);
    double N[4][kLanes] = {};
    for (std::int64_t r = 0; r < a.m; r += kLanes)
        for (int i = 0; i < kLanes; ++i) {
            const LaneRow<family> row(a.x[r + i], a.success[r + i], a.failure[r + i]);
            N[0][i] += a.d1[r + i] = row.d1;
            N[1][i] += a.d2[r + i] = row.d2;
            N[2][i] += a.d3[r + i] = row.d3;
            N[3][i] += a.d4[r + i] = row.d4;
        }
    for (int j = 0; j < 4; ++j) sums[j] = across(N[j]);
}

// First two derivatives of all rows at a node, kept, and their sums.
template <RowFamily family>
inline void node_sums(InterceptLevel& a, double* d1, double* d2, double* sums) {
    double N1[kLanes] = {}, N2[kLanes] = {};
    for (std::int64_t r = 0; r < a.m; r += kLanes)
        for (int i = 0; i < kLanes; ++i) {
            const LaneRow<family> row(a.x[r + i], a.success[r + i], a.failure[r + i]);
            N1[i] += d1[r + i] = row.d1;
            N2[i] += d2[r + i] = row.d2;
        }
    sums[0] = across(N1);
    sums[1] = across(N2);
}

// sum_r d_r x_r.
inline double weighted_sum(const double* d, const double* x, std::int64_t m) {
    double lane[kLanes] = {};
    for (std::int64_t r = 0; r < m; r += kLanes)
        for (int i = 0; i < kLanes; ++i) lane[i] += d[r + i] * x[r + i];
    return across(lane);
}

}  // namespace nw
