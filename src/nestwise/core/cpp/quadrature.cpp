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
constexpr double kFar = 500.0;        // beyond, an exponential is not taken
constexpr double kLarge = 1e100;      // beyond, a product is not continued

// Derivatives of one row's log density by its predictor; x = exp(eta).
struct Row {
    double d1, weight, third;  // weight = -d2, third = -d3
};

inline Row row_at(RowFamily family, double x, double y, double w) {
    if (family == RowFamily::poisson_log) return {w * (y - x), w * x, w * x};
    const double q = 1.0 / (1.0 + x), mu = x * q, v = w * mu * q;
    return {w * (y * q - (1.0 - y) * mu), v, v * (q - mu)};
}

// Sum of log densities without their constants. With weights of one a single logarithm serves a
// product of many rows: sum log(1 + x) = log prod(1 + x).
class LogDensity {
  public:
    explicit LogDensity(const LevelRows& rows) : family_(rows.family), plain_(rows.plain) {}

    void add(double eta, double x, double y, double w) {
        if (family_ == RowFamily::poisson_log) {
            sum_ += w * (y * eta - x);
        } else if (plain_ && x < kLarge) {
            sum_ += y * eta;
            product_ *= 1.0 + x;
            if (product_ > kLarge) flush();
        } else {
            sum_ += w * (y * eta - std::max(eta, std::log1p(x)));
        }
    }

    double value() {
        flush();
        return sum_;
    }

  private:
    void flush() {
        sum_ -= std::log(product_);
        product_ = 1.0;
    }

    RowFamily family_;
    bool plain_;
    double sum_ = 0.0, product_ = 1.0;
};

// What one level needs; buffers are kept between levels.
struct Level {
    i64 m = 0;
    const double *y = nullptr, *w = nullptr, *Z = nullptr;
    std::vector<double> base, A, d1, values;
    std::vector<Row> at_mode;
    std::vector<double> H, L, step, tried, move, g, q, share, slope, moment, drift, spread, E, s;
};

// Linear predictor of a row at random effects v.
template <int K>
inline double predictor(const Level& a, int k, i64 r, const double* v) {
    double eta = a.base[r];
    for (int j = 0; j < (K ? K : k); ++j) eta += a.A[r * (K ? K : k) + j] * v[j];
    return eta;
}

inline double safe_exp(double eta) { return std::exp(std::min(eta, kFar)); }

// Height, slope and curvature at v; the rows stay in a.at_mode, the Cholesky factor in a.L and
// Newton's step in a.step. Returns the decrement; infinite when the numbers have overflowed.
template <int K>
double newton(const LevelRows& rows, Level& a, const double* v, double& sum) {
    const int k = K ? K : rows.k;
    LogDensity density(rows);
    std::fill(a.H.begin(), a.H.end(), 0.0);
    for (int j = 0; j < k; ++j) a.step[j] = -v[j];
    for (i64 r = 0; r < a.m; ++r) {
        const double* A = &a.A[r * k];
        const double eta = predictor<K>(a, k, r, v);
        const double x = safe_exp(eta);
        const Row row = a.at_mode[r] = row_at(rows.family, x, a.y[r], a.w[r]);
        density.add(eta, x, a.y[r], a.w[r]);
        for (int i = 0; i < k; ++i) {
            a.step[i] += A[i] * row.d1;
            for (int j = 0; j <= i; ++j) a.H[i * k + j] += row.weight * A[i] * A[j];
        }
    }
    sum = density.value();
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

// One step along a.step, halved while it goes downhill; false when no length helps.
template <int K>
bool advance(const LevelRows& rows, Level& a, double* u, double& top, double& decrement) {
    const int k = K ? K : rows.k;
    const double least = top - 1e-13 * (1.0 + std::abs(top));
    a.move = a.step;
    double size = 1.0;
    for (int halving = 0; halving < kMostHalvings; ++halving, size *= 0.5) {
        for (int j = 0; j < k; ++j) a.tried[j] = u[j] + size * a.move[j];
        double there = 0.0;
        const double next = newton<K>(rows, a, a.tried.data(), there);
        if (!(there >= least) || !std::isfinite(next)) continue;
        std::copy(a.tried.begin(), a.tried.begin() + k, u);
        top = there;
        decrement = next;
        return true;
    }
    decrement = newton<K>(rows, a, u, top);
    return false;
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
        const double before = decrement;
        if (!advance<K>(rows, a, u, top, decrement)) break;
        if (before < kRounding && decrement > 0.25 * before) break;
    }
    return decrement <= kSure;
}

// Log densities of all rows at one node summed, their slopes kept in d1.
template <int K>
double at_node(const LevelRows& rows, Level& a, const double* v, double* d1) {
    const int k = K ? K : rows.k;
    LogDensity density(rows);
    for (i64 r = 0; r < a.m; ++r) {
        const double eta = predictor<K>(a, k, r, v);
        const double x = safe_exp(eta);
        density.add(eta, x, a.y[r], a.w[r]);
        d1[r] = row_at(rows.family, x, a.y[r], a.w[r]).d1;
    }
    return density.value();
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

// Slopes of all rows at one node, with its share: sum of A d1 is returned in g.
template <int K>
void add_slopes(const LevelRows& rows, Level& a, const double* d1, const double* v, double share) {
    const int k = K ? K : rows.k;
    double* slope = a.slope.data();
    for (i64 r = 0; r < a.m; ++r) {
        const double part = share * d1[r];
        slope[r] += part;
        for (int i = 0; i < k; ++i) {
            a.moment[r * k + i] += part * v[i];
            a.g[i] += a.A[r * k + i] * d1[r];
        }
    }
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
        const double* v = &a.values[j * k];
        const double share = a.share[j];
        for (int i = 0; i < k; ++i) a.g[i] = -v[i];
        add_slopes<K>(rows, a, &a.d1[j * a.m], v, share);
        for (int i = 0; i < k; ++i) a.drift[i] += share * a.g[i];
        solve_lower<K>(a.L.data(), k, a.g.data(), 1, 1);
        const double* z = rule.z + j * k;
        for (int i = 0; i < k; ++i)
            for (int t = 0; t < k; ++t) a.spread[i * k + t] += share * z[i] * a.g[t];
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

// EA = E A of a row goes to a.q; A'EA is returned.
template <int K>
double leverage(Level& a, int kd, const double* A) {
    const int k = K ? K : kd;
    double e = 0.0;
    for (int i = 0; i < k; ++i) {
        double EA = 0.0;
        for (int j = 0; j < k; ++j) EA += a.E[i * k + j] * A[j];
        a.q[i] = EA;
        e += A[i] * EA;
    }
    return e;
}

// a.s: how the level's log integral feels a move of its mode, H^-1 of (drift - sum third e A).
template <int K>
void mode_weights(Level& a, int kd) {
    const int k = K ? K : kd;
    a.s = a.drift;
    for (i64 r = 0; r < a.m; ++r) {
        const double* A = &a.A[r * k];
        const double e = leverage<K>(a, k, A);
        for (int i = 0; i < k; ++i) a.s[i] -= a.at_mode[r].third * e * A[i];
    }
    solve_lower<K>(a.L.data(), k, a.s.data(), 1, 1);
    solve_lower_transposed<K>(a.L.data(), k, a.s.data(), 1, 1);
}

// Derivatives of one level: by its rows' predictors (put at the caller's places) and by Lambda.
// Both links are canonical: observed and expected weights are the same.
template <int K>
void derivatives(const LevelRows& rows, Level& a, const double* u, const i64* place,
                 QuadratureSums& out) {
    const int k = K ? K : rows.k;
    influence<K>(a, k);
    mode_weights<K>(a, k);
    for (i64 r = 0; r < a.m; ++r) {
        const double* A = &a.A[r * k];
        const Row& row = a.at_mode[r];
        const double e = leverage<K>(a, k, A);
        double As = 0.0;
        for (int i = 0; i < k; ++i) As += A[i] * a.s[i];
        const double through = -row.weight * As - row.third * e;
        out.by_predictor[place[r]] = a.slope[r] + through;
        for (int j = 0; j < k; ++j) {
            const double by_row =
                a.moment[r * k + j] - 2.0 * row.weight * a.q[j] + row.d1 * a.s[j] + through * u[j];
            for (int i = 0; i < k; ++i) out.by_lambda[i * k + j] += a.Z[r * k + i] * by_row;
        }
    }
}

Level buffers(int k, int n_nodes) {
    Level a;
    const size_t kk = k * k, ks = k;
    for (auto* square : {&a.H, &a.L, &a.spread, &a.E}) square->resize(kk);
    for (auto* line : {&a.step, &a.tried, &a.move, &a.g, &a.q, &a.drift, &a.s}) line->resize(ks);
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
    a.A.resize(a.m * k);
    a.at_mode.resize(a.m);
    for (i64 r = 0; r < a.m; ++r) {
        a.base[r] = fixed[rows.order[first + r]];
        for (int j = 0; j < k; ++j) {
            double sum = 0.0;
            for (int i = j; i < k; ++i) sum += a.Z[r * k + i] * Lambda[i * k + j];
            a.A[r * k + j] = sum;
        }
    }
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
        const i64* place = &rows.order[rows.starts[i]];
        for (i64 r = 0; r < a.m; ++r) out.eta[place[r]] = predictor<K>(a, k, r, u);
        for (int j = 0; j < k; ++j) out.log_det += std::log(a.L[j * k + j]);
        out.loglik += top + integrate<K>(rows, a, u, top, rule);
        if (order == 0) continue;
        collect<K>(rows, a, rule);
        derivatives<K>(rows, a, u, place, out);
    }
}

}  // namespace

QuadratureSums quadrature(const LevelRows& rows, const double* Lambda, const double* fixed,
                          const double* u, const QuadratureRule& rule, int order) {
    QuadratureSums out;
    out.u.assign(u, u + static_cast<i64>(rows.l) * rows.k);
    out.eta.assign(rows.n, std::numeric_limits<double>::quiet_NaN());
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
