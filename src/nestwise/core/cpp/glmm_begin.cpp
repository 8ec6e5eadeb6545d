#include "glmm_begin.hpp"

#include <algorithm>
#include <cmath>

#include "elimination.hpp"
#include "moments.hpp"
#include "newton.hpp"
#include "start.hpp"
#include "tail.hpp"
#include "trust.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using Values = std::vector<double>;

// As in core/start.py and fit/glmm_start.py.
constexpr double smallest = 0.1, near = 0.2;
constexpr int halvings = 12, bisections = 20;
constexpr Limits roughly{0.02, 6, 6, 0.0}, here{1e300, 1, 1, 0.0};

RowValues buffers(i64 n) {
    RowValues out;
    for (auto* part : {&out.d1, &out.observed, &out.expected, &out.slope}) part->resize(static_cast<size_t>(n));
    return out;
}

double step_at(const RowFunctions& family, const Values& eta, double phi, RowValues& v) {
    const double loglik = family.step(eta.data(), phi, v);
    if (family.canonical) v.expected = v.observed;
    return loglik;
}

// Working response (into `y`) and weights at a linear predictor; false where a weight is not positive.
bool working_rows(const BeginInput& in, const Values& eta, const RowValues& v, Values& y, Values& weights,
                  double& log_weights) {
    double mean = 0.0;
    for (double info : v.expected) mean += info / static_cast<double>(in.rows.n);
    const double least = 1e-10 * std::max(mean, 1e-300);
    log_weights = 0.0;
    for (i64 i = 0; i < in.rows.n; ++i) {
        weights[i] = std::max(v.expected[i], least);
        y[i] = eta[i] - in.offset[i] + v.d1[i] / weights[i];
        log_weights += std::log(weights[i]);
        if (!(weights[i] > 0.0) || !std::isfinite(y[i])) return false;
    }
    return std::isfinite(log_weights);
}

std::vector<Entry> eliminated(const CrossProducts& cp, std::vector<Entry> entries) {
    std::vector<int> at(cp.factors.size());
    for (size_t f = 0; f < cp.factors.size(); ++f) at[static_cast<size_t>(cp.factors[f].input)] = static_cast<int>(f);
    for (Entry& e : entries) e.factor = at[static_cast<size_t>(e.factor)];
    return entries;
}

// Diagonals moved off zero, where every gradient vanishes.
void lift(const std::vector<Entry>& entries, Values& par) {
    for (size_t i = 0; i < par.size(); ++i)
        if (entries[i].row == entries[i].column && std::fabs(par[i]) < 0.5 * smallest) par[i] = smallest;
}

Values moments_start(const CrossProducts& cp, const std::vector<Entry>& entries) {
    const size_t c = entries.size() + 1;
    Values gram(c * c), quadratic(c);
    component_moments(cp, entries, gram.data(), quadratic.data());
    std::vector<int> widths;
    for (const Factor& f : cp.factors) widths.push_back(f.k);
    Values par = moment_start(gram, quadratic, static_cast<double>(cp.n), entries, widths);
    lift(entries, par);
    return par;
}

// offset + X beta + Z Lambda u, with par relative to sigma and u to the data.
Values predictor(const BeginInput& in, const Beginning& b, const std::vector<Entry>& entries, const Values& par,
                 const Values& u) {
    const i64 n = in.rows.n;
    Values eta(in.offset, in.offset + n);
    for (int j = 0; j < in.rows.p; ++j) {
        const double slope = b.beta[j] / b.basis.scale[j], center = b.basis.center[j];
        for (i64 i = 0; i < n; ++i) eta[i] += slope * (in.rows.X[j * n + i] - center);
    }
    for (size_t f = 0; f < b.cp->factors.size(); ++f) {
        const Factor& g = b.cp->factors[f];
        const FactorRows& rows = in.rows.factors[static_cast<size_t>(g.input)];
        Values effect(static_cast<size_t>(g.m * g.k), 0.0);
        for (size_t e = 0; e < entries.size(); ++e)
            for (i64 l = 0; l < g.m && entries[e].factor == static_cast<int>(f); ++l)
                effect[l * g.k + entries[e].row] += par[e] * u[g.offset + l * g.k + entries[e].column];
        for (int c = 0; c < g.k; ++c)
            for (i64 i = 0; i < n; ++i)
                eta[i] += effect[rows.codes[i] * g.k + c] * (rows.columns[c] ? rows.columns[c][i] * rows.inverse_scale[c] : 1.0);
    }
    return eta;
}

// The target, or a point on the way to it, where the likelihood is finite.
Values acceptable(const RowFunctions& family, const Values& from, const Values& target, double phi, RowValues& v) {
    double share = 1.0;
    Values eta(from.size());
    for (int turn = 0; turn < halvings; ++turn, share *= 0.5) {
        for (size_t i = 0; i < eta.size(); ++i) eta[i] = from[i] + share * (target[i] - from[i]);
        const double loglik = step_at(family, eta, phi, v);
        if (std::isfinite(loglik) && std::all_of(v.d1.begin(), v.d1.end(), [](double d) { return std::isfinite(d); }))
            return eta;
    }
    step_at(family, from, phi, v);
    return from;
}

// The shape parameter that fits best at a linear predictor: bisection of its score.
double best_shape(const RowFunctions& family, const Values& eta, RowValues& v) {
    double low = std::log(1e-3), high = std::log(1e5);
    for (int turn = 0; turn < bisections; ++turn) {
        const double middle = 0.5 * (low + high);
        family.slopes(eta.data(), std::exp(middle), true, v);
        double slope = 0.0;
        for (double s : v.phi_loglik) slope += s;
        (slope > 0.0 ? low : high) = middle;
    }
    return std::exp(0.5 * (low + high));
}

// Curvature of the working model in (par, beta), with the absolute values of its eigenvalues.
Values curvature(const CrossProducts& cp, const Path& path, double phi, const Workspace& w) {
    const int m = static_cast<int>(path.point.par.size()), p = cp.p, size = m + p;
    Values H(static_cast<size_t>(size * size), 0.0), values, V;
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < m; ++j) H[i * size + j] = path.point.hessian[i * m + j] / phi;
    const auto RX = [&](int i, int j) { return w.S[tail_at(cp, cp.tail + i, cp.tail + j)]; };
    for (int i = 0; i < p; ++i)
        for (int j = 0; j <= i; ++j) {
            double s = 0.0;
            for (int t = 0; t <= j; ++t) s += RX(i, t) * RX(j, t);
            H[(m + i) * size + m + j] = H[(m + j) * size + m + i] = 2.0 * s / phi;
        }
    symmetric_eigen(H, size, values, V);
    double largest = 0.0;
    for (double& v : values) largest = std::max(largest, v = std::fabs(v));
    std::fill(H.begin(), H.end(), 0.0);
    for (int t = 0; t < size; ++t)
        for (int i = 0; i < size; ++i)
            for (int j = 0; j < size; ++j)
                H[i * size + j] += std::max(values[t], 1e-6 * largest) * V[i * size + t] * V[j * size + t];
    return H;
}

// The optimum of the working model goes to par, beta, u and curvature; its predictor to eta.
bool fit_working(const BeginInput& in, const Beginning& before, Beginning& out) {
    const std::vector<Entry> entries = eliminated(*out.cp, in.entries);
    auto w = out.cp->acquire();
    const bool has_scale = in.dispersion == Dispersion::scale;
    const Criterion kind = has_scale ? Criterion::ml : Criterion::known_scale;
    Values start = before.found ? before.par : moments_start(*out.cp, entries);
    for (double& v : start) v /= before.found && has_scale ? std::sqrt(before.phi) : 1.0;
    Path path = descend(*out.cp, entries, std::move(start), kind, roughly, *w);
    const double pwrss = path.point.det.pwrss;
    const bool good = path.stopped != Stopped::degenerate && pwrss > 0.0;
    if (good) {
        out.phi = has_scale ? pwrss / static_cast<double>(in.rows.n) : 1.0;
        out.beta = w->beta;
        for (size_t j = 0; j < out.beta.size(); ++j) out.beta[j] += out.basis.shift[j];
        out.eta = predictor(in, out, entries, path.point.par, w->u);
        const double sigma = std::sqrt(out.phi);
        out.par = path.point.par;
        for (double& v : out.par) v *= sigma;
        out.u = w->u;
        for (double& v : out.u) v /= sigma;
        lift(entries, out.par);
        Values lifted(out.par);
        for (double& v : lifted) v /= sigma;
        if (lifted != path.point.par) path = descend(*out.cp, entries, lifted, kind, here, *w);
        out.curvature = curvature(*out.cp, path, out.phi, *w);
    }
    out.cp->release(std::move(w));
    return good;
}

// The working model at eta, where the rows say v.
Beginning one_round(const BeginInput& in, const Values& eta, const RowValues& v, const Beginning& before) {
    Beginning out;
    Rows rows = in.rows;
    Values y(eta.size()), weights(eta.size());
    if (!working_rows(in, eta, v, y, weights, out.log_weights)) return out;
    out.basis = make_basis(y.data(), rows.X, rows.n, rows.p, in.intercept);
    rows.y = out.basis.residual.data();
    rows.weights = weights.data();
    rows.x_center = out.basis.center;
    for (double s : out.basis.scale) rows.x_inverse_scale.push_back(1.0 / s);
    out.cp = cross_products(rows, in.solver, in.memory);
    out.found = fit_working(in, before, out);
    return out;
}

double distance(const Values& a, const Values& b) {
    double s = 0.0;
    for (size_t i = 0; i < a.size(); ++i) s += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(s / static_cast<double>(a.size()));
}

}  // namespace

Beginning begin_glmm(const BeginInput& in) {
    Beginning best;
    RowValues v = buffers(in.rows.n);
    Values eta(in.eta, in.eta + in.rows.n);
    double phi = 1.0;
    step_at(in.family, eta, phi, v);
    for (int round = 0; round < in.rounds; ++round) {
        Beginning next = one_round(in, eta, v, best);
        if (!next.found) break;
        Values moved = acceptable(in.family, eta, next.eta, phi, v);
        const double change = distance(moved, eta);
        eta = std::move(moved);
        if (in.dispersion == Dispersion::shape) {
            phi = next.phi = best_shape(in.family, eta, v);
            step_at(in.family, eta, phi, v);
        }
        best = std::move(next);
        if (change < near) break;
    }
    return best;
}

}  // namespace nw
