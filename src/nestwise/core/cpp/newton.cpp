#include "newton.hpp"

#include <cmath>

#include "elimination.hpp"
#include "gradient.hpp"
#include "probes.hpp"
#include "small.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using Matrix = std::vector<double>;

// As in fit/point.py and fit/boundary.py.
constexpr double near_zero = 1e-4, nudge = 3e-3, snap = 3e-3;
constexpr double pi = 3.14159265358979323846;

Lambdas fill(const CrossProducts& cp, const std::vector<Entry>& entries, const std::vector<double>& par) {
    Lambdas out;
    for (const Factor& f : cp.factors) out.emplace_back(static_cast<size_t>(f.k * f.k), 0.0);
    for (size_t i = 0; i < entries.size(); ++i)
        out[entries[i].factor][entries[i].row * cp.factors[entries[i].factor].k + entries[i].column] = par[i];
    return out;
}

// Inverse of a lower triangle; false where it is too near singular to divide by.
bool invert_lower(const std::vector<double>& L, int k, Matrix& out) {
    for (int i = 0; i < k; ++i)
        if (std::fabs(L[i * k + i]) < near_zero) return false;
    out.assign(static_cast<size_t>(k * k), 0.0);
    for (int i = 0; i < k; ++i) out[i * k + i] = 1.0;
    solve_lower<0>(L.data(), k, out.data(), k, k);
    for (double v : out)
        if (std::fabs(v) >= 1.0 / near_zero) return false;
    return true;
}

// Lambda Lambda' + nudge^2 I, factorised.
std::vector<double> nudged(const std::vector<double>& L, int k) {
    std::vector<double> out(L.size(), 0.0);
    for (int i = 0; i < k; ++i)
        for (int j = 0; j <= i; ++j) {
            double s = i == j ? nudge * nudge : 0.0;
            for (int t = 0; t <= j; ++t) s += L[i * k + t] * L[j * k + t];
            out[i * k + j] = s;
        }
    cholesky<0>(out.data(), k);
    return out;
}

// S = Lambda^-T (m I - sum C_ll) Lambda^-1 - ratio sum v v', of one factor.
Matrix score(const Matrix& inverse, const std::vector<double>& faces, const std::vector<double>& gram,
             int k, int levels, double ratio) {
    Matrix middle(faces.size()), S(faces.size(), 0.0);
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < k; ++j) {
            double s = 0.0;
            for (int t = 0; t < k; ++t) s += ((i == t ? levels : 0.0) - faces[i * k + t]) * inverse[t * k + j];
            middle[i * k + j] = s;
        }
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < k; ++j) {
            double s = 0.0;
            for (int t = 0; t < k; ++t) s += inverse[t * k + i] * middle[t * k + j];
            S[i * k + j] = s - ratio * gram[i * k + j];
        }
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < i; ++j) S[i * k + j] = S[j * k + i] = 0.5 * (S[i * k + j] + S[j * k + i]);
    return S;
}

// df / rho^2, one over the residual variance.
double precision(const CrossProducts& cp, Criterion kind, double pwrss) {
    if (kind == Criterion::known_scale) return 1.0;
    return static_cast<double>(kind == Criterion::reml ? cp.n - cp.p : cp.n) / pwrss;
}

std::vector<Matrix> scores(const CrossProducts& cp, Lambdas lambda, Faces faces, Criterion kind,
                           Workspace& w, Point& point) {
    std::vector<Matrix> inverse(cp.factors.size());
    bool singular = false;
    double ratio = precision(cp, kind, point.det.pwrss);
    for (size_t f = 0; f < cp.factors.size(); ++f)
        if (!invert_lower(lambda[f], cp.factors[f].k, inverse[f])) {
            singular = true;
            lambda[f] = nudged(lambda[f], cp.factors[f].k);
        }
    if (singular) {
        const Determinants det = eliminate(cp, lambda, w);
        faces = Faces{};
        solve_modes(cp, lambda, w);
        selected_inverse(cp, lambda, kind == Criterion::reml, w, faces, nullptr);
        score_sums(cp, w, faces);
        ratio = precision(cp, kind, det.pwrss);
        ++point.evaluations;
        point.in_workspace = false;
        for (size_t f = 0; f < cp.factors.size(); ++f) invert_lower(lambda[f], cp.factors[f].k, inverse[f]);
    }
    std::vector<Matrix> out;
    for (size_t f = 0; f < cp.factors.size(); ++f)
        out.push_back(score(inverse[f], faces.inverse[f], faces.residual[f], cp.factors[f].k,
                            cp.factors[f].m, ratio));
    return out;
}

// Whether a diagonal of Lambda is so small that other coordinates may be better.
bool nearly_singular(const std::vector<Entry>& entries, const std::vector<double>& par, double leave) {
    for (size_t i = 0; i < entries.size(); ++i)
        if (entries[i].row == entries[i].column && std::fabs(par[i]) < leave) return true;
    return false;
}

// Gradients estimated from random signs: an inverse of the remainder is made once, near the
// optimum, and further gradients are its own plus what the estimates changed since.
struct Probing {
    Probes probes;  // no column: every gradient is exact
    double tolerance;
    Faces exact;  // at the last point with an inverse
    Estimates at;
};

// Promised decrease that the errors of an estimated gradient may make up.
constexpr double noise_share = 0.1;

// Half the variance of an estimated gradient, measured by the curvature: what its errors promise.
double noise_of(const CrossProducts& cp, const std::vector<Entry>& entries, const Probes& probes,
                const Estimates& each, const Point& point) {
    double out = 0.0;
    std::vector<double> error(entries.size());
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const int K = probes.complete[f] ? 0 : probes.count(f);
        for (int c = 0; c < K; ++c) {
            for (size_t i = 0; i < entries.size(); ++i) {
                error[i] = 0.0;
                if (static_cast<size_t>(entries[i].factor) != f) continue;
                const int at = entries[i].row * cp.factors[f].k + entries[i].column;
                const double* own = each.logdet[f].data() + static_cast<i64>(at) * K;
                for (int d = 0; d < K; ++d) error[i] += 2.0 * (own[c] - own[d]) / K;
            }
            out += trust_step(error, point.hessian, 1e300).predicted / (K * (K - 1.0));
        }
    }
    return out;
}

// Gradient and model Hessian from the faces and the average information.
void derive(const CrossProducts& cp, const std::vector<Entry>& entries, const Lambdas& lambda,
            Criterion kind, Workspace& w, Point& out) {
    const size_t m = entries.size();
    const double ratio = precision(cp, kind, out.det.pwrss);
    std::vector<double> along;
    out.gradient.clear();
    for (const Entry& e : entries) {
        const int at = e.row * cp.factors[e.factor].k + e.column;
        const double pwrss = -2.0 * out.faces.score[e.factor][at];
        along.push_back(-pwrss);
        out.gradient.push_back(2.0 * out.faces.logdet[e.factor][at] + ratio * pwrss);
    }
    out.hessian = out.gram;
    const std::vector<Matrix> S = scores(cp, lambda, out.faces, kind, w, out);
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j) {
            double& h = out.hessian[i * m + j];
            if (kind != Criterion::known_scale) h = ratio * (h - along[i] * along[j] / out.det.pwrss);
            const Entry &a = entries[i], &b = entries[j];
            if (a.factor == b.factor && a.column == b.column)
                h += 2.0 * S[a.factor][a.row * cp.factors[a.factor].k + b.row];
        }
}

// Gradient by estimates, and by an inverse where their errors hide what is still promised.
void estimate(const CrossProducts& cp, const std::vector<Entry>& entries, const Lambdas& lambda,
              Criterion kind, Workspace& w, Probing& probing, Point& out) {
    const bool reml = kind == Criterion::reml;
    Estimates each = estimated_faces(cp, lambda, reml, probing.probes, w);
    average_information(cp, lambda, entries, w, out.gram.data());
    const Estimates change = since(each, probing.at);
    average(probing.probes, change, out.faces);
    add_sums(probing.exact, out.faces);
    score_sums(cp, w, out.faces);
    derive(cp, entries, lambda, kind, w, out);
    const double promised = trust_step(out.gradient, out.hessian, 1e300).predicted;
    const double noise = noise_of(cp, entries, probing.probes, change, out);
    if (noise <= std::max(noise_share * promised, probing.tolerance)) return;
    out.faces = Faces{};
    selected_inverse(cp, lambda, reml, w, out.faces, nullptr);
    score_sums(cp, w, out.faces);
    derive(cp, entries, lambda, kind, w, out);
    probing.exact = out.faces;
    probing.at = std::move(each);
}

Point evaluate(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
               Criterion kind, Workspace& w, Probing* probing = nullptr) {
    const bool reml = kind == Criterion::reml, known = kind == Criterion::known_scale;
    Point out;
    out.par = std::move(par);
    const Lambdas lambda = fill(cp, entries, out.par);
    out.det = eliminate(cp, lambda, w);
    if (!out.det.positive || !(out.det.pwrss > 0.0)) return out;
    solve_modes(cp, lambda, w);
    out.gram.resize(entries.size() * entries.size());
    out.in_workspace = true;
    if (probing && probing->probes.m > 0 && !nearly_singular(entries, out.par, snap)) {
        estimate(cp, entries, lambda, kind, w, *probing, out);
        if (!out.in_workspace) {  // near a singular Lambda: the factor that an inverse needs is gone
            Point again = evaluate(cp, entries, std::move(out.par), kind, w);
            again.evaluations += out.evaluations;
            return again;
        }
    } else {
        selected_inverse(cp, lambda, reml, w, out.faces, nullptr);
        score_sums(cp, w, out.faces);
        average_information(cp, lambda, entries, w, out.gram.data());
        derive(cp, entries, lambda, kind, w, out);
    }
    const double df = static_cast<double>(reml ? cp.n - cp.p : cp.n);
    out.value = out.det.ldL2 + (reml ? out.det.ldRX2 : 0.0) +
                (known ? out.det.pwrss : df * (1.0 + std::log(2.0 * pi * out.det.pwrss / df)));
    return out;
}

// The point with diagonals that are nearly zero set to zero, where the criterion is no worse.
Point snapped(const CrossProducts& cp, const std::vector<Entry>& entries, Point point, Criterion kind,
              Workspace& w) {
    std::vector<double> par = point.par;
    bool near = false;
    for (size_t i = 0; i < entries.size(); ++i)
        if (entries[i].row == entries[i].column && par[i] != 0.0 && std::fabs(par[i]) < snap) {
            par[i] = 0.0;
            near = true;
        }
    if (!near) return point;
    Point trial = evaluate(cp, entries, par, kind, w);
    trial.evaluations += point.evaluations;
    if (trial.value <= point.value + 1e-9 + 1e-14 * std::fabs(point.value)) return trial;
    point.evaluations = trial.evaluations;
    return point;
}

// Bring the modes of a point that is not the one evaluated last into the workspace.
void bring_back(const CrossProducts& cp, const std::vector<Entry>& entries, Point& point, Workspace& w) {
    const Lambdas lambda = fill(cp, entries, point.par);
    eliminate(cp, lambda, w);
    solve_modes(cp, lambda, w);
    point.in_workspace = true;
}

}  // namespace

Path descend(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
             Criterion kind, const Limits& limits, Workspace& w) {
    Probing probing{};
    if (limits.probes > 1) probing = {make_probes(cp, limits.probes, 2 * limits.probes), limits.tolerance, {}, {}};
    auto at = [&](std::vector<double> to) { return evaluate(cp, entries, std::move(to), kind, w, &probing); };
    auto leave = [&](const Point& point, int count, bool slow) {
        return (slow && count > limits.patience) || nearly_singular(entries, point.par, limits.leave);
    };
    Route<Point> route = descend_from<Point>(std::move(par), limits.tolerance, limits.evaluations, at, leave);
    if (!route.last) route.point.in_workspace = false;
    if (std::isfinite(route.point.value) && !route.point.in_workspace)
        bring_back(cp, entries, route.point, w);
    return {std::move(route.point), route.decrease, route.evaluations, route.stopped};
}

Optimum minimise(const CrossProducts& cp, const std::vector<Entry>& entries, std::vector<double> par,
                 Criterion kind, double tolerance, int max_evaluations, Workspace& w) {
    const Limits limits{tolerance, max_evaluations, max_evaluations, 0.0};
    Path path = descend(cp, entries, std::move(par), kind, limits, w);
    Point& point = path.point;
    const bool finite = std::isfinite(point.value);
    if (finite) {
        point.evaluations = path.evaluations;
        point = snapped(cp, entries, std::move(point), kind, w);
        path.evaluations = point.evaluations;
        bring_back(cp, entries, point, w);
    }
    return {point.par, point.value, point.det.ldL2, point.det.ldRX2, point.det.pwrss, path.decrease,
            path.evaluations, finite};
}

}  // namespace nw
