#include "basis.hpp"

#include <algorithm>
#include <cmath>

#include "lapack.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// Rows that are centred at a time: they stay in the cache, and X is never copied whole.
constexpr i64 CHUNK = 256;

// Share of a column's square that is left when those before it determine it.
constexpr double DEPENDENT = 1e-14;

double mean(const double* x, i64 n) {
    double total = 0.0, lost = 0.0;
    for (i64 start = 0; start < n; start += CHUNK) {
        const i64 end = std::min(n, start + CHUNK);
        double part = 0.0;
        for (i64 i = start; i < end; ++i) part += x[i];
        const double sum = total + part;  // Neumaier's compensation
        lost += std::fabs(total) >= std::fabs(part) ? (total - sum) + part : (part - sum) + total;
        total = sum;
    }
    return (total + lost) / static_cast<double>(n);
}

// Lower triangle of [X - center, y]'[X - center, y], (p + 1) x (p + 1), by columns.
std::vector<double> centred_products(const double* y, const double* X, i64 n, int p,
                                     const std::vector<double>& center) {
    int c = p + 1, lda = static_cast<int>(CHUNK);
    std::vector<double> out(static_cast<size_t>(c) * static_cast<size_t>(c), 0.0);
    std::vector<double> part(static_cast<size_t>(lda) * static_cast<size_t>(c));
    char lower = 'L', transposed = 'T';
    double one = 1.0;
    for (i64 start = 0; start < n; start += CHUNK) {
        int rows = static_cast<int>(std::min(n - start, CHUNK));
        for (int j = 0; j < p; ++j) {
            const double* x = X + static_cast<i64>(j) * n + start;
            double* to = part.data() + static_cast<i64>(j) * lda;
            const double shift = center[static_cast<size_t>(j)];
            for (int i = 0; i < rows; ++i) to[i] = x[i] - shift;
        }
        std::copy_n(y + start, rows, part.data() + static_cast<i64>(p) * lda);
        lapack().dsyrk(&lower, &transposed, &c, &rows, &one, part.data(), &lda, &one, out.data(), &c);
    }
    return out;
}

// Solve for the scaled coefficients by a Cholesky factor; a dependent column gets none.
std::vector<double> solve(const std::vector<double>& products, const std::vector<double>& scale, int p) {
    const i64 c = p + 1;
    std::vector<double> L(static_cast<size_t>(p) * static_cast<size_t>(p), 0.0), z(static_cast<size_t>(p));
    const auto at = [&](i64 i, i64 j) -> double& { return L[static_cast<size_t>(i * p + j)]; };
    for (i64 i = 0; i < p; ++i) {
        for (i64 j = 0; j <= i; ++j) {
            const double whole = products[static_cast<size_t>(j * c + i)] / scale[static_cast<size_t>(i)] /
                                 scale[static_cast<size_t>(j)];
            double rest = whole;
            for (i64 k = 0; k < j; ++k) rest -= at(i, k) * at(j, k);
            if (i == j)
                at(i, i) = rest > DEPENDENT * whole ? std::sqrt(rest) : 0.0;
            else
                at(i, j) = at(j, j) > 0.0 ? rest / at(j, j) : 0.0;
        }
        double right = products[static_cast<size_t>(i * c + p)] / scale[static_cast<size_t>(i)];
        for (i64 k = 0; k < i; ++k) right -= at(i, k) * z[static_cast<size_t>(k)];
        z[static_cast<size_t>(i)] = at(i, i) > 0.0 ? right / at(i, i) : 0.0;
    }
    for (i64 i = p - 1; i >= 0; --i) {
        for (i64 k = i + 1; k < p; ++k)
            z[static_cast<size_t>(i)] -= at(k, i) * z[static_cast<size_t>(k)];
        z[static_cast<size_t>(i)] = at(i, i) > 0.0 ? z[static_cast<size_t>(i)] / at(i, i) : 0.0;
    }
    return z;
}

}  // namespace

Basis make_basis(const double* y, const double* X, i64 n, int p, int intercept) {
    Basis out;
    const auto size = static_cast<size_t>(p);
    out.center.assign(size, 0.0);
    out.scale.assign(size, 1.0);
    for (int j = 0; j < p && intercept >= 0; ++j)
        if (j != intercept) out.center[static_cast<size_t>(j)] = mean(X + static_cast<i64>(j) * n, n);
    const std::vector<double> products = centred_products(y, X, n, p, out.center);
    for (int j = 0; j < p; ++j) {
        const double square = products[static_cast<size_t>(j) * static_cast<size_t>(p + 2)];
        if (j != intercept && square > 0.0)
            out.scale[static_cast<size_t>(j)] = std::sqrt(square / static_cast<double>(n));
    }
    out.shift = solve(products, out.scale, p);
    // The level goes first and alone: rounding then is that of small numbers, however far y is
    // from zero.
    const double level = intercept >= 0 ? out.shift[static_cast<size_t>(intercept)] : 0.0;
    out.residual.resize(static_cast<size_t>(n));
    for (i64 i = 0; i < n; ++i) out.residual[static_cast<size_t>(i)] = y[i] - level;
    for (i64 start = 0; start < n; start += CHUNK) {
        const i64 end = std::min(n, start + CHUNK);
        for (int j = 0; j < p; ++j) {
            const auto s = static_cast<size_t>(j);
            const double slope = out.shift[s] / out.scale[s], at = out.center[s];
            if (j == intercept || slope == 0.0) continue;
            const double* x = X + static_cast<i64>(j) * n;
            for (i64 i = start; i < end; ++i)
                out.residual[static_cast<size_t>(i)] -= slope * (x[i] - at);
        }
    }
    return out;
}

}  // namespace nw
