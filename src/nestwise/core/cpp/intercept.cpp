#include "intercept.hpp"

#include <cmath>

#include "intercept_level.hpp"
#include "small.hpp"

namespace nw {
namespace {

using i64 = std::int64_t;

constexpr int kFastSteps = 8, kSafeSteps = 200, kPolish = 6;
constexpr double kNearMode = 1e-4;  // step after which Halley's next error is below rounding
constexpr double kExact = 1e-22, kRounding = 1e-14, kSure = 1e-9;

// What is known of a level at its mode: sums N_j of the rows' j-th derivatives, and X_j of those
// times the columns of X. g is the log of the joint density, v its random effect with sd 1.
struct Mode {
    double v, g_v, H, log_density;
    double N[4];
};

// Fixed effects: P where that is known when compiling, else those of the rows.
template <int P>
inline int width(const InterceptRows& rows) {
    return P ? P : rows.p;
}

// Weighted means over the nodes, and what the Hessian needs beside.
struct Nodes {
    double log_integral, T1, T2, b0, b1, b2, v2N2;
};

struct Space {
    explicit Space(int p, int n_nodes)
        : S(1 + p),
          X(static_cast<size_t>(4) * p),
          at_node(static_cast<size_t>(n_nodes) * (2 + 2 * p)),
          place(n_nodes),
          share(n_nodes),
          g_psi(S), a0(S), a1(S), move(S), kappa(S), bend(S), vX2(S), D(S), M(static_cast<size_t>(S) * S) {}

    int S;
    std::vector<double> X, at_node, place, share, g_psi, a0, a1, move, kappa, bend, vX2, D, M;
    std::vector<double> node_d1, node_d2, weight;
};

// Fixed predictors of a level's rows and their exponentials.
template <int P>
void gather(const InterceptRows& rows, InterceptLevel& a, int level, const double* beta) {
    const i64 first = rows.starts[level], count = rows.counts[level];
    a.m = rows.starts[level + 1] - first;
    a.success = &rows.success[first];
    a.failure = &rows.failure[first];
    if (static_cast<i64>(a.base.size()) < a.m)
        for (auto* v : {&a.base, &a.exp_base, &a.d1, &a.d2, &a.d3, &a.d4}) v->resize(a.m);
    double* base = a.base.data();
    Lane high = all(-kNear), low = all(kNear), sum{}, by_base{};
    for (i64 r = 0; r < a.m; r += kLanes) {
        Lane at = load(&rows.offset[first + r]);
        for (int c = 0; c < width<P>(rows); ++c) at += load(&rows.X[c * rows.size + first + r]) * beta[c];
        store(base + r, at);
        const Lane success = load(a.success + r);
        sum += success;
        by_base += success * at;
    }
    for (i64 r = count; r < a.m; ++r) base[r] = base[0];
    for (i64 r = 0; r < a.m; r += kLanes) {
        high = larger(high, load(base + r));
        low = smaller(low, load(base + r));
    }
    a.largest = largest(high);
    a.near = a.largest < kNear && -largest(-low) > -kNear;
    a.y_sum = across(sum);
    a.y_base = across(by_base);
    if (!a.near) return;
    for (i64 r = 0; r < a.m; r += kLanes) store(&a.exp_base[r], lane_exp(load(base + r)));
    for (i64 r = count; r < a.m; ++r) a.exp_base[r] = 0.0;
}

// Halley's step towards the zero of g_v from sums at v.
inline double halley(double g_v, double H, double g_vvv) {
    const double newton = g_v / H, bend = 0.5 * newton * g_vvv / H;
    return std::abs(bend) < 0.5 ? newton / (1.0 - bend) : newton;
}

// g_v falls with v, so that its zero lies between 0 and g_v(0): Newton inside these bounds, which
// close in, halved where it would leave them or hardly helps.
template <RowFamily family>
double safe_mode(InterceptLevel& a, double lambda, int& count) {
    double sums[4], low = 0.0, high = 0.0, v = 0.0, before = std::numeric_limits<double>::infinity();
    for (int step = 0; step < kSafeSteps; ++step, ++count) {
        newton_sums<family>(a, lambda * v, sums);
        const double g_v = lambda * sums[0] - v, H = 1.0 - lambda * lambda * sums[1];
        if (!std::isfinite(g_v) || !std::isfinite(H)) return std::numeric_limits<double>::quiet_NaN();
        if (step == 0) (g_v > 0.0 ? high : low) = g_v;
        else (g_v > 0.0 ? low : high) = v;
        const double move = halley(g_v, H, lambda * lambda * lambda * sums[2]);
        if (std::abs(move) <= kNearMode) return v + move;
        const bool inside = v + move > low && v + move < high && std::abs(move) < 0.5 * before;
        before = inside ? std::abs(move) : high - low;
        v = inside ? v + move : 0.5 * (low + high);
    }
    return v;
}

// The mode from v, up to a last step.
template <RowFamily family>
double near_mode(InterceptLevel& a, double lambda, double v, int& count) {
    double sums[4], before = std::numeric_limits<double>::infinity();
    for (int step = 0; step < kFastSteps; ++step, ++count) {
        newton_sums<family>(a, lambda * v, sums);
        const double g_v = lambda * sums[0] - v, H = 1.0 - lambda * lambda * sums[1];
        const double move = halley(g_v, H, lambda * lambda * lambda * sums[2]);
        if (!(std::abs(move) < 0.7 * before)) break;
        v += move;
        if (std::abs(move) <= kNearMode) return v;
        before = std::abs(move);
    }
    return safe_mode<family>(a, lambda, count);
}

// The mode and the sums there; false when none was found.
template <RowFamily family>
bool find_mode(InterceptLevel& a, double lambda, double v, bool plain, Mode& mode, int& count) {
    v = near_mode<family>(a, lambda, v, count);
    double before = std::numeric_limits<double>::infinity();
    for (int round = 0; round < kPolish; ++round, ++count) {
        const Lane product = full_sums<family>(a, lambda * v, mode.N);
        mode.v = v;
        mode.g_v = lambda * mode.N[0] - v;
        mode.H = 1.0 - lambda * lambda * mode.N[1];
        const double decrement = mode.g_v * mode.g_v / mode.H;
        if (!std::isfinite(decrement)) return false;
        mode.log_density = log_density<family>(a, lambda * v, plain, mode.N[1], product) - 0.5 * v * v;
        if (decrement <= kExact || (before < kRounding && decrement > 0.25 * before)) return true;
        before = decrement;
        if (round + 1 < kPolish) v += halley(mode.g_v, mode.H, lambda * lambda * lambda * mode.N[2]);
    }
    return before <= kSure;
}

// X_j: sums over the rows of d times each column.
template <int P>
void column_sums(const InterceptRows& rows, i64 first, i64 m, const double* d, double N, double* out) {
    for (int c = 0; c < width<P>(rows); ++c)
        out[c] = c == rows.ones ? N : weighted_sum(d, &rows.X[c * rows.size + first], m);
}

// One node only, at the mode.
template <int P>
void at_mode(const Mode& mode, double lambda, Space& w, Nodes& nodes) {
    const int p = P ? P : w.S - 1;
    const double v = mode.v, *N = mode.N, *X1 = w.X.data(), *X2 = X1 + p;
    nodes = {mode.log_density, mode.g_v, 0.0, -mode.H, 0.0, 0.0, v * v * N[1]};
    w.g_psi[0] = v * N[0];
    w.a0[0] = N[0] + lambda * v * N[1];
    std::fill(w.a1.begin(), w.a1.end(), 0.0);
    for (int c = 0; c < p; ++c) {
        w.g_psi[1 + c] = X1[c];
        w.a0[1 + c] = lambda * X2[c];
        w.vX2[c] = v * X2[c];
    }
}

// The rows at all nodes: places, shares, sums.
template <RowFamily family, int P>
double at_nodes(const InterceptRows& rows, InterceptLevel& a, i64 first, double lambda,
                const Mode& mode, const QuadratureRule& rule, int order, Space& w) {
    const double s = 1.0 / std::sqrt(mode.H);
    const int p = width<P>(rows);
    w.node_d1.resize(std::max<size_t>(w.node_d1.size(), a.m));
    w.node_d2.resize(std::max<size_t>(w.node_d2.size(), a.m * rule.n_nodes));
    double total = 0.0;
    for (int j = 0; j < rule.n_nodes; ++j) {
        const double v = w.place[j] = mode.v + rule.z[j] * s;
        double *sums = &w.at_node[j * (2 + 2 * p)], *d2 = &w.node_d2[j * a.m];
        const Lane product = node_sums<family>(a, lambda * v, w.node_d1.data(), d2, sums);
        const double height = log_density<family>(a, lambda * v, rows.plain, sums[1], product) - 0.5 * v * v;
        total += w.share[j] = std::exp(height - mode.log_density + rule.log_weights[j]);
        if (order == 0) continue;
        column_sums<P>(rows, first, a.m, w.node_d1.data(), sums[0], sums + 2);
        column_sums<P>(rows, first, a.m, d2, sums[1], sums + 2 + p);
    }
    for (int j = 0; j < rule.n_nodes; ++j) w.share[j] /= total;
    return mode.log_density + std::log(total);
}

// Means over the nodes of derivatives of g, all but those that need the nodes' own moves.
template <int P>
void node_means(double lambda, const QuadratureRule& rule, Space& w, Nodes& nodes) {
    const int p = P ? P : w.S - 1;
    nodes.T1 = nodes.T2 = nodes.b0 = nodes.b1 = nodes.b2 = nodes.v2N2 = 0.0;
    for (auto* v : {&w.g_psi, &w.a0, &w.a1, &w.vX2}) std::fill(v->begin(), v->end(), 0.0);
    for (int j = 0; j < rule.n_nodes; ++j) {
        const double *N = &w.at_node[j * (2 + 2 * p)], *X1 = N + 2, *X2 = X1 + p;
        const double z = rule.z[j], v = w.place[j], share = w.share[j];
        const double g_v = lambda * N[0] - v, g_vv = lambda * lambda * N[1] - 1.0;
        nodes.T1 += share * g_v;
        nodes.T2 += share * z * g_v;
        nodes.b0 += share * g_vv;
        nodes.b1 += share * z * g_vv;
        nodes.b2 += share * z * z * g_vv;
        nodes.v2N2 += share * v * v * N[1];
        const double cross = N[0] + lambda * v * N[1];
        w.g_psi[0] += share * v * N[0];
        w.a0[0] += share * cross;
        w.a1[0] += share * z * cross;
        for (int c = 0; c < p; ++c) {
            w.g_psi[1 + c] += share * X1[c];
            w.a0[1 + c] += share * lambda * X2[c];
            w.a1[1 + c] += share * z * lambda * X2[c];
            w.vX2[c] += share * v * X2[c];
        }
    }
}

// How the mode moves with (lambda, beta), w.move = u', and w.kappa = (-log(H) / 2)'.
template <int P>
void moves(const Mode& mode, double lambda, Space& w) {
    const int p = P ? P : w.S - 1;
    const double l2 = lambda * lambda, v = mode.v, *N = mode.N;
    const double *X2 = &w.X[p], *X3 = &w.X[2 * p], g_vvv = l2 * lambda * N[2];
    w.move[0] = (N[0] + lambda * v * N[1]) / mode.H;
    w.bend[0] = 2.0 * lambda * N[1] + l2 * v * N[2];
    for (int c = 0; c < p; ++c) {
        w.move[1 + c] = lambda * X2[c] / mode.H;
        w.bend[1 + c] = l2 * X3[c];
    }
    for (int i = 0; i < 1 + p; ++i) w.kappa[i] = (w.bend[i] + g_vvv * w.move[i]) / (2.0 * mode.H);
}

// Covariance over the nodes of the derivative of g at a node that moves with the parameters.
template <int P>
void node_spread(double s, double lambda, const QuadratureRule& rule, Space& w, double* hessian) {
    const int p = P ? P : w.S - 1, S = 1 + p;
    std::fill(w.M.begin(), w.M.end(), 0.0);
    std::vector<double>& mean = w.D;
    std::vector<double> D(S);
    std::fill(mean.begin(), mean.end(), 0.0);
    for (int j = 0; j < rule.n_nodes; ++j) {
        const double *N = &w.at_node[j * (2 + 2 * p)], share = w.share[j];
        const double g_v = lambda * N[0] - w.place[j];
        for (int i = 0; i < S; ++i) {
            D[i] = (i ? N[1 + i] : w.place[j] * N[0]) + g_v * (w.move[i] + rule.z[j] * s * w.kappa[i]);
            mean[i] += share * D[i];
        }
        for (int i = 0; i < S; ++i)
            for (int t = 0; t <= i; ++t) w.M[i * S + t] += share * D[i] * D[t];
    }
    for (int i = 0; i < S; ++i)
        for (int t = 0; t <= i; ++t) hessian[i * S + t] += w.M[i * S + t] - mean[i] * mean[t];
}

// The part of the Hessian that sums of rows give; y and x are vectors of symmetric products.
template <int P>
void level_hessian(const Mode& mode, const Nodes& nodes, double lambda, double s, double weight,
                   double through, Space& w, double* hessian) {
    const int p = P ? P : w.S - 1, S = 1 + p;
    const double l2 = lambda * lambda, v = mode.v, *N = mode.N, g_vvv = l2 * lambda * N[2];
    const double *X2 = &w.X[p], *X3 = &w.X[2 * p], *X4 = &w.X[3 * p];
    const double square = 0.5 * (nodes.b0 + weight * l2 * l2 * N[3] + through * g_vvv);
    const double turn = 0.5 * (nodes.b2 * s * s + 2.0 + 3.0 * s * nodes.T2);
    double *y = w.a0.data(), *x = w.a1.data();
    for (int i = 0; i < S; ++i) {
        const double g_vvvi = i ? l2 * lambda * X4[i - 1] : 3.0 * l2 * N[2] + l2 * lambda * v * N[3];
        y[i] += nodes.b1 * s * w.kappa[i] + weight * g_vvvi + through * w.bend[i] + square * w.move[i];
        x[i] = s * x[i] + turn * w.kappa[i];
    }
    hessian[0] += nodes.v2N2 + weight * (2.0 * N[1] + 4.0 * lambda * v * N[2] + l2 * v * v * N[3]) +
                  through * (2.0 * v * N[1] + lambda * v * v * N[2]);
    for (int c = 0; c < p; ++c)
        hessian[(1 + c) * S] += w.vX2[c] + weight * (2.0 * lambda * X3[c] + l2 * v * X4[c]) +
                                through * (X2[c] + lambda * v * X3[c]);
    for (int i = 0; i < S; ++i)
        for (int t = 0; t <= i; ++t)
            hessian[i * S + t] += y[i] * w.move[t] + w.move[i] * y[t] + x[i] * w.kappa[t] + w.kappa[i] * x[t];
}

// Second derivatives of the rows' log densities by beta: X' diag(weights) X.
template <int P>
void row_hessian(const InterceptRows& rows, const InterceptLevel& a, i64 first, double by_d3,
                 double by_d4, int n_nodes, Space& w, double* hessian) {
    w.weight.resize(std::max<size_t>(w.weight.size(), a.m));
    double *weight = w.weight.data(), *part = w.node_d1.data();
    for (i64 r = 0; r < a.m; r += kLanes) {
        Lane sum = by_d3 * load(&a.d3[r]) + by_d4 * load(&a.d4[r]);
        if (n_nodes == 1) sum += load(&a.d2[r]);
        else
            for (int j = 0; j < n_nodes; ++j) sum += w.share[j] * load(&w.node_d2[j * a.m + r]);
        store(weight + r, sum);
    }
    const int p = width<P>(rows), S = 1 + p;
    for (int c = 0; c < p; ++c) {
        const double* x = &rows.X[c * rows.size + first];
        for (i64 r = 0; r < a.m; r += kLanes) store(part + r, load(weight + r) * load(x + r));
        for (int t = 0; t <= c; ++t)
            hessian[(1 + c) * S + 1 + t] += weighted_sum(part, &rows.X[t * rows.size + first], a.m);
    }
}

// Gradient of a level's log integral, and its Hessian (order 2).
template <int P>
void derivatives(const InterceptRows& rows, InterceptLevel& a, int level, double lambda,
                 const Mode& mode, Nodes& nodes, const QuadratureRule& rule, int order, Space& w,
                 InterceptSums& out) {
    const i64 first = rows.starts[level];
    const double s = 1.0 / std::sqrt(mode.H), l2 = lambda * lambda;
    const int p = width<P>(rows);
    const std::vector<double>* d[4] = {&a.d1, &a.d2, &a.d3, &a.d4};
    for (int j = rule.n_nodes > 1; j < (order > 1 ? 4 : 3); ++j)
        column_sums<P>(rows, first, a.m, d[j]->data(), mode.N[j], &w.X[j * p]);
    if (rule.n_nodes > 1) node_means<P>(lambda, rule, w, nodes);
    else at_mode<P>(mode, lambda, w, nodes);
    moves<P>(mode, lambda, w);
    const double kept = 1.0 + s * nodes.T2;
    for (int i = 0; i < 1 + p; ++i)
        out.gradient[i] += w.g_psi[i] + nodes.T1 * w.move[i] + kept * w.kappa[i];
    if (order < 2) return;
    std::copy(w.move.begin(), w.move.end(), &out.slopes[static_cast<i64>(level) * w.S]);
    const double weight = kept / (2.0 * mode.H);
    const double through = (nodes.T1 + weight * l2 * lambda * mode.N[2]) / mode.H;
    w.node_d1.resize(std::max<size_t>(w.node_d1.size(), a.m));
    if (rule.n_nodes > 1) node_spread<P>(s, lambda, rule, w, out.hessian.data());
    else w.share[0] = 1.0;
    level_hessian<P>(mode, nodes, lambda, s, weight, through, w, out.hessian.data());
    row_hessian<P>(rows, a, first, through * lambda, weight * l2, rule.n_nodes, w, out.hessian.data());
}

template <RowFamily family, int P>
inline void levels(const InterceptRows& rows, double lambda, const double* beta,
                   const QuadratureRule& rule, int order, LevelSample sample, InterceptSums& out) {
    InterceptLevel a;
    Space w(rows.p, rule.n_nodes);
    Mode mode{};
    Nodes nodes{};
    for (int i = 0; i < rows.l; ++i) {
        if (!sample.has(i)) continue;
        const i64 first = rows.starts[i];
        int count = 0;
        gather<P>(rows, a, i, beta);
        out.found = find_mode<family>(a, lambda, out.u[i], rows.plain, mode, count);
        out.n_steps = std::max(out.n_steps, count);
        if (!out.found) return;
        out.u[i] = mode.v;
        out.log_det += 0.5 * fast_log(mode.H);
        nodes.log_integral = mode.log_density;
        if (rule.n_nodes > 1)
            nodes.log_integral = at_nodes<family, P>(rows, a, first, lambda, mode, rule, order, w);
        out.loglik += nodes.log_integral;
        if (order > 0) derivatives<P>(rows, a, i, lambda, mode, nodes, rule, order, w, out);
    }
}

NW_WIDE void logit_levels(const InterceptRows& rows, double lambda, const double* beta,
                          const QuadratureRule& rule, int order, LevelSample sample,
                          InterceptSums& out) {
    with_width(rows.p, [&](auto p) {
        levels<RowFamily::binomial_logit, decltype(p)::value>(rows, lambda, beta, rule, order, sample, out);
    });
}

NW_WIDE void log_levels(const InterceptRows& rows, double lambda, const double* beta,
                        const QuadratureRule& rule, int order, LevelSample sample, InterceptSums& out) {
    with_width(rows.p, [&](auto p) {
        levels<RowFamily::poisson_log, decltype(p)::value>(rows, lambda, beta, rule, order, sample, out);
    });
}

}  // namespace

InterceptSums intercept_quadrature(const InterceptRows& rows, double lambda, const double* beta,
                                   const double* u, const QuadratureRule& rule, int order,
                                   LevelSample sample) {
    InterceptSums out;
    const size_t S = 1 + static_cast<size_t>(rows.p);
    out.u.assign(u, u + rows.l);
    if (order > 0) out.gradient.assign(S, 0.0);
    if (order > 1) {
        out.hessian.assign(S * S, 0.0);
        out.slopes.assign(rows.l * S, 0.0);
    }
    const bool counts = rows.family == RowFamily::poisson_log;
    (counts ? log_levels : logit_levels)(rows, lambda, beta, rule, order, sample, out);
    out.loglik -= out.log_det;
    for (size_t i = 0; i < out.hessian.size(); ++i)
        if (i % S > i / S) out.hessian[i] = out.hessian[(i % S) * S + i / S];
    return out;
}

std::vector<double> intercept_predictors(const InterceptRows& rows, double lambda, const double* beta,
                                         const double* u) {
    std::vector<double> out(rows.n);
    for (int i = 0; i < rows.l; ++i)
        for (i64 at = rows.starts[i]; at < rows.starts[i] + rows.counts[i]; ++at) {
            double eta = rows.offset[at];
            for (int c = 0; c < rows.p; ++c) eta += rows.X[c * rows.size + at] * beta[c];
            out[rows.row[at]] = eta + lambda * u[i];
        }
    return out;
}

}  // namespace nw
