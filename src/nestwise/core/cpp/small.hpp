// Small dense blocks, row-major, of width K known at compile time (0: known at run time only).
#pragma once

#include <cmath>
#include <type_traits>

namespace nw {

template <int K>
using Width = std::integral_constant<int, K>;

// Call `f(Width<K>())` with the compile-time width that fits k.
template <class F>
inline void with_width(int k, F&& f) {
    switch (k) {
        case 1: f(Width<1>()); break;
        case 2: f(Width<2>()); break;
        case 3: f(Width<3>()); break;
        default: f(Width<0>()); break;
    }
}

// Lower Cholesky factor in place (upper part left as it was); false if not positive definite.
template <int K>
inline bool cholesky(double* a, int kd) {
    const int k = K ? K : kd;
    for (int j = 0; j < k; ++j) {
        double d = a[j * k + j];
        for (int t = 0; t < j; ++t) d -= a[j * k + t] * a[j * k + t];
        if (!(d > 0.0)) return false;
        d = std::sqrt(d);
        a[j * k + j] = d;
        for (int i = j + 1; i < k; ++i) {
            double s = a[i * k + j];
            for (int t = 0; t < j; ++t) s -= a[i * k + t] * a[j * k + t];
            a[i * k + j] = s / d;
        }
    }
    return true;
}

// B <- L^-1 B, B of k rows and n columns with row stride ld.
template <int K>
inline void solve_lower(const double* L, int kd, double* B, int n, int ld) {
    const int k = K ? K : kd;
    for (int i = 0; i < k; ++i) {
        double* bi = B + static_cast<long>(i) * ld;
        for (int t = 0; t < i; ++t) {
            const double c = L[i * k + t];
            const double* bt = B + static_cast<long>(t) * ld;
            for (int j = 0; j < n; ++j) bi[j] -= c * bt[j];
        }
        const double inv = 1.0 / L[i * k + i];
        for (int j = 0; j < n; ++j) bi[j] *= inv;
    }
}

// B <- L^-T B.
template <int K>
inline void solve_lower_transposed(const double* L, int kd, double* B, int n, int ld) {
    const int k = K ? K : kd;
    for (int i = k - 1; i >= 0; --i) {
        double* bi = B + static_cast<long>(i) * ld;
        for (int t = i + 1; t < k; ++t) {
            const double c = L[t * k + i];
            const double* bt = B + static_cast<long>(t) * ld;
            for (int j = 0; j < n; ++j) bi[j] -= c * bt[j];
        }
        const double inv = 1.0 / L[i * k + i];
        for (int j = 0; j < n; ++j) bi[j] *= inv;
    }
}

// out (k x n, stride n) = Lambda' A, Lambda lower triangular k x k, A k x n with stride n.
template <int K>
inline void lambda_t_times(const double* Lambda, int kd, const double* A, int n, double* out) {
    const int k = K ? K : kd;
    for (int i = 0; i < k; ++i) {
        double* o = out + static_cast<long>(i) * n;
        for (int j = 0; j < n; ++j) o[j] = 0.0;
        for (int t = i; t < k; ++t) {
            const double c = Lambda[t * k + i];
            const double* a = A + static_cast<long>(t) * n;
            for (int j = 0; j < n; ++j) o[j] += c * a[j];
        }
    }
}

// B (k rows, n columns of stride ld) <- B Lambda, Lambda lower triangular n x n, in place.
inline void times_lambda(double* B, int k, int ld, const double* Lambda, int n) {
    for (int i = 0; i < k; ++i) {
        double* b = B + static_cast<long>(i) * ld;
        // Column j of the product reads columns t >= j only, so going upwards is safe.
        for (int j = 0; j < n; ++j) {
            double s = 0.0;
            for (int t = j; t < n; ++t) s += b[t] * Lambda[t * n + j];
            b[j] = s;
        }
    }
}

}  // namespace nw
