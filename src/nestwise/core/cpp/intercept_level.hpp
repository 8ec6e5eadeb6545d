// The rows of one level at a shift t of their predictors, all in lanes.
#pragma once

#include <limits>
#include <vector>

#include "intercept.hpp"
#include "lanes.hpp"

namespace nw {

constexpr double kNear = 100.0;          // up to here exp(base) exp(t) is formed
constexpr double kLimit = 500.0;         // beyond, exponentials are cut off
constexpr double kLogOfProduct = 600.0;  // logarithm up to which products of rows are formed

// Derivatives of a row's log density by its predictor, x = exp(eta).
template <RowFamily family>
struct LaneRow {
    Lane d1, d2, d3, d4, one;
    NW_INLINE LaneRow(Lane x, Lane success, Lane failure) {
        if constexpr (family == RowFamily::poisson_log) {
            d2 = d3 = d4 = -failure * x;
            d1 = success + d2;
            one = all(1.0);
        } else {
            one = 1.0 + x;
            const Lane q = 1.0 / one, mu = x * q, s = mu * q, v = (success + failure) * s;
            d1 = success * q - failure * mu;
            d2 = -v;
            d3 = v * (mu - q);
            d4 = v * (6.0 * s - 1.0);
        }
    }
};

// What a level needs; buffers are kept between levels. m is a multiple of kLanes.
struct InterceptLevel {
    std::int64_t m = 0;
    double largest = 0.0, y_sum = 0.0, y_base = 0.0;
    bool near = false;
    const double *success = nullptr, *failure = nullptr;
    std::vector<double> base, exp_base, d1, d2, d3, d4;
};

// body(x) with a function x from a row to exp(base + t).
template <class Body>
NW_INLINE void with_exponential(const InterceptLevel& a, double t, Body body) {
    if (a.near && std::abs(t) < kNear) {
        const double *exp_base = a.exp_base.data(), common = fast_exp(t);
        body([=](std::int64_t r) { return load(exp_base + r) * common; });
        return;
    }
    const double* base = a.base.data();
    body([=](std::int64_t r) {
        return lane_exp(smaller(larger(load(base + r) + t, all(-kLimit)), all(kLimit)));
    });
}

// Whether the product of all 1 + x is a number.
inline bool multiplies(const InterceptLevel& a, double t, bool plain) {
    const double most = std::fmax(a.largest + t, 0.0) + 0.7;
    return plain && a.near && std::abs(t) < kNear && static_cast<double>(a.m) * most < kLanes * kLogOfProduct;
}

// Sum of the log densities: with the sum of d2 (logarithm) or the product of all 1 + x (logit).
template <RowFamily family>
NW_INLINE double log_density(const InterceptLevel& a, double t, bool plain, double sum2, Lane product) {
    if constexpr (family == RowFamily::poisson_log) return a.y_base + t * a.y_sum + sum2;
    if (multiplies(a, t, plain)) return a.y_base + t * a.y_sum - across(lane_log(product));
    // y eta - max(eta, 0) - log(1 + exp(-|eta|)): no digits are lost where both are large.
    const double* base = a.base.data();
    Lane total{};
    for (std::int64_t r = 0; r < a.m; r += kLanes) {
        const Lane eta = load(base + r) + t, high = larger(eta, Lane{}), size = larger(eta, -eta);
        const Lane one = lane_log1p(lane_exp(-smaller(size, all(kLimit))));
        total += load(a.success + r) * (eta - high - one) - load(a.failure + r) * (high + one);
    }
    return across(total);
}

// Sums of d1, d2, d3 over the rows at a shift t.
template <RowFamily family>
NW_INLINE void newton_sums(const InterceptLevel& a, double t, double* sums) {
    with_exponential(a, t, [&](auto x) {
        Lane N1{}, N2{}, N3{};
        for (std::int64_t r = 0; r < a.m; r += kLanes) {
            const LaneRow<family> row(x(r), load(a.success + r), load(a.failure + r));
            N1 += row.d1;
            N2 += row.d2;
            N3 += row.d3;
        }
        sums[0] = across(N1);
        sums[1] = across(N2);
        sums[2] = across(N3);
    });
}

// The same with d4, the derivatives of each row kept; the product of all 1 + x is returned.
template <RowFamily family>
NW_INLINE Lane full_sums(InterceptLevel& a, double t, double* sums) {
    Lane product = all(1.0);
    double *d1 = a.d1.data(), *d2 = a.d2.data(), *d3 = a.d3.data(), *d4 = a.d4.data();
    with_exponential(a, t, [&](auto x) {
        Lane N1{}, N2{}, N3{}, N4{};
        for (std::int64_t r = 0; r < a.m; r += kLanes) {
            const LaneRow<family> row(x(r), load(a.success + r), load(a.failure + r));
            store(d1 + r, row.d1);
            store(d2 + r, row.d2);
            store(d3 + r, row.d3);
            store(d4 + r, row.d4);
            N1 += row.d1;
            N2 += row.d2;
            N3 += row.d3;
            N4 += row.d4;
            product *= row.one;
        }
        sums[0] = across(N1);
        sums[1] = across(N2);
        sums[2] = across(N3);
        sums[3] = across(N4);
    });
    return product;
}

// First two derivatives of all rows at a node, kept, and their sums; the product is returned.
template <RowFamily family>
NW_INLINE Lane node_sums(const InterceptLevel& a, double t, double* d1, double* d2, double* sums) {
    Lane product = all(1.0);
    with_exponential(a, t, [&](auto x) {
        Lane N1{}, N2{};
        for (std::int64_t r = 0; r < a.m; r += kLanes) {
            const LaneRow<family> row(x(r), load(a.success + r), load(a.failure + r));
            store(d1 + r, row.d1);
            store(d2 + r, row.d2);
            N1 += row.d1;
            N2 += row.d2;
            product *= row.one;
        }
        sums[0] = across(N1);
        sums[1] = across(N2);
    });
    return product;
}

// sum_r d_r x_r.
NW_INLINE double weighted_sum(const double* d, const double* x, std::int64_t m) {
    Lane total{};
    for (std::int64_t r = 0; r < m; r += kLanes) total += load(d + r) * load(x + r);
    return across(total);
}

}  // namespace nw
