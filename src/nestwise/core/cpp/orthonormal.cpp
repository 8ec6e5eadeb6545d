#include "orthonormal.hpp"

#include <cmath>

namespace nw {

namespace {

double dot(const double* a, const double* b, std::size_t n) {
    double s[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (std::size_t l = 0; l < 4; ++l) s[l] += a[i + l] * b[i + l];
    for (; i < n; ++i) s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

// Column j of Q, orthogonal to those before it; fills column j of R.
void orthogonalise(double* Q, std::size_t n, int j, int p, double* R) {
    double* q = Q + static_cast<std::size_t>(j) * n;
    for (int turn = 0; turn < 2; ++turn)
        for (int i = 0; i < j; ++i) {
            const double* other = Q + static_cast<std::size_t>(i) * n;
            const double by = dot(other, q, n);
            R[i * p + j] += by;
            for (std::size_t r = 0; r < n; ++r) q[r] -= by * other[r];
        }
    const double length = std::sqrt(dot(q, q, n));
    R[j * p + j] = length;
    for (std::size_t r = 0; r < n; ++r) q[r] /= length;
}

}  // namespace

LeastSquares least_squares(const double* X, const double* y, std::size_t n, int p) {
    LeastSquares out;
    std::vector<double> Q(X, X + n * static_cast<std::size_t>(p));
    out.R.assign(static_cast<std::size_t>(p) * p, 0.0);
    out.beta.assign(static_cast<std::size_t>(p), 0.0);
    out.residuals.assign(y, y + n);
    for (int j = 0; j < p; ++j) orthogonalise(Q.data(), n, j, p, out.R.data());
    for (int j = 0; j < p; ++j) out.beta[j] = dot(&Q[static_cast<std::size_t>(j) * n], y, n);
    for (int i = p; i-- > 0;) {
        for (int l = i + 1; l < p; ++l) out.beta[i] -= out.R[i * p + l] * out.beta[l];
        out.beta[i] /= out.R[i * p + i];
    }
    for (int j = 0; j < p; ++j)
        for (std::size_t r = 0; r < n; ++r) out.residuals[r] -= out.beta[j] * X[static_cast<std::size_t>(j) * n + r];
    out.Q.resize(Q.size());
    for (int j = 0; j < p; ++j)
        for (std::size_t r = 0; r < n; ++r) out.Q[r * p + j] = Q[static_cast<std::size_t>(j) * n + r];
    return out;
}

}  // namespace nw
