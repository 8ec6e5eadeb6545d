#include "trust.hpp"

#include <algorithm>
#include <cmath>

#include "small.hpp"

namespace nw {

namespace {

constexpr double flat = 1e-9, nothing = 1e-12;  // as FLAT and NOTHING in fit/newton.py
constexpr double clearly = 1e-5;  // pivot, relative to the largest diagonal

// Turn rows and columns p and q of a symmetric A so that A[p, q] vanishes: exactly, since what
// rounding would leave there keeps the sweeps from ending.
void rotate(std::vector<double>& A, std::vector<double>& V, int m, int p, int q, double t) {
    const double c = 1.0 / std::sqrt(1.0 + t * t), s = t * c, x = A[p * m + q];
    A[p * m + p] -= t * x;
    A[q * m + q] += t * x;
    A[p * m + q] = A[q * m + p] = 0.0;
    for (int i = 0; i < m; ++i) {
        const double v = V[i * m + p], u = V[i * m + q];
        V[i * m + p] = c * v - s * u;
        V[i * m + q] = s * v + c * u;
        if (i == p || i == q) continue;
        const double a = A[i * m + p], b = A[i * m + q];
        A[i * m + p] = A[p * m + i] = c * a - s * b;
        A[i * m + q] = A[q * m + i] = s * a + c * b;
    }
}

// The Newton step where the curvature is clearly positive: no eigenvalue is needed. Empty elsewhere.
std::vector<double> positive_step(const std::vector<double>& gradient, std::vector<double> H, double& predicted) {
    const int m = static_cast<int>(gradient.size());
    double largest = nothing;
    for (int i = 0; i < m; ++i) largest = std::max(largest, std::fabs(H[i * m + i]));
    if (!cholesky<0>(H.data(), m)) return {};
    for (int i = 0; i < m; ++i)
        if (H[i * m + i] * H[i * m + i] < clearly * largest) return {};
    std::vector<double> move(gradient);
    solve_lower<0>(H.data(), m, move.data(), 1, 1);
    predicted = 0.0;
    for (double& v : move) {
        predicted += 0.5 * v * v;
        v = -v;
    }
    solve_lower_transposed<0>(H.data(), m, move.data(), 1, 1);
    return move;
}

double norm(const std::vector<double>& x) {
    double s = 0.0;
    for (double v : x) s += v * v;
    return std::sqrt(s);
}

}  // namespace

void symmetric_eigen(std::vector<double> A, int m, std::vector<double>& values, std::vector<double>& V) {
    V.assign(static_cast<size_t>(m * m), 0.0);
    for (int i = 0; i < m; ++i) V[i * m + i] = 1.0;
    for (int sweep = 0; sweep < 60; ++sweep) {
        double off = 0.0, all = 0.0;
        for (int i = 0; i < m; ++i)
            for (int j = 0; j < m; ++j) (i == j ? all : off) += A[i * m + j] * A[i * m + j];
        if (off <= 1e-30 * (all + off)) break;
        for (int p = 0; p < m; ++p)
            for (int q = p + 1; q < m; ++q) {
                if (A[p * m + q] == 0.0) continue;
                const double tau = (A[q * m + q] - A[p * m + p]) / (2.0 * A[p * m + q]);
                const double t = (tau >= 0 ? 1.0 : -1.0) / (std::fabs(tau) + std::sqrt(1.0 + tau * tau));
                rotate(A, V, m, p, q, t);
            }
    }
    values.resize(static_cast<size_t>(m));
    for (int i = 0; i < m; ++i) values[i] = A[i * m + i];
}

Step trust_step(const std::vector<double>& gradient, const std::vector<double>& hessian, double radius) {
    double predicted = 0.0;
    std::vector<double> newton = positive_step(gradient, hessian, predicted);
    if (!newton.empty()) {
        const double size = norm(newton);
        if (size <= radius * 1.01) return {std::move(newton), size, predicted};
    }
    const int m = static_cast<int>(gradient.size());
    std::vector<double> values, along(gradient.size(), 0.0), c(gradient.size());
    std::vector<double> V;
    symmetric_eigen(hessian, m, values, V);
    double largest = 0.0;
    for (double& v : values) largest = std::max(largest, v = std::fabs(v));
    for (int j = 0; j < m; ++j) {
        values[j] = std::max({values[j], flat * largest, nothing});
        for (int i = 0; i < m; ++i) along[j] += V[i * m + j] * gradient[i];
    }
    double damping = 0.0, length = 0.0;
    for (int turn = 0; turn < 60; ++turn) {
        double slope = 0.0;
        length = 0.0;
        for (int j = 0; j < m; ++j) {
            c[j] = -along[j] / (values[j] + damping);
            length += c[j] * c[j];
            slope += c[j] * c[j] / (values[j] + damping);
        }
        length = std::sqrt(length);
        if (length <= radius * 1.01) break;
        damping += (length / radius - 1.0) * length * length / slope;
    }
    Step out{std::vector<double>(gradient.size(), 0.0), length, 0.0};
    for (int j = 0; j < m; ++j) {
        out.predicted -= along[j] * c[j] + 0.5 * values[j] * c[j] * c[j];
        for (int i = 0; i < m; ++i) out.move[i] += V[i * m + j] * c[j];
    }
    return out;
}

}  // namespace nw
