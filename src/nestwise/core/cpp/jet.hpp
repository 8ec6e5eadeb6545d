// Numbers that carry all first and second derivatives by M parameters, exact to rounding.
//
// Source: Griewank & Walther (2008), Evaluating Derivatives, 2nd ed., section 13.2 (univariate and
// multivariate Taylor arithmetic of second order).
#pragma once

#include <cmath>

namespace nw {

template <int M>
struct Jet {
    double v = 0.0;
    double g[M] = {};                // by each parameter
    double h[M * (M + 1) / 2] = {};  // lower triangle, row by row
};

// out += sign * x * y.
template <int M>
inline void add_product(Jet<M>& out, const Jet<M>& x, const Jet<M>& y, double sign = 1.0) {
    const double a = sign * x.v, b = sign * y.v;
    out.v += a * y.v;
    for (int i = 0, ij = 0; i < M; ++i) {
        out.g[i] += a * y.g[i] + b * x.g[i];
        const double xi = sign * x.g[i], yi = sign * y.g[i];
        for (int j = 0; j <= i; ++j, ++ij) out.h[ij] += a * y.h[ij] + b * x.h[ij] + xi * y.g[j] + yi * x.g[j];
    }
}

// out += by * x.
template <int M>
inline void add_multiple(Jet<M>& out, const Jet<M>& x, double by) {
    out.v += by * x.v;
    for (int i = 0; i < M; ++i) out.g[i] += by * x.g[i];
    for (int i = 0; i < M * (M + 1) / 2; ++i) out.h[i] += by * x.h[i];
}

// f(x) from the value of f and its first two derivatives there.
template <int M>
inline Jet<M> composed(const Jet<M>& x, double f, double d1, double d2) {
    Jet<M> out;
    out.v = f;
    for (int i = 0, ij = 0; i < M; ++i) {
        out.g[i] = d1 * x.g[i];
        for (int j = 0; j <= i; ++j, ++ij) out.h[ij] = d1 * x.h[ij] + d2 * x.g[i] * x.g[j];
    }
    return out;
}

template <int M>
inline Jet<M> reciprocal(const Jet<M>& x) {
    const double r = 1.0 / x.v;
    return composed(x, r, -r * r, 2.0 * r * r * r);
}

template <int M>
inline Jet<M> square_root(const Jet<M>& x) {
    const double root = std::sqrt(x.v);
    return composed(x, root, 0.5 / root, -0.25 / (root * x.v));
}

template <int M>
inline Jet<M> logarithm(const Jet<M>& x) {
    const double r = 1.0 / x.v;
    return composed(x, std::log(x.v), r, -r * r);
}

template <int M>
inline Jet<M> product(const Jet<M>& x, const Jet<M>& y) {
    Jet<M> out;
    add_product(out, x, y);
    return out;
}

}  // namespace nw
