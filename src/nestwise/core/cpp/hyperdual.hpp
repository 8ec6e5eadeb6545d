// Numbers that carry two first derivatives and the mixed second derivative, exact to rounding.
//
// Source: Fike & Alonso (2011), AIAA paper 2011-886.
#pragma once

#include <cmath>

namespace nw {

struct Hyperdual {
    double v = 0.0, a = 0.0, b = 0.0, ab = 0.0;
};

inline Hyperdual operator*(const Hyperdual& x, const Hyperdual& y) {
    return {x.v * y.v, x.v * y.a + x.a * y.v, x.v * y.b + x.b * y.v,
            x.v * y.ab + x.a * y.b + x.b * y.a + x.ab * y.v};
}

inline void operator+=(Hyperdual& x, const Hyperdual& y) {
    x.v += y.v;
    x.a += y.a;
    x.b += y.b;
    x.ab += y.ab;
}

inline void operator-=(Hyperdual& x, const Hyperdual& y) {
    x.v -= y.v;
    x.a -= y.a;
    x.b -= y.b;
    x.ab -= y.ab;
}

inline Hyperdual reciprocal(const Hyperdual& x) {
    const double r = 1.0 / x.v, r2 = r * r;
    return {r, -x.a * r2, -x.b * r2, (2.0 * x.a * x.b * r - x.ab) * r2};
}

// log |x|.
inline Hyperdual log_size(const Hyperdual& x) {
    const double r = 1.0 / x.v;
    return {std::log(std::fabs(x.v)), x.a * r, x.b * r, x.ab * r - x.a * x.b * r * r};
}

}  // namespace nw
