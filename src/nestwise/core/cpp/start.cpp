#include "start.hpp"

#include <algorithm>
#include <cmath>

#include "small.hpp"
#include "trust.hpp"

namespace nw {

namespace {

// As in core/start.py.
constexpr double smallest = 0.1, largest = 30.0, rank = 1e-8, least_residual = 0.05;

// Least squares of shortest length for gram (c x c, unit diagonal) x = rhs.
std::vector<double> shortest_solution(const std::vector<double>& gram, const std::vector<double>& rhs) {
    const int c = static_cast<int>(rhs.size());
    std::vector<double> values, V, out(rhs.size(), 0.0);
    symmetric_eigen(gram, c, values, V);
    double top = 0.0;
    for (double v : values) top = std::max(top, std::fabs(v));
    for (int j = 0; j < c; ++j) {
        if (std::fabs(values[j]) <= rank * top) continue;
        double along = 0.0;
        for (int i = 0; i < c; ++i) along += V[i * c + j] * rhs[i];
        for (int i = 0; i < c; ++i) out[i] += V[i * c + j] * along / values[j];
    }
    return out;
}

// Components relative to the residual variance; rough, maybe negative.
std::vector<double> components(const std::vector<double>& gram, const std::vector<double>& quadratic,
                               double n) {
    const size_t c = quadratic.size();
    std::vector<double> size(c), unit(gram), rhs(c);
    for (size_t i = 0; i < c; ++i) {
        size[i] = std::sqrt(std::max(gram[i * c + i], 1e-300));
        rhs[i] = quadratic[i] / size[i];
    }
    for (size_t i = 0; i < c; ++i)
        for (size_t j = 0; j < c; ++j) unit[i * c + j] /= size[i] * size[j];
    std::vector<double> out = shortest_solution(unit, rhs);
    for (size_t i = 0; i < c; ++i) out[i] /= size[i];
    const double residual = std::max({out[c - 1], least_residual * quadratic[c - 1] / n, 1e-300});
    for (double& v : out) v /= residual;
    return out;
}

// Lower Cholesky factor of a symmetric matrix with its spectrum brought into bounds, in place.
void nearest_factor(std::vector<double>& A, int k) {
    std::vector<double> values, V;
    symmetric_eigen(A, k, values, V);
    for (double& v : values) v = std::min(std::max(v, smallest * smallest), largest * largest);
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < k; ++j) {
            double s = 0.0;
            for (int t = 0; t < k; ++t) s += V[i * k + t] * values[t] * V[j * k + t];
            A[i * k + j] = s;
        }
    cholesky<0>(A.data(), k);
}

}  // namespace

std::vector<double> moment_start(const std::vector<double>& gram, const std::vector<double>& quadratic,
                                 double n, const std::vector<Entry>& entries,
                                 const std::vector<int>& widths) {
    const std::vector<double> tau = components(gram, quadratic, n);
    std::vector<std::vector<double>> blocks;
    for (int k : widths) blocks.emplace_back(static_cast<size_t>(k * k), 0.0);
    for (size_t i = 0; i < entries.size(); ++i) {
        const auto [f, r, c] = entries[i];
        blocks[f][r * widths[f] + c] = blocks[f][c * widths[f] + r] = tau[i];
    }
    for (size_t f = 0; f < blocks.size(); ++f) nearest_factor(blocks[f], widths[f]);
    std::vector<double> par;
    for (const Entry& e : entries) par.push_back(blocks[e.factor][e.row * widths[e.factor] + e.column]);
    return par;
}

}  // namespace nw
