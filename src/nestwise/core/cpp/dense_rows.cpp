#include "dense_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lapack.hpp"

namespace nw {

namespace {

// Order of a product from which the library is faster than a loop.
constexpr double LARGE = 48.0 * 48.0 * 48.0;

double work(int n, int m, int k) { return static_cast<double>(n) * m * k; }

}  // namespace

void multiply(const double* A, const double* B, double* C, int n, int m, int k) {
    if (work(n, m, k) > LARGE) {
        // Row-major C = A B is column-major C' = B' A'.
        char plain = 'N';
        double one = 1.0, zero = 0.0;
        lapack().dgemm(&plain, &plain, &k, &n, &m, &one, const_cast<double*>(B), &k,
                       const_cast<double*>(A), &m, &zero, C, &k);
        return;
    }
    for (int i = 0; i < n; ++i) {
        double* row = C + static_cast<long>(i) * k;
        std::fill(row, row + k, 0.0);
        for (int j = 0; j < m; ++j) {
            const double a = A[static_cast<long>(i) * m + j];
            const double* b = B + static_cast<long>(j) * k;
            for (int l = 0; l < k; ++l) row[l] += a * b[l];
        }
    }
}

void multiply_transposed(const double* A, const double* B, double* C, int n, int m, int k) {
    for (int i = 0; i < n; ++i)
        for (int l = 0; l < k; ++l) {
            double total = 0.0;
            for (int j = 0; j < m; ++j) total += A[static_cast<long>(i) * m + j] * B[static_cast<long>(l) * m + j];
            C[static_cast<long>(i) * k + l] = total;
        }
}

void add_transposed_product(const double* A, const double* B, double* C, int m, int n, int k) {
    for (int j = 0; j < m; ++j)
        for (int i = 0; i < n; ++i) {
            const double a = A[static_cast<long>(j) * n + i];
            const double* b = B + static_cast<long>(j) * k;
            double* row = C + static_cast<long>(i) * k;
            for (int l = 0; l < k; ++l) row[l] += a * b[l];
        }
}

bool cholesky_lower(double* A, int n, double& logdet) {
    logdet = 0.0;
    for (int j = 0; j < n; ++j) {
        double* row = A + static_cast<long>(j) * n;
        for (int i = 0; i < j; ++i) {
            const double* other = A + static_cast<long>(i) * n;
            double total = row[i];
            for (int l = 0; l < i; ++l) total -= row[l] * other[l];
            row[i] = total / other[i];
        }
        double pivot = row[j];
        for (int l = 0; l < j; ++l) pivot -= row[l] * row[l];
        if (!(pivot > 0.0) || !std::isfinite(pivot)) return false;
        row[j] = std::sqrt(pivot);
        logdet += 2.0 * std::log(row[j]);
    }
    return true;
}

void invert_lower(double* L, int n) {
    for (int j = 0; j < n; ++j) {
        double* row = L + static_cast<long>(j) * n;
        const double inverse = 1.0 / row[j];
        for (int i = 0; i < j; ++i) {
            double total = 0.0;
            for (int l = i; l < j; ++l) total += row[l] * L[static_cast<long>(l) * n + i];
            row[i] = -total * inverse;
        }
        row[j] = inverse;
        for (int i = j + 1; i < n; ++i) row[i] = 0.0;
    }
}

void invert_from_cholesky(double* L, int n) {
    std::vector<double> inverse(L, L + static_cast<long>(n) * n);
    invert_lower(inverse.data(), n);
    std::fill(L, L + static_cast<long>(n) * n, 0.0);
    for (int l = 0; l < n; ++l) {
        const double* row = inverse.data() + static_cast<long>(l) * n;
        for (int i = 0; i <= l; ++i)
            for (int j = 0; j <= i; ++j) L[static_cast<long>(i) * n + j] += row[i] * row[j];
    }
    for (int i = 0; i < n; ++i)
        for (int j = 0; j < i; ++j) L[static_cast<long>(j) * n + i] = L[static_cast<long>(i) * n + j];
}

}  // namespace nw
