#include "glmm_newton.hpp"

#include <algorithm>
#include <cmath>

#include "trust.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using Values = std::vector<double>;

// As in fit/glmm_newton.py and fit/glmm_descent.py.
constexpr int most_blocked = 12, most_exact = 4, exact_steps = 6;
constexpr double sd_step = 4e-3, tiny_step = 3e-5;
constexpr double infinity = std::numeric_limits<double>::infinity();

double dot(const Values& a, const Values& b) {
    double s = 0.0;
    for (size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
    return s;
}

bool all_finite(const Values& x) {
    return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
}

bool usable(const GlmmPoint& point) { return std::isfinite(point.value) && all_finite(point.gradient); }

Values moved(const Values& psi, const Values& move) {
    Values out(psi);
    for (size_t i = 0; i < out.size(); ++i) out[i] += move[i];
    return out;
}

// Where the modes are expected after a step: moved along, if it is known how they do.
Values modes_after(const GlmmPoint& point, const Values& move) {
    Values out(point.u);
    const size_t m = point.slopes.empty() ? 0 : move.size();
    for (size_t i = 0; i < out.size(); ++i)
        for (size_t j = 0; j < m; ++j) out[i] += point.slopes[i * m + j] * move[j];
    return out;
}

// H + factor v v'.
void add_outer(Values& H, const Values& v, double factor) {
    const size_t m = v.size();
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j) H[i * m + j] += factor * v[i] * v[j];
}

// The curvature after a step: BFGS where it stays positive, else symmetric rank one.
void learn(Values& H, const Values& move, const Values& change) {
    const size_t m = move.size();
    Values expected(m, 0.0), error(change);
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j) expected[i] += H[i * m + j] * move[j];
    const double along = dot(change, move), bend = dot(move, expected), length = std::sqrt(dot(move, move));
    if (along > 1e-10 * std::sqrt(dot(change, change)) * length && bend > 0.0) {
        add_outer(H, expected, -1.0 / bend);
        add_outer(H, change, 1.0 / along);
        return;
    }
    for (size_t i = 0; i < m; ++i) error[i] -= expected[i];
    const double size = dot(error, move);
    if (std::fabs(size) > 1e-8 * std::sqrt(dot(error, error)) * length) add_outer(H, error, 1.0 / size);
}

struct Stop {
    double tolerance;
    int evaluations;
    bool learn;
    double low = -infinity, high = infinity;
};

GlmmPath minimise(const GlmmFunction& function, GlmmPoint start, Values hessian, const Stop& stop) {
    int blocked = 0;
    double radius = std::max(1.0, 0.5 * std::sqrt(dot(start.psi, start.psi)));
    GlmmPath path{std::move(start), std::move(hessian), 0, 0.0, GlmmStopped::tolerance};
    GlmmPoint& point = path.point;
    if (!point.hessian.empty()) path.hessian = point.hessian;
    for (;;) {
        const Step newton = trust_step(point.gradient, path.hessian, infinity);
        const double noise = 1e-13 * std::max(1.0, std::fabs(point.value));
        path.decrease = newton.predicted;
        path.stopped = GlmmStopped::tolerance;
        if (newton.predicted < stop.tolerance) return path;
        path.stopped = GlmmStopped::evaluations;
        if (path.evaluations >= stop.evaluations) return path;
        path.stopped = GlmmStopped::left;
        if (!point.psi.empty() && !(point.psi.back() >= stop.low && point.psi.back() <= stop.high)) return path;
        const Step step = newton.length > radius ? trust_step(point.gradient, path.hessian, radius) : newton;
        GlmmPoint trial = function(moved(point.psi, step.move), modes_after(point, step.move));
        ++path.evaluations;
        const bool finite = usable(trial);
        const double gained = finite ? point.value - trial.value : -infinity;
        blocked += !finite;
        if (finite && stop.learn && trial.hessian.empty()) {
            Values change(trial.gradient);
            for (size_t i = 0; i < change.size(); ++i) change[i] -= point.gradient[i];
            learn(path.hessian, step.move, change);
        }
        const double ratio = gained / step.predicted;
        if (ratio < 0.25)
            radius = 0.25 * step.length;
        else if (ratio > 0.75 && step.length > 0.8 * radius)
            radius *= 3.0;
        const bool flat = step.predicted < 50.0 * noise;
        if (ratio > 1e-4 || (flat && gained > -50.0 * noise)) {
            point = std::move(trial);
            if (!point.hessian.empty()) path.hessian = point.hessian;
        }
        if (radius < 1e-9 || (flat && ratio < 0.25) || blocked >= most_blocked) {
            path.decrease = trust_step(point.gradient, path.hessian, infinity).predicted;
            path.stopped = blocked >= most_blocked ? GlmmStopped::edge : GlmmStopped::noise;
            return path;
        }
    }
}

// The gradient's difference along parameter i; one-sided where only one side exists, else NaN.
Values wide_row(const GlmmFunction& function, const GlmmPoint& point, size_t i, double step, int& count) {
    const size_t m = point.psi.size();
    Values out(m, std::numeric_limits<double>::quiet_NaN());
    for (int turn = 0; turn < 2; ++turn, step *= 0.1) {
        Values shift(m, 0.0);
        shift[i] = step;
        const GlmmPoint up = function(moved(point.psi, shift), point.u);
        shift[i] = -step;
        const GlmmPoint down = function(moved(point.psi, shift), point.u);
        count += 2;
        const bool above = std::isfinite(up.value), below = std::isfinite(down.value);
        if (!(above && below) && (turn == 0 || !(above || below))) continue;
        const Values& high = above ? up.gradient : point.gradient;
        const Values& low = below ? down.gradient : point.gradient;
        for (size_t j = 0; j < m; ++j) out[j] = (high[j] - low[j]) / (above && below ? 2.0 * step : step);
        return out;
    }
    return out;
}

// The kernel's own, or differences of the exact gradient over a tiny step, made symmetric.
Values exact_hessian(const GlmmFunction& function, const GlmmPoint& point, const Values& guess, int& count) {
    if (!point.hessian.empty()) return point.hessian;
    const size_t m = point.psi.size();
    Values H(m * m);
    for (size_t i = 0; i < m; ++i) {
        const double bend = std::max(std::fabs(guess[i * m + i]), 1e-300);
        const double sd = std::min(std::max(std::sqrt(2.0 / bend), 1e-3), 1.0);
        Values shift(m, 0.0);
        shift[i] = tiny_step * sd;
        const GlmmPoint end = function(moved(point.psi, shift), point.u);
        ++count;
        if (std::isfinite(end.value)) {
            for (size_t j = 0; j < m; ++j) H[i * m + j] = (end.gradient[j] - point.gradient[j]) / shift[i];
            continue;
        }
        const Values row = wide_row(function, point, i, sd_step * sd, count);
        std::copy(row.begin(), row.end(), &H[i * m]);
    }
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < i; ++j) H[i * m + j] = H[j * m + i] = 0.5 * (H[i * m + j] + H[j * m + i]);
    return H;
}

// Newton steps with the exact curvature from a point that is near the optimum.
GlmmPath exactly(const GlmmFunction& function, GlmmPath path, const GlmmLimits& limits) {
    int count = path.evaluations;
    bool edge = path.stopped == GlmmStopped::edge;
    for (int turn = 0; turn < most_exact; ++turn) {
        Values exact = exact_hessian(function, path.point, path.hessian, count);
        if (!all_finite(exact)) break;
        if (edge) {
            path.decrease = trust_step(path.point.gradient, exact, infinity).predicted;
            path.hessian = std::move(exact);
            break;
        }
        path = minimise(function, std::move(path.point), std::move(exact),
                        {limits.tolerance, exact_steps, false});
        count += path.evaluations;
        if (path.stopped != GlmmStopped::evaluations) break;
        edge = count > limits.evaluations;
    }
    path.evaluations = count;
    return path;
}

// The curvature along the last parameter, log phi, where nobody knows it.
void learn_last(const GlmmFunction& function, const GlmmPoint& start, Values& hessian) {
    const double step = 1e-2;
    Values shifted(start.psi);
    shifted.back() += step;
    const GlmmPoint other = function(shifted, start.u);
    hessian.back() = 1.0;
    if (std::isfinite(other.value))
        hessian.back() = std::max(std::fabs(other.gradient.back() - start.gradient.back()) / step, 1e-3);
}

}  // namespace

std::vector<double> FixedPart::predictor(const double* beta) const {
    double level = 0.0;
    for (int j = 0; j < p; ++j) level -= center[j] * (beta[j] / scale[j]);
    Values out(offset, offset + n);
    for (double& v : out) v += level;
    for (int j = 0; j < p; ++j) {
        const double slope = beta[j] / scale[j];
        const double* column = X + j * n;
        for (i64 i = 0; i < n; ++i) out[i] += slope * column[i];
    }
    if (!order) return out;
    Values inside(static_cast<size_t>(n));
    for (i64 i = 0; i < n; ++i) inside[i] = out[order[i]];
    return inside;
}

std::vector<double> FixedPart::transposed(const std::vector<double>& t) const {
    Values outside(order ? t.size() : 0), out(static_cast<size_t>(p));
    if (order)
        for (i64 i = 0; i < n; ++i) outside[order[i]] = t[i];
    const double* own = order ? outside.data() : t.data();
    double total = 0.0;
    for (i64 i = 0; i < n; ++i) total += own[i];
    for (int j = 0; j < p; ++j) {
        const double* column = X + j * n;
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        for (i64 i = 0; i < n; ++i) sums[i & 3] += column[i] * own[i];
        out[j] = ((sums[0] + sums[1]) + (sums[2] + sums[3]) - center[j] * total) / scale[j];
    }
    return out;
}

GlmmPath descend_glmm(const GlmmFunction& function, const std::vector<double>& psi,
                      const std::vector<double>& u, std::vector<double> guess, const GlmmLimits& limits) {
    GlmmPoint start = function(psi, u);
    if (!usable(start)) return {std::move(start), std::move(guess), 1, infinity, GlmmStopped::degenerate};
    const bool unknown = std::isnan(guess.back());
    if (unknown) learn_last(function, start, guess);
    GlmmPath path =
        minimise(function, std::move(start), std::move(guess),
                 {limits.near, limits.evaluations, true, limits.low, limits.high});
    if (limits.exact && path.stopped != GlmmStopped::left) path = exactly(function, std::move(path), limits);
    path.evaluations += unknown ? 2 : 1;
    return path;
}

}  // namespace nw
