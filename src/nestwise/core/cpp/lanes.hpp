// Arithmetic in lanes: four numbers at a time where the compiler knows vectors, one elsewhere;
// exponential and logarithm without branches. Nothing is reordered and no product is fused with a
// sum, so that wider machines give the same digits.
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

#if defined(__GNUC__)
#define NW_INLINE __attribute__((always_inline)) inline
#else
#define NW_INLINE inline
#endif

namespace nw {

#if defined(__GNUC__)
constexpr int kLanes = 4;
typedef double Lane __attribute__((vector_size(32)));
typedef std::uint64_t LaneBits __attribute__((vector_size(32)));
// Sum of the lanes.
NW_INLINE double across(Lane a) { return (a[0] + a[1]) + (a[2] + a[3]); }
NW_INLINE double largest(Lane a) { return std::fmax(std::fmax(a[0], a[1]), std::fmax(a[2], a[3])); }
#else
constexpr int kLanes = 1;
typedef double Lane;
typedef std::uint64_t LaneBits;
NW_INLINE double across(Lane a) { return a; }
NW_INLINE double largest(Lane a) { return a; }
#endif

NW_INLINE Lane load(const double* from) {
    Lane x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

NW_INLINE void store(double* to, Lane x) { std::memcpy(to, &x, sizeof x); }

// The same number in all lanes.
NW_INLINE Lane all(double x) { return x - Lane{}; }

template <class V>
NW_INLINE V smaller(V a, V b) {
    return a < b ? a : b;
}

template <class V>
NW_INLINE V larger(V a, V b) {
    return a > b ? a : b;
}

template <class To, class From>
NW_INLINE To same_bits(From x) {
    static_assert(sizeof(To) == sizeof(From), "of the same size");
    To out;
    std::memcpy(&out, &x, sizeof out);
    return out;
}

constexpr double kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;

// exp(x) for -700 <= x <= 700: x = k log 2 + r, a Taylor polynomial of r, and k into the exponent.
// V is a double, B its bits; or lanes of them.
template <class V, class B>
NW_INLINE V exp_of(V x) {
    constexpr double kMagic = 0x1.8p52;  // adding it rounds to a whole number, kept in the low bits
    const V t = x * 0x1.71547652b82fep0 + kMagic, k = t - kMagic;
    const V r = (x - k * kLn2High) - k * kLn2Low;
    V p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
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
    return same_bits<V>(same_bits<B>(p) + (same_bits<B>(t) << 52));
}

// log(x) for finite x >= 1: x = 2^k m, and the series of log m = 2 atanh((m - 1) / (m + 1)).
template <class V, class B>
NW_INLINE V log_of(V x) {
    constexpr std::uint64_t kHalf = 0x3fe6a09e667f3bcdULL;  // sqrt(1/2): m lies about one
    constexpr std::uint64_t kWhole = 0x4330000000000000ULL;  // with it low bits are a number's units
    const B power = (same_bits<B>(x) - kHalf) >> 52;
    const V k = same_bits<V>(power | kWhole) - 0x1p52;
    const V m = same_bits<V>(same_bits<B>(x) - (power << 52));
    const V s = (m - 1.0) / (m + 1.0), z = s * s;
    V p = z * (2.0 / 23.0) + 2.0 / 21.0;
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
template <class V, class B>
NW_INLINE V log1p_of(V x) {
    const V one = 1.0 + x;
    return log_of<V, B>(one) + (x - (one - 1.0)) / one;
}

NW_INLINE Lane lane_exp(Lane x) { return exp_of<Lane, LaneBits>(x); }
NW_INLINE Lane lane_log(Lane x) { return log_of<Lane, LaneBits>(x); }
NW_INLINE Lane lane_log1p(Lane x) { return log1p_of<Lane, LaneBits>(x); }
NW_INLINE double fast_exp(double x) { return exp_of<double, std::uint64_t>(x); }
NW_INLINE double fast_log(double x) { return log_of<double, std::uint64_t>(x); }

}  // namespace nw
