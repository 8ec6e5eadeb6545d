// The mode of the joint density by Newton's method, and the criterion with its exact gradient.
#include <algorithm>
#include <cmath>
#include <limits>

#include "elimination.hpp"
#include "glmm.hpp"
#include "substitution.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

constexpr int max_iterations = 100, halvings = 20;
// Steps in a row of which less than a hundredth is taken: the mode lies at the edge of the range.
constexpr int crawling = 4;
// Squared Newton decrement for each effect at which the mode is found, and in all where it is
// accepted when rounding hides further progress.
constexpr double decrement_each = 1e-16, sure = 1e-9;
// Weight of a row from which the rounding of its linear predictor shows in its slope.
constexpr double stiff = 1e7;

double squared(const std::vector<double>& x) {
    double s = 0.0;
    for (double v : x) s += v * v;
    return s;
}

// b = Lambda u, elimination order.
void times_lambda_u(const CrossProducts& cp, const Lambdas& lambda, const double* u, double* b) {
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const Factor& g = cp.factors[f];
        for (i64 l = 0; l < g.m; ++l)
            for (int r = 0; r < g.k; ++r) {
                double s = 0.0;
                for (int t = 0; t <= r; ++t) s += lambda[f][r * g.k + t] * u[g.offset + l * g.k + t];
                b[g.offset + l * g.k + r] = s;
            }
    }
}

struct Search {
    Glmm& g;
    const Lambdas& lambda;
    const double* fixed;
    double phi;
    Workspace& w;
    double& ldL2;  // log|M| of the last factor
};

// M for the weights, factorised, with u of the working response in w.u.
bool newton_target(const Search& s, const std::vector<double>& weights) {
    Glmm& g = s.g;
    for (i64 r = 0; r < g.n; ++r)
        g.target[r] = weights[r] * (g.eta[r] - s.fixed[r]) + g.values.d1[r];
    reweight(g, weights.data(), g.target.data());
    const Determinants det = eliminate(*g.cp, s.lambda, s.w);
    if (!det.positive) return false;
    s.ldL2 = det.ldL2;
    solve_effects(*g.cp, s.w);
    return true;
}

double evaluate_at(const Search& s, const std::vector<double>& u) {
    Glmm& g = s.g;
    times_lambda_u(*g.cp, s.lambda, u.data(), g.effects.data());
    times_z(g, g.effects.data(), g.eta.data());
    for (i64 r = 0; r < g.n; ++r) g.eta[r] += s.fixed[r];
    return -2.0 * g.family.step(g.eta.data(), s.phi, g.values) + squared(u);
}

// u + share * move; accepted when the joint density is no lower.
bool line_search(const Search& s, std::vector<double>& u, const std::vector<double>& step, double& value,
                 double& share) {
    Glmm& g = s.g;
    std::vector<double> trial_u(u.size());
    share = 1.0;
    for (int halving = 0; halving < halvings; ++halving, share *= 0.5) {
        for (size_t i = 0; i < u.size(); ++i) trial_u[i] = u[i] + share * step[i];
        for (i64 r = 0; r < g.n; ++r) g.trial[r] = g.eta[r] + share * g.move[r];
        const double there = -2.0 * g.family.step(g.trial.data(), s.phi, g.trial_values) + squared(trial_u);
        if (!(there <= value + 1e-13 * std::fabs(value))) continue;
        u.swap(trial_u);
        g.eta.swap(g.trial);
        std::swap(g.values, g.trial_values);
        value = there;
        return true;
    }
    return false;
}

// M^-1 rhs with the factor in the workspace; on entry Lambda'Z't is made from t, and `less` taken off.
void solve_with(const Search& s, const double* t, const double* less, std::vector<double>& solved) {
    Glmm& g = s.g;
    solved.resize(static_cast<size_t>(g.cp->q));
    times_z_transposed(g, t, solved.data());
    scale_columns(*g.cp, s.lambda, 1, solved.data());
    for (size_t i = 0; less != nullptr && i < solved.size(); ++i) solved[i] -= less[i];
    s.w.R_tail.assign(static_cast<size_t>(g.cp->tail), 0.0);
    solve_equations(*g.cp, 1, true, solved.data(), s.w);
}

// The last step, made from what is left of the score instead of as a difference of two modes: with
// large weights, the rounding of eta alone changes d1, which such a step takes back.
void refine_last(const Search& s, const std::vector<double>& u, std::vector<double>& step) {
    Glmm& g = s.g;
    const std::vector<double>& W = g.values.observed;
    if (!(*std::max_element(W.begin(), W.end()) > stiff)) return;
    solve_with(s, g.values.d1.data(), u.data(), step);
    times_lambda_u(*g.cp, s.lambda, step.data(), g.effects.data());
    times_z(g, g.effects.data(), g.move.data());
}

// The last step is so small that M stays as it is: u, eta and d1 follow it to first order, so that
// the gradient is exact to second order in it.
void accept_last(Glmm& g, std::vector<double>& u, const std::vector<double>& step) {
    for (size_t i = 0; i < u.size(); ++i) u[i] += step[i];
    for (i64 r = 0; r < g.n; ++r) {
        g.eta[r] += g.move[r];
        g.values.d1[r] -= g.values.observed[r] * g.move[r];
    }
    g.moved_last = true;
}

void larger(const RowValues& v, std::vector<double>& out) {
    out.resize(v.observed.size());
    for (size_t r = 0; r < out.size(); ++r) out[r] = std::max(v.observed[r], v.expected[r]);
}

// On success M, factorised in the workspace, is that of the observed weights at the mode.
bool find_mode(const Search& s, std::vector<double>& u, double& value, int& iterations) {
    Glmm& g = s.g;
    const double enough = decrement_each * static_cast<double>(u.size());
    value = evaluate_at(s, u);
    if (!std::isfinite(value)) {
        std::fill(u.begin(), u.end(), 0.0);
        value = evaluate_at(s, u);
    }
    std::vector<double> step(u.size()), careful;
    double before = std::numeric_limits<double>::infinity();
    int slow = 0;
    for (iterations = 0; iterations < max_iterations; ++iterations) {
        if (!std::isfinite(value)) return false;
        // Where steps are much too long, the larger of both curvatures makes them shorter.
        const bool cautious = slow > 0 && !g.family.canonical;
        if (cautious) larger(g.values, careful);
        const std::vector<double>& first = cautious ? careful : g.values.observed;
        const bool curved = newton_target(s, first), observed = curved && !cautious;
        if (!curved && (g.family.canonical || !newton_target(s, g.values.expected))) return false;
        const std::vector<double>& weights = curved ? first : g.values.expected;
        for (size_t i = 0; i < u.size(); ++i) step[i] = s.w.u[i] - u[i];
        times_lambda_u(*g.cp, s.lambda, step.data(), g.effects.data());
        times_z(g, g.effects.data(), g.move.data());
        double decrement = squared(step);
        for (i64 r = 0; r < g.n; ++r) decrement += weights[r] * g.move[r] * g.move[r];
        // Newton's method squares a decrement as small as `sure`; where it does not, rounding is left.
        const bool rounding = decrement < sure && decrement > 0.25 * before;
        if (observed && (decrement <= enough || rounding)) {
            refine_last(s, u, step);
            accept_last(g, u, step);
            return true;
        }
        before = decrement;
        double share = 1.0;
        if (!line_search(s, u, step, value, share)) return observed && decrement < sure;
        slow = share < 0.01 ? slow + 1 : 0;
        if (slow == crawling) return false;
    }
    return false;
}

// s = M^-1 Lambda'Z't and A s, with the factor that is in the workspace.
void adjoint(const Search& s, const double* t, std::vector<double>& solved) {
    Glmm& g = s.g;
    solve_with(s, t, nullptr, solved);
    times_lambda_u(*g.cp, s.lambda, solved.data(), g.effects.data());
    times_z(g, g.effects.data(), g.adjoint.data());
}

// Sums over levels of through_l u_l' + score_l s_l' + 2 (Z'WA C)_ll.
void lambda_derivatives(const Search& s, const std::vector<double>& solved, const Faces& faces,
                        LaplaceResult& out) {
    Glmm& g = s.g;
    const size_t q = static_cast<size_t>(g.cp->q);
    std::vector<double> through(q), score(q);
    times_z_transposed(g, out.slope.data(), through.data());
    times_z_transposed(g, g.values.d1.data(), score.data());
    for (size_t f = 0; f < g.cp->factors.size(); ++f) {
        const Factor& own = g.cp->factors[f];
        const int k = own.k;
        std::vector<double> D(static_cast<size_t>(k * k));
        for (int i = 0; i < k * k; ++i) D[i] = 2.0 * faces.logdet[f][i];
        for (i64 l = 0; l < own.m; ++l) {
            const i64 at = own.offset + l * k;
            for (int r = 0; r < k; ++r)
                for (int c = 0; c < k; ++c)
                    D[r * k + c] += through[at + r] * out.u[at + c] + score[at + r] * solved[at + c];
        }
        out.by_lambda.push_back(std::move(D));
    }
}

// The derivatives, M of the criterion's own weights being factorised in the workspace.
void differentiate(const Search& s, bool separate, LaplaceResult& out) {
    Glmm& g = s.g;
    g.family.slopes(g.eta.data(), s.phi, g.observed, g.values);
    Faces faces;
    row_leverages(g, s.lambda, s.w, faces, g.leverage.data());
    const RowValues& v = g.values;
    std::vector<double> t(static_cast<size_t>(g.n)), solved;
    for (i64 r = 0; r < g.n; ++r) t[r] = g.leverage[r] * v.slope[r];
    // log|M| is that before the last step: what it gains by it, to first order.
    for (i64 r = 0; r < g.n && g.moved_last; ++r) out.criterion += t[r] * g.move[r];
    if (separate) newton_target(s, v.observed);
    adjoint(s, t.data(), solved);
    out.slope.resize(t.size());
    for (i64 r = 0; r < g.n; ++r)
        out.slope[r] = -2.0 * v.d1[r] + t[r] - v.observed[r] * g.adjoint[r];
    for (size_t r = 0; r < v.phi_loglik.size(); ++r)
        out.by_log_phi += -2.0 * v.phi_loglik[r] + g.leverage[r] * v.phi_weight[r] + g.adjoint[r] * v.phi_d1[r];
    lambda_derivatives(s, solved, faces, out);
}

}  // namespace

LaplaceResult laplace(Glmm& g, const Lambdas& lambda, const double* fixed, double phi,
                      std::vector<double> u, int order) {
    LaplaceResult out;
    auto w = g.cp->acquire();
    const Search s{g, lambda, fixed, phi, *w, out.ldL2};
    double value = 0.0;
    g.moved_last = false;
    out.found = find_mode(s, u, value, out.iterations);
    out.u = std::move(u);
    const bool separate = !g.observed && !g.family.canonical;
    if (out.found && separate) out.found = newton_target(s, g.values.expected);
    if (out.found) {
        out.criterion = value + out.ldL2;
        if (order > 0) differentiate(s, separate, out);
    }
    g.cp->release(std::move(w));
    return out;
}

}  // namespace nw
