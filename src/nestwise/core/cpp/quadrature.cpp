#include "quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "small.hpp"

namespace nw {
namespace {

using i64 = std::int64_t;

constexpr int kMostSteps = 100, kMostHalvings = 30;
constexpr double kExact = 1e-22, kRounding = 1e-14, kSure = 1e-9;
constexpr double kFarShared = 100.0;  // beyond, products of exponentials are not formed
constexpr double kFar = 500.0;        // beyond, an exponential is not taken
constexpr double kLarge = 1e100;      // beyond, a product is not continued

// One row: log density without its constant, and derivatives by the predictor; x = exp(eta).
struct Row {
    double loglik, d1, weight, third;  // weight = -d2, third = -d3
};

inline Row logit_row(double eta, double x, double y, double w) {
    const double q = 1.0 / (1.0 + x), mu = x * q;
    const double v = w * mu * q;
    const double log1 = eta > kFar ? eta : std::log1p(x);
    return {w * (y * eta - log1), w * (y * q - (1.0 - y) * mu), v, v * (q - mu)};
}

inline Row log_row(double eta, double x, double y, double w) {
    return {w * (y * eta - x), w * (y - x), w * x, w * x};
}

inline Row row_at(RowFamily family, double eta, double x, double y, double w) {
    return family == RowFamily::binomial_logit ? logit_row(eta, x, y, w) : log_row(eta, x, y, w);
}

// What one level needs; buffers are kept between levels.
struct Level {
    i64 m = 0;
    bool shared = false;
    const double *y = nullptr, *w = nullptr, *Z = nullptr;
    std::vector<double> base, exp_base, A, d1, values;
    std::vector<double> H, L, step, tried, v, g, q, share, slope, moment, drift, spread, E, s, c;
};

// Linear predictor of a row at random effects v.
template <int K>
inline double predictor(const Level& a, int k, i64 r, const double* v) {
    double eta = a.base[r];
    for (int j = 0; j < (K ? K : k); ++j) eta += a.A[r * (K ? K : k) + j] * v[j];
    return eta;
}

inline double safe_exp(double eta) { return std::exp(std::min(eta, kFar)); }

// The exponential that all rows of a level share, 0 when there is none.
inline double common_factor(const Level& a, const double* v) {
    if (!a.shared) return 0.0;
    const double move = a.A[0] * v[0];
    return std::abs(move) < kFarShared ? std::exp(move) : 0.0;
}

template <int K>
double height(const LevelRows& rows, const Level& a, const double* v) {
    const int k = K ? K : rows.k;
    const double common = common_factor(a, v);
    double sum = 0.0;
    for (i64 r = 0; r < a.m; ++r) {
        const double eta = predictor<K>(a, k, r, v);
        const double x = common > 0.0 ? a.exp_base[r] * common : safe_exp(eta);
        sum += row_at(rows.family, eta, x, a.y[r], a.w[r]).loglik;
    }
    for (int j = 0; j < k; ++j) sum -= 0.5 * v[j] * v[j];
    return sum;
}

// Height, slope and curvature at v; the Cholesky factor goes to a.L and Newton's step to a.step.
// Returns the decrement; infinite when the numbers have overflowed.
template <int K>
double newton(const LevelRows& rows, Level& a, const double* v, double& sum) {
    const int k = K ? K : rows.k;
    const double common = common_factor(a, v);
    std::fill(a.H.begin(), a.H.end(), 0.0);
    for (int j = 0; j < k; ++j) a.step[j] = -v[j];
    sum = 0.0;
    for (i64 r = 0; r < a.m; ++r) {
        const double* A = &a.A[r * k];
        const double eta = predictor<K>(a, k, r, v);
        const double x = common > 0.0 ? a.exp_base[r] * common : safe_exp(eta);
        const Row row = row_at(rows.family, eta, x, a.y[r], a.w[r]);
        sum += row.loglik;
        for (int i = 0; i < k; ++i) {
            a.step[i] += A[i] * row.d1;
            for (int j = 0; j <= i; ++j) a.H[i * k + j] += row.weight * A[i] * A[j];
        }
    }
    for (int j = 0; j < k; ++j) {
        sum -= 0.5 * v[j] * v[j];
        a.H[j * k + j] += 1.0;
    }
    a.L = a.H;
    if (!std::isfinite(sum) || !cholesky<K>(a.L.data(), k))
        return std::numeric_limits<double>::infinity();
    solve_lower<K>(a.L.data(), k, a.step.data(), 1, 1);
    double decrement = 0.0;
    for (int j = 0; j < k; ++j) decrement += a.step[j] * a.step[j];
    solve_lower_transposed<K>(a.L.data(), k, a.step.data(), 1, 1);
    return decrement;
}

// Newton's method with halved steps from u, which is overwritten; false when no mode was found.
template <int K>
bool find_mode(const LevelRows& rows, Level& a, double* u, double& top, int& count) {
    const int k = K ? K : rows.k;
    double decrement = newton<K>(rows, a, u, top);
    if (!std::isfinite(decrement)) {
        std::fill(u, u + k, 0.0);
        decrement = newton<K>(rows, a, u, top);
    }
    for (count = 0; count < kMostSteps && decrement > kExact && std::isfinite(decrement); ++count) {
        const double least = top - 1e-13 * (1.0 + std::abs(top));
        double size = 1.0;
        int halving = 0;
        for (; halving < kMostHalvings; ++halving, size *= 0.5) {
            for (int j = 0; j < k; ++j) a.tried[j] = u[j] + size * a.step[j];
            if (height<K>(rows, a, a.tried.data()) >= least) break;
        }
        if (halving == kMostHalvings) break;
        std::copy(a.tried.begin(), a.tried.begin() + k, u);
        const double before = decrement;
        decrement = newton<K>(rows, a, u, top);
        if (before < kRounding && decrement > 0.25 * before) break;
    }
    return decrement <= kSure;
}

// Log densities of all rows at one node summed, their slopes kept in a.d1 (one line a node).
template <int K>
double at_node(const LevelRows& rows, Level& a, const double* v, double* d1) {
    const int k = K ? K : rows.k;
    const double common = common_factor(a, v);
    double sum = 0.0;
    if (rows.plain && rows.family == RowFamily::binomial_logit) {
        // One logarithm for a product of many rows: sum log(1 + x) = log prod(1 + x).
        double product = 1.0;
        for (i64 r = 0; r < a.m; ++r) {
            const double eta = predictor<K>(a, k, r, v);
            const double x = common > 0.0 ? a.exp_base[r] * common : safe_exp(eta);
            const double one = 1.0 + x, q = 1.0 / one;
            d1[r] = a.y[r] * q - (1.0 - a.y[r]) * x * q;
            sum += a.y[r] * eta;
            if (x < kLarge) product *= one;
            else sum -= std::max(eta, std::log1p(x));
            if (product > kLarge) {
                sum -= std::log(product);
                product = 1.0;
            }
        }
        return sum - std::log(product);
    }
    for (i64 r = 0; r < a.m; ++r) {
        const double eta = predictor<K>(a, k, r, v);
        const double x = common > 0.0 ? a.exp_base[r] * common : safe_exp(eta);
        const Row row = row_at(rows.family, eta, x, a.y[r], a.w[r]);
        sum += row.loglik;
        d1[r] = row.d1;
    }
    return sum;
}

// The sum over nodes: log of it is returned, shares of the nodes go to a.share, places to a.values.
template <int K>
double integrate(const LevelRows& rows, Level& a, const double* u, double top,
                 const QuadratureRule& rule) {
    const int k = K ? K : rows.k;
    a.d1.resize(a.m * rule.n_nodes);
    double total = 0.0;
    for (int j = 0; j < rule.n_nodes; ++j) {
        double* v = &a.values[j * k];
        std::copy(rule.z + j * k, rule.z + (j + 1) * k, v);
        solve_lower_transposed<K>(a.L.data(), k, v, 1, 1);
        double inside = -top;
        for (int i = 0; i < k; ++i) {
            v[i] += u[i];
            inside -= 0.5 * v[i] * v[i];
        }
        inside += at_node<K>(rows, a, v, &a.d1[j * a.m]);
        total += a.share[j] = std::exp(inside + rule.log_weights[j]);
    }
    for (int j = 0; j < rule.n_nodes; ++j) a.share[j] /= total;
    return std::log(total);
}

// Means over the nodes: slope, moment (by row), drift and spread (of the level).
template <int K>
void collect(const LevelRows& rows, Level& a, const QuadratureRule& rule) {
    const int k = K ? K : rows.k;
    a.slope.assign(a.m, 0.0);
    a.moment.assign(a.m * k, 0.0);
    std::fill(a.drift.begin(), a.drift.end(), 0.0);
    std::fill(a.spread.begin(), a.spread.end(), 0.0);
    for (int j = 0; j < rule.n_nodes; ++j) {
        const double* d1 = &a.d1[j * a.m];
        const double* v = &a.values[j * k];
        const double share = a.share[j];
        for (int i = 0; i < k; ++i) a.g[i] = -v[i];
        for (i64 r = 0; r < a.m; ++r) {
            const double part = share * d1[r];
            a.slope[r] += part;
            for (int i = 0; i < k; ++i) {
                a.moment[r * k + i] += part * v[i];
                a.g[i] += a.A[r * k + i] * d1[r];
            }
        }
        for (int i = 0; i < k; ++i) a.drift[i] += share * a.g[i];
        solve_lower<K>(a.L.data(), k, a.g.data(), 1, 1);
        const double* z = rule.z + j * k;
        for (int i = 0; i < k; ++i)
            for (int t = 0; t < k; ++t)
                a.spread[i * k + t] += share * z[i] * a.g[t];
    }
}

// a.E: minus the derivative of the level's log integral by the curvature H.
template <int K>
void influence(Level& a, int kd) {
    const int k = K ? K : kd;
    for (int i = 0; i < k; ++i)
        for (int j = 0; j <= i; ++j) {
            const double one = a.spread[i * k + j] + (i == j ? 1.0 : 0.0);
            a.E[i * k + j] = a.E[j * k + i] = 0.5 * one;
        }
    for (int pass = 0; pass < 2; ++pass) {
        solve_lower_transposed<K>(a.L.data(), k, a.E.data(), k, k);
        for (int i = 0; i < k; ++i)
            for (int j = 0; j < i; ++j)
                std::swap(a.E[i * k + j], a.E[j * k + i]);
    }
}

// Derivatives of one level: by its rows' predictors (added to `out` at the caller's places) and by
// Lambda. Both canonical links: observed and expected weights are the same.
template <int K>
void derivatives(const LevelRows& rows, Level& a, const double* u, const i64* place,
                 QuadratureSums& out) {
    const int k = K ? K : rows.k;
    const double common = common_factor(a, u);
    influence<K>(a, k);
    a.c = a.drift;
    // First c, what the mode's move contributes; then everything row by row.
    for (int pass = 0; pass < 2; ++pass) {
        if (pass == 1) {
            a.s = a.c;
            solve_lower<K>(a.L.data(), k, a.s.data(), 1, 1);
            solve_lower_transposed<K>(a.L.data(), k, a.s.data(), 1, 1);
        }
        for (i64 r = 0; r < a.m; ++r) {
            const double* A = &a.A[r * k];
            const double eta = predictor<K>(a, k, r, u);
            const double x = common > 0.0 ? a.exp_base[r] * common : safe_exp(eta);
            const Row row = row_at(rows.family, eta, x, a.y[r], a.w[r]);
            double e = 0.0, As = 0.0;
            for (int i = 0; i < k; ++i) {
                double EA = 0.0;
                for (int j = 0; j < k; ++j) EA += a.E[i * k + j] * A[j];
                a.q[i] = EA;
                e += A[i] * EA;
            }
            if (pass == 0) {
                for (int i = 0; i < k; ++i) a.c[i] -= row.third * e * A[i];
                continue;
            }
            for (int i = 0; i < k; ++i) As += A[i] * a.s[i];
            const double through = -row.weight * As - row.third * e;
            out.by_predictor[place[r]] = a.slope[r] + through;
            for (int j = 0; j < k; ++j) {
                const double by_row = a.moment[r * k + j]
                                      - 2.0 * row.weight * a.q[j]
                                      + row.d1 * a.s[j] + through * u[j];
                for (int i = 0; i < k; ++i)
                    out.by_lambda[i * k + j] += a.Z[r * k + i] * by_row;
            }
        }
    }
}

Level buffers(int k, int n_nodes) {
    Level a;
    const size_t kk = k * k, ks = k;
    for (auto* square : {&a.H, &a.L, &a.spread, &a.E}) square->resize(kk);
    for (auto* line : {&a.step, &a.tried, &a.g, &a.q, &a.drift, &a.s, &a.c}) line->resize(ks);
    a.share.resize(n_nodes);
    a.values.resize(n_nodes * ks);
    return a;
}

// Bring a level's rows into the buffers: A = Z Lambda, fixed predictors and their exponentials.
template <int K>
void gather(const LevelRows& rows, Level& a, int level, const double* Lambda, const double* fixed) {
    const int k = K ? K : rows.k;
    const i64 first = rows.starts[level];
    a.m = rows.starts[level + 1] - first;
    a.y = &rows.y[first];
    a.w = &rows.w[first];
    a.Z = &rows.Z[first * k];
    a.base.resize(a.m);
    a.exp_base.resize(a.m);
    a.A.resize(a.m * k);
    a.shared = rows.shared;
    for (i64 r = 0; r < a.m; ++r) {
        const double base = fixed[rows.order[first + r]];
        a.base[r] = base;
        a.shared = a.shared && std::abs(base) < kFarShared;
        for (int j = 0; j < k; ++j) {
            double sum = 0.0;
            for (int i = j; i < k; ++i) sum += a.Z[r * k + i] * Lambda[i * k + j];
            a.A[r * k + j] = sum;
        }
    }
    if (a.shared)
        for (i64 r = 0; r < a.m; ++r)
            a.exp_base[r] = std::exp(a.base[r]);
}

template <int K>
void levels(const LevelRows& rows, const double* Lambda, const double* fixed,
            const QuadratureRule& rule, int order, QuadratureSums& out) {
    const int k = K ? K : rows.k;
    Level a = buffers(k, rule.n_nodes);
    for (int i = 0; i < rows.l; ++i) {
        double* u = &out.u[i * k];
        gather<K>(rows, a, i, Lambda, fixed);
        double top = 0.0;
        int count = 0;
        out.found = find_mode<K>(rows, a, u, top, count) && out.found;
        out.n_steps = std::max(out.n_steps, count);
        if (!out.found) return;
        for (int j = 0; j < k; ++j) out.log_det += std::log(a.L[j * k + j]);
        out.loglik += top + integrate<K>(rows, a, u, top, rule);
        if (order == 0) continue;
        collect<K>(rows, a, rule);
        derivatives<K>(rows, a, u, &rows.order[rows.starts[i]], out);
    }
}

}  // namespace

QuadratureSums quadrature(const LevelRows& rows, const double* Lambda, const double* fixed,
                          const double* u, const QuadratureRule& rule, int order) {
    QuadratureSums out;
    out.u.assign(u, u + rows.l * rows.k);
    if (order > 0) {
        out.by_predictor.assign(rows.n, 0.0);
        out.by_lambda.assign(rows.k * rows.k, 0.0);
    }
    with_width(rows.k, [&](auto width) {
        levels<decltype(width)::value>(rows, Lambda, fixed, rule, order, out);
    });
    out.loglik -= out.log_det;
    return out;
}

}  // namespace nw
