// Arithmetic in lanes: loops over four numbers at a time that a compiler turns into vectors,
// exponential and logarithm without branches among them. The same digits on every machine: nothing
// is reordered, and no product is fused with a sum.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

// One more version of a function for machines with wider vectors, chosen when the module is loaded.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define NW_WIDE __attribute__((target_clones("avx2", "default"), flatten))
#else
#define NW_WIDE
#endif

namespace nw {

constexpr int kLanes = 4;

inline std::uint64_t bits_of(double x) {
    std::uint64_t b;
    std::memcpy(&b, &x, sizeof b);
    return b;
}

inline double of_bits(std::uint64_t b) {
    double x;
    std::memcpy(&x, &b, sizeof x);
    return x;
}

constexpr double kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;

// exp(x) for -700 <= x <= 700: x = k log 2 + r, a Taylor polynomial of r, and k into the exponent.
inline double lane_exp(double x) {
    constexpr double kMagic = 0x1.8p52;  // adding it rounds to a whole number, kept in the low bits
    const double t = x * 0x1.71547652b82fep0 + kMagic, k = t - kMagic;
    const double r = (x - k * kLn2High) - k * kLn2Low;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return of_bits(bits_of(p) + (bits_of(t) << 52));
}

// log(x) for finite x >= 1: x = 2^k m, and the series of log m = 2 atanh((m - 1) / (m + 1)).
inline double lane_log(double x) {
    constexpr std::uint64_t kHalf = 0x3fe6a09e667f3bcdULL;  // sqrt(1/2): m lies about one
    const std::uint64_t power = (bits_of(x) - kHalf) >> 52;
    const double k = of_bits(power | 0x4330000000000000ULL) - 0x1p52;
    const double m = of_bits(bits_of(x) - (power << 52));
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 2.0 / 23.0;
    p = p * z + 2.0 / 21.0;
    p = p * z + 2.0 / 19.0;
    p = p * z + 2.0 / 17.0;
    p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0;
    p = p * z + 2.0 / 11.0;
    p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0;
    p = p * z + 2.0 / 5.0;
    p = p * z + 2.0 / 3.0;
    return k * kLn2High + (2.0 * s + (s * (z * p) + k * kLn2Low));
}

// log(1 + x) for 0 <= x <= 1e300: what rounding takes from 1 + x is put back.
inline double lane_log1p(double x) {
    const double one = 1.0 + x;
    return lane_log(one) + (x - (one - 1.0)) / one;
}

// Sum of the lanes.
inline double across(const double* a) { return (a[0] + a[1]) + (a[2] + a[3]); }

}  // namespace nw
